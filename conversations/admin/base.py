"""The base of the lists and pages that show what was said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization
from conversations.admin.content import ContentAccess, is_readable, thread_id_of
from conversations.admin.search import found_by
from conversations.services import MAX_REASON, MIN_REASON
from core.admin import TenantAdmin, scope_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Why a page does not show what was said, and what can be done about it."""

    organization: Organization
    thread_address: str
    reveal_address: str
    is_closed: bool
    is_for_platform: bool
    """Whether a platform administrator asks; for members it is their role that does not let them read."""
    min_reason: int = MIN_REASON
    max_reason: int = MAX_REASON


@dataclass(frozen=True, slots=True)
class Reveal:
    """A reveal that is running: until when, and how many threads."""

    until: datetime
    threads: int = 1

    @property
    def minutes(self) -> int:
        """Minutes that are left, at least 1."""
        return max(1, ceil((self.until - timezone.now()).total_seconds() / 60))


class ContentAdmin(TenantAdmin):
    """Rows that hold what was said: those that may not be read are listed and shown without it.

    `searched_column` is the column of the search index that finds these rows; empty where they are not searched.
    """

    searched_column: ClassVar[str] = ""
    hidden_fieldsets: ClassVar[list[Any]]
    """The fields of a row that may not be read."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return ContentAccess.of(request).judged(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fieldsets(request, obj) if obj is None or is_readable(obj) else self.hidden_fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What may not be read is not changed either."""
        return super().has_change_permission(request, obj) and (obj is None or is_readable(obj))

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not self.searched_column:
            return super().get_search_results(request, queryset, search_term)
        readable = ContentAccess.of(request).condition(queryset)
        return found_by(search_term, queryset, column=self.searched_column, readable=readable), False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist: Any = super().get_changelist_instance(request)
        if scope_of(request).is_unlimited and changelist.search_help_text:
            changelist.search_help_text += " Only what you may read is searched; ids are found everywhere."
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        running = ContentAccess.of(request).revealed.values()
        reveal = Reveal(min(running), len(running)) if running else None
        return super().changelist_view(request, {**(extra_context or {}), "reveal": reveal})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = context["original"]
        until = ContentAccess.of(request).revealed_until(row)
        shown = is_readable(row)
        extra = {
            "reveal": Reveal(until) if shown and until else None,
            "hidden": None if shown else _hidden(request, row),
        }
        return super().render_change_form(request, context | extra, *args, **kwargs)


def _hidden(request: HttpRequest, row: Any) -> Hidden:
    thread_id = thread_id_of(row)
    return Hidden(
        organization=row.organization,
        thread_address=reverse("admin:conversations_thread_change", args=[thread_id]),
        reveal_address=reverse("admin:conversations_thread_reveal", args=[thread_id]),
        is_closed=row.organization.content_access == Organization.ContentAccess.CLOSED,
        is_for_platform=scope_of(request).is_unlimited,
    )
