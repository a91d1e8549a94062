"""Slugs made from names."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.text import slugify

from core.ids import uuid7

MAX_FROM_NAME = 50
"""Characters of a name that go into a slug of 63."""


def free_slug(taken: QuerySet[Any], name: str, *, fallback: str, longest: int = MAX_FROM_NAME) -> str:
    """Return a slug of the name that none of the rows has; `fallback` stands for a name without Latin letters.

    `longest` bounds the characters of the name that it takes; 13 more may make it unique.
    """
    slug = slugify(name)[:longest].strip("-_") or fallback
    return f"{slug}-{uuid7().hex[-12:]}" if taken.filter(slug=slug).exists() else slug
