"""Filters of the lists of threads, messages and feedback."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from agents_app.models import Agent
from conversations.models import Feedback, Message, Thread
from core.admin import Suggestion, TrashFilter, ValueFilter, scope_of

OFFERED = 10
RECENT_THREADS = 200
"""The newest threads, whose models and providers are offered; reading all of them would cost a walk over the table."""


class ThreadStateFilter(TrashFilter):
    """Threads outside the trash, archived or not, unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("archived", "Archived"), ("only", "In the trash"), ("with", "Everything")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().queryset(request, queryset)
        if self.value() in ("active", "archived"):
            return rows.filter(archived_at__isnull=self.value() == "active")
        return rows


class AgentFilter(ValueFilter):
    """Threads of the agents with this slug."""

    title = "agent"
    parameter_name = "agent"
    placeholder = "slug"

    def suggestions(self) -> list[Suggestion]:
        visible = scope_of(self.request).restrict(Agent.objects.active(), "agent.read")
        agents = visible.order_by("-updated_at").values_list("slug", "name")[: 2 * OFFERED]
        return [Suggestion(slug, name) for slug, name in dict(agents).items()][:OFFERED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(agent__in=Agent.objects.filter(slug=self.value)) if self.value else queryset


class RecentValueFilter(ValueFilter):
    """Threads with this value of a column; the values of the newest threads are offered."""

    def suggestions(self) -> list[Suggestion]:
        scope = scope_of(self.request)
        rows = Thread.objects.all()
        # Each is the order of an index: by age over all organizations, by last change inside of one.
        ordered = rows.order_by("-id") if scope.is_unlimited else rows.active().in_recent_order()
        recent = scope.restrict(ordered, "thread.read").values_list(self.lookup, flat=True)[:RECENT_THREADS]
        return [Suggestion(value, value) for value, _count in Counter(recent).most_common(OFFERED)]


class ModelFilter(RecentValueFilter):
    title = "model"
    parameter_name = lookup = "model"


class ProviderFilter(RecentValueFilter):
    title = "provider"
    parameter_name = lookup = "provider"


class ChoiceFilter(SimpleListFilter):
    """Rows with one of the values that a column may have."""

    options: ClassVar[list[tuple[Any, str]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), label) for value, label in self.options]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        known = {str(value) for value, _label in self.options}
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**{self.parameter_name or "": value}) if value in known else queryset.none()


class RoleFilter(ChoiceFilter):
    title = "role"
    parameter_name = "role"
    options = Message.Role.choices


class RatingFilter(ChoiceFilter):
    title = "rating"
    parameter_name = "rating"
    options = Feedback.Rating.choices
