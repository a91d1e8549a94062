"""Organizations."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction

from accounts.models import Organization
from core.errors import Conflict, DomainError


class SlugTaken(Conflict):
    """Another organization has this slug."""

    code = "slug_taken"


class InvalidSlug(DomainError):
    """A slug is letters, digits, hyphens and underscores, 63 at most."""

    code = "invalid_slug"


def create_organization(*, slug: str, name: str = "") -> Organization:
    """Create an organization; its name is the slug unless one is given. Raises `InvalidSlug`, `SlugTaken`."""
    _check_slug(slug)
    try:
        with transaction.atomic():
            return Organization.objects.create(slug=slug, name=name or slug)
    except IntegrityError:
        raise SlugTaken(f"There is an organization {slug!r} already.") from None


def _check_slug(slug: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise InvalidSlug(" ".join(error.messages)) from None
    if len(slug) > 63:
        raise InvalidSlug("A slug has 63 characters at most.")
