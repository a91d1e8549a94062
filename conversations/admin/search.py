"""The search box of the lists."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db.models import Q

from conversations.search import matching


def found_by(term: str, queryset: Any, *, column: str, readable: Q) -> Any:
    """Narrow a queryset to what the search index finds in its readable rows, or to the row with this id.

    `column` is `thread_id` for threads and `id` for messages. A row that may not be read is not found by its words:
    a search would tell what was said in it, a word at a time.
    """
    if not term.strip():
        return queryset
    if "\x00" in term:
        return queryset.none()
    found = Q(id__in=matching(term, organization_id=None, column=column)) & readable
    with suppress(ValueError):
        found |= Q(pk=UUID(term.strip()))
    return queryset.filter(found)
