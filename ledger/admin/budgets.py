"""Budgets and prices in the admin: how they stand. They are changed over the API, where every change has an actor."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from core.admin import OrganizationFilter, ReadOnlyTenantAdmin, UncountedChangeList, clock_time
from ledger.admin.usage import shown_cost
from ledger.models import Budget, PriceOverride
from ledger.services.budgets import Standing, attach_standings


class StandingChangeList(UncountedChangeList):
    """A page of budgets, each with how it stands: a fixed number of queries for each organization on the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        for organization_id in {each.organization_id for each in rows}:
            attach_standings([each for each in rows if each.organization_id == organization_id])


def standing_of(budget: Any) -> Standing:
    """How a budget stands, read when it was not read with its page."""
    if not hasattr(budget, "standing"):
        attach_standings([budget])
    found: Standing = budget.standing
    return found


@admin.register(Budget)
class BudgetAdmin(ReadOnlyTenantAdmin):
    """Budgets with their state."""

    permission_noun = "budget"
    list_display = ("name", "organization", "scope", "period", "limit", "spent", "state", "is_hard", "is_active")
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter, "period", "is_hard", "is_active")
    search_fields = ("name",)
    search_help_text = "Parts of the name."
    ordering = ("-updated_at", "-id")
    fields = (
        *("organization", "id", "name", "domain_id", "agent_id", "period", "limit", "spent", "remaining", "state"),
        *("warn_at_percent", "is_hard", "is_active", "version", "created_at", "updated_at"),
    )
    readonly_fields = fields

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # type: ignore[override]
        return StandingChangeList

    @admin.display(description="for")
    def scope(self, budget: Budget) -> str:
        if budget.agent_id:
            return f"agent {budget.agent_id}"
        return f"domain {budget.domain_id}" if budget.domain_id else "the whole organization"

    @admin.display(description="limit")
    def limit(self, budget: Budget) -> str:
        return shown_cost(budget.limit_units)

    @admin.display(description="spent in this period")
    def spent(self, budget: Budget) -> str:
        return shown_cost(standing_of(budget).spent_units)

    @admin.display(description="remaining")
    def remaining(self, budget: Budget) -> str:
        return shown_cost(standing_of(budget).remaining_units)

    @admin.display(description="state")
    def state(self, budget: Budget) -> str:
        return standing_of(budget).state


@admin.register(PriceOverride)
class PriceOverrideAdmin(ReadOnlyTenantAdmin):
    """The organizations' own prices of a million tokens."""

    permission_noun = "usage"
    list_display = ("model", "provider", "organization", "input_price", "output_price", "since")
    list_select_related = ("organization",)
    list_filter = (OrganizationFilter,)
    search_fields = ("provider", "model")
    ordering = ("-updated_at", "-id")
    fields = (
        *("organization", "id", "provider", "model", "input_price", "output_price", "cached_input_price"),
        *("reasoning_price", "valid_from", "version", "created_at", "updated_at"),
    )
    readonly_fields = fields

    @admin.display(description="valid from")
    def since(self, row: PriceOverride) -> str:
        return clock_time(row.valid_from)

    @admin.display(description="input")
    def input_price(self, row: PriceOverride) -> str:
        return shown_cost(row.input_price_units)

    @admin.display(description="output")
    def output_price(self, row: PriceOverride) -> str:
        return shown_cost(row.output_price_units)

    @admin.display(description="cached input")
    def cached_input_price(self, row: PriceOverride) -> str:
        return "as input" if row.cached_input_price_units is None else shown_cost(row.cached_input_price_units)

    @admin.display(description="reasoning")
    def reasoning_price(self, row: PriceOverride) -> str:
        return "as output" if row.reasoning_price_units is None else shown_cost(row.reasoning_price_units)
