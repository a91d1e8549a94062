"""Sessions of agents in the admin."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import AgentSession
from accounts.querysets import AgentSessionQuerySet
from core.admin import DateFilter, OrganizationFilter, ReadOnlyTenantAdmin, clock_time


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("ended", "Ended")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        sessions = cast("AgentSessionQuerySet", queryset)
        chosen = {"open": sessions.open, "ended": sessions.ended}
        return chosen.get(self.value() or "", sessions.all)()


class StartFilter(DateFilter):
    title = "start"
    column = "started_at"
    parameter_prefix = "started"


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyTenantAdmin):
    """Who works with which agent, since when, and until when."""

    permission_noun = "session"

    list_display = ("start", "organization", "who", "agent", "instance", "last_heartbeat", "how_it_stands")
    list_select_related = ("organization", "user", "api_key", "agent", "instance")
    list_columns = (
        *("started_at", "last_heartbeat_at", "ended_at", "end_reason", "organization__name", "user__username"),
        *("api_key__name", "agent__name", "instance__name"),
    )
    list_filter = (OrganizationFilter, StateFilter, StartFilter)
    ordering = ("-id",)
    ordering_inside = ("-started_at", "-id")
    fields = (
        *("organization", "domain", "user", "api_key", "agent", "instance", "metadata"),
        *("started_at", "last_heartbeat_at", "ended_at", "end_reason", "id", "version"),
    )

    @admin.display(description="start", ordering="started_at")
    def start(self, session: AgentSession) -> str:
        return clock_time(session.started_at)

    @admin.display(description="last heartbeat")
    def last_heartbeat(self, session: AgentSession) -> str:
        return clock_time(session.last_heartbeat_at)

    @admin.display(description="who")
    def who(self, session: AgentSession) -> str:
        if session.user is not None:
            return session.user.get_username()
        return session.api_key.name if session.api_key is not None else "-"

    @admin.display(description="state")
    def how_it_stands(self, session: AgentSession) -> str:
        return session.get_end_reason_display() or "Open"
