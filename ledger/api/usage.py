"""Routes of usage: reported, read, summed up, exported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import quote

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from core.downloads import FILES, CSVRenderer, JSONLRenderer, download
from core.openapi import described
from core.pagination import KeysetPagination
from core.query import InvalidParameter, QueryParameters
from core.viewsets import BaseViewSet
from ledger import services
from ledger.api.usage_serializers import TotalsSerializer, UsageBatchSerializer, UsageSerializer, shown_totals
from ledger.models import UsageRecord
from ledger.querysets import UsageRecordQuerySet

WARNING_HEADER = "Parley-Budget-Warning"
MAX_WARNINGS = 10

ID_FILTERS = {
    "agent_id": "Only calls for this agent.",
    "thread_id": "Only calls for this thread.",
    "domain_id": "Only calls in this domain.",
    "user_id": "Only calls that this person reported.",
    "key_id": "Only calls that were reported with this API key.",
}
TEXT_FILTERS = {"provider": "Only calls of this provider.", "model": "Only calls of this model."}
TIME_FILTERS = {
    "created_after": ("created_at__gte", "Only calls at this moment or after it."),
    "created_before": ("created_at__lt", "Only calls before this moment."),
}
FILTERS = frozenset({*ID_FILTERS, *TEXT_FILTERS, *TIME_FILTERS})

FILTER_PARAMETERS = [
    *described(ID_FILTERS, OpenApiTypes.UUID),
    *described(TEXT_FILTERS),
    *described({name: text for name, (_lookup, text) in TIME_FILTERS.items()}, OpenApiTypes.DATETIME),
]
BY_PARAMETER = OpenApiParameter(
    "by",
    OpenApiTypes.STR,
    OpenApiParameter.QUERY,
    default="month",
    description=f"Keys joined by commas, of: {', '.join(services.GROUPINGS)}. Days and months are in UTC.",
)


class UsagePagination(KeysetPagination):
    """Records by the time of the call, newest first."""

    fields = ("created_at", "id")


def filter_usage(records: UsageRecordQuerySet, query: QueryParameters) -> UsageRecordQuerySet:
    """Apply the filters of lists, totals and exports; raises `InvalidParameter`."""
    chosen: dict[str, Any] = {name: query.text(name) for name in TEXT_FILTERS}
    chosen |= {name: query.uuid(name) for name in ID_FILTERS}
    chosen |= {lookup: query.datetime(name) for name, (lookup, _text) in TIME_FILTERS.items()}
    return records.filter(**{name: value for name, value in chosen.items() if value is not None})


def keys_of_groups(query: QueryParameters) -> list[str]:
    """Read `by`; raises `InvalidParameter`."""
    names = (query.text("by") or "month").split(",")
    if len(set(names)) != len(names) or not services.GROUPINGS.keys() >= set(names):
        raise InvalidParameter(
            "by", f"Give some of these, each once, joined by commas: {', '.join(services.GROUPINGS)}."
        )
    return names


@extend_schema_view(list=extend_schema(parameters=FILTER_PARAMETERS))
class UsageViewSet(BaseViewSet):
    """What calls of models used and cost. Records are added and never changed."""

    queryset = UsageRecord.objects.all()
    serializer_class = UsageSerializer
    pagination_class = UsagePagination
    permission_codes = {
        "list": "usage.read",
        "retrieve": "usage.read",
        "totals": "usage.read",
        "create": "usage.create",
        "batch": "usage.create",
        "export": "usage.export",
    }
    query_parameters = {"list": FILTERS, "totals": FILTERS | {"by"}, "export": FILTERS}

    def get_queryset(self) -> QuerySet[UsageRecord]:
        records = cast("UsageRecordQuerySet", super().get_queryset())
        return records if self.action == "retrieve" else filter_usage(records, QueryParameters(self.request))

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONLRenderer(), CSVRenderer()] if self.action == "export" else super().get_renderers()

    @extend_schema(responses={201: UsageSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = services.record_usage(actor=self.actor, report=services.UsageReport(**self.body()))
        return with_warnings(self.created(row), [row])

    @extend_schema(request=UsageBatchSerializer, responses={201: UsageBatchSerializer})
    def batch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = services.record_usage_batch(actor=self.actor, reports=self.reports())
        return with_warnings(Response({"records": self.get_serializer(rows, many=True).data}, status=201), rows)

    def reports(self) -> list[services.UsageReport]:
        """The validated reports of a batch; raises ValidationError naming the index of each record at fault."""
        envelope = UsageBatchSerializer(data=self.request.data)
        envelope.is_valid(raise_exception=True)
        serializer = self.get_serializer(data=envelope.validated_data["records"], many=True)
        if not serializer.is_valid():
            raise ValidationError({"records": cast("list[Any]", serializer.errors)})
        return [services.UsageReport(**each) for each in serializer.validated_data]

    @extend_schema(parameters=[*FILTER_PARAMETERS, BY_PARAMETER], responses={200: TotalsSerializer}, filters=False)
    def totals(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        by = keys_of_groups(QueryParameters(request))
        totals = services.group_usage(cast("UsageRecordQuerySet", self.get_queryset()), by)
        return Response(shown_totals(totals, services.total_of(totals), by))

    @extend_schema(
        parameters=FILTER_PARAMETERS,
        responses=FILES,
        filters=False,
    )
    def export(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """All records, oldest first, as a file: `format=jsonl` or `format=csv`."""
        renderer: Any = request.accepted_renderer
        filters = {name: str(request.query_params[name]) for name in sorted(FILTERS & set(request.query_params))}
        pieces = services.export_usage(
            actor=self.actor, records=self.get_queryset(), filters=filters, suffix=renderer.format
        )
        return download(pieces, name="usage", suffix=renderer.format)


def with_warnings(response: Response, rows: Iterable[UsageRecord]) -> Response:
    """Name the budgets that are nearly or fully used up: `"Name%20of%20it";state=exceeded, …`."""
    at_risk = services.budgets_at_risk(rows)
    if at_risk:
        named = (f'"{quote(each.budget.name, safe="")}";state={each.state}' for each in at_risk[:MAX_WARNINGS])
        response[WARNING_HEADER] = ", ".join(named)
    return response
