"""Routes of budgets and of the organization's own prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from core.openapi import described
from core.pagination import KeysetPagination
from core.preconditions import if_match
from core.query import InvalidParameter, QueryParameters
from core.viewsets import BaseViewSet
from ledger import services
from ledger.api.budget_serializers import (
    BudgetCheckSerializer,
    BudgetSerializer,
    PriceOverrideSerializer,
)
from ledger.models import Budget, PriceOverride

CHECK_PARAMETERS = {
    "agent_id": "The agent that is about to call a model.",
    "domain_id": "The domain that the call belongs to, unless it is the agent's.",
}
PRICE_FILTERS = {"provider": "Only prices of this provider.", "model": "Only prices of this model."}


class RecencyPagination(KeysetPagination):
    """Rows by last change, newest first."""

    fields = ("updated_at", "id")


class BudgetViewSet(BaseViewSet):
    """Budgets, each with how it stands."""

    queryset = Budget.objects.all()
    serializer_class = BudgetSerializer
    pagination_class = RecencyPagination
    permission_codes = {
        "list": "budget.read",
        "retrieve": "budget.read",
        "create": "budget.create",
        "update": "budget.update",
        "partial_update": "budget.update",
        "destroy": "budget.delete",
        "check": "usage.create",
    }
    query_parameters = {"check": frozenset(CHECK_PARAMETERS)}
    own_errors: ClassVar = {"check": ["402"]}
    changes_without_version = True

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = cast("Sequence[Budget]", self.paginate_queryset(self.get_queryset()))
        services.attach_standings(rows)
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What is spent changes without a new version: `If-None-Match` is not answered with 304."""
        return self.shown(self.get_object())

    def shown(self, row: Any, *, status: int = 200) -> Response:
        services.attach_standings([row])
        return super().shown(row, status=status)

    @extend_schema(responses={201: BudgetSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_budget(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        budget = services.update_budget(
            actor=self.actor, budget_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(budget)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_budget(actor=self.actor, budget_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)

    @extend_schema(parameters=described(CHECK_PARAMETERS, OpenApiTypes.UUID), responses={200: BudgetCheckSerializer})
    def check(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether a model may be called: 402 names the hard budget that is used up."""
        query = QueryParameters(request)
        agent_id, domain_id = query.uuid("agent_id"), query.uuid("domain_id")
        try:
            standings = services.check_budgets(actor=self.actor, agent_id=agent_id, domain_id=domain_id)
        except services.InvalidBudget as error:
            [(name, [reason])] = error.errors.items()
            raise InvalidParameter(name, reason) from None
        for each in standings:
            each.budget.standing = each  # type: ignore[attr-defined]
        return Response(BudgetCheckSerializer({"results": [each.budget for each in standings]}).data)


@extend_schema_view(list=extend_schema(parameters=described(PRICE_FILTERS)))
class PriceOverrideViewSet(BaseViewSet):
    """The organization's own prices, which go before those of the price list."""

    queryset = PriceOverride.objects.all()
    serializer_class = PriceOverrideSerializer
    pagination_class = RecencyPagination
    permission_codes = {
        "list": "usage.read",
        "retrieve": "usage.read",
        "create": "budget.update",
        "update": "budget.update",
        "partial_update": "budget.update",
        "destroy": "budget.update",
    }
    query_parameters = {"list": frozenset(PRICE_FILTERS)}

    def get_queryset(self) -> QuerySet[PriceOverride]:
        rows = super().get_queryset()
        if self.action != "list":
            return rows
        query = QueryParameters(self.request)
        return rows.filter(**{name: value for name in PRICE_FILTERS if (value := query.text(name)) is not None})

    @extend_schema(responses={201: PriceOverrideSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.created(services.create_price_override(actor=self.actor, fields=self.body()))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = services.update_price_override(
            actor=self.actor, price_id=self.row_id(), changes=self.changes(), precondition=if_match(request)
        )
        return self.shown(row)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_price_override(actor=self.actor, price_id=self.row_id(), precondition=if_match(request))
        return Response(status=204)
