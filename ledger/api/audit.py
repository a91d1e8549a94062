"""Routes of the audit trail: listed, read, exported; nothing else."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.downloads import FILES, CSVRenderer, JSONLRenderer, download
from core.openapi import described
from core.pagination import KeysetPagination
from core.preconditions import is_named
from core.query import QueryParameters
from core.serializers import StrictModelSerializer
from core.viewsets import BaseViewSet
from ledger.models import AuditEntry
from ledger.querysets import AuditEntryQuerySet
from ledger.services import export_audit

TEXT_FILTERS = {
    "action": "Only this act, for instance `agent.deleted`.",
    "subject_type": "Only acts done to things of this kind, for instance `agent`.",
    "request_id": "Only acts of this request.",
}
ID_FILTERS = {
    "actor_id": "Only acts of this person or API key.",
    "subject_id": "Only acts done to this.",
}
TIME_FILTERS = {
    "created_after": ("created_at__gte", "Only acts at this moment or after it."),
    "created_before": ("created_at__lt", "Only acts before this moment."),
}
FILTERS = frozenset({*TEXT_FILTERS, *ID_FILTERS, *TIME_FILTERS})

FILTER_PARAMETERS = [
    *described(TEXT_FILTERS),
    *described(ID_FILTERS, OpenApiTypes.UUID),
    *described({name: text for name, (_lookup, text) in TIME_FILTERS.items()}, OpenApiTypes.DATETIME),
]


class AuditEntrySerializer(StrictModelSerializer):
    """One act. `before` and `after` hold the changed fields only; `hash` seals the entry and the one before it."""

    class Meta:
        model = AuditEntry
        fields = (
            "id",
            "sequence",
            "action",
            "actor_kind",
            "actor_id",
            "actor_label",
            "subject_type",
            "subject_id",
            "subject_label",
            "before",
            "after",
            "reason",
            "request_id",
            "address",
            "created_at",
            "previous_hash",
            "hash",
        )
        read_only_fields = fields


class AuditPagination(KeysetPagination):
    """Entries by their place in the chain, newest first."""

    fields = ("sequence",)


@extend_schema_view(list=extend_schema(parameters=FILTER_PARAMETERS))
class AuditViewSet(BaseViewSet):
    """Who did what in the organization. Entries are never changed, so their entity tag is their hash."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    pagination_class = AuditPagination
    permission_codes = {"list": "audit.read", "retrieve": "audit.read", "export": "audit.export"}
    query_parameters = {"list": FILTERS, "export": FILTERS}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        entries = cast("AuditEntryQuerySet", super().get_queryset())
        return entries if self.action == "retrieve" else filter_entries(entries, QueryParameters(self.request))

    def get_renderers(self) -> list[BaseRenderer]:
        return [JSONLRenderer(), CSVRenderer()] if self.action == "export" else super().get_renderers()

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        entry = self.get_object()
        headers = {"ETag": f'"{entry.hash}"'}
        if is_named(request, headers["ETag"]):
            return Response(status=304, headers=headers)
        return Response(self.get_serializer(entry).data, headers=headers)

    @extend_schema(
        parameters=FILTER_PARAMETERS,
        responses=FILES,
        filters=False,
    )
    def export(self, request: Request, *args: Any, **kwargs: Any) -> StreamingHttpResponse:
        """All entries, oldest first, as a file: `format=jsonl` or `format=csv`. The export is an act itself."""
        renderer: Any = request.accepted_renderer
        filters = {name: str(request.query_params[name]) for name in sorted(FILTERS & set(request.query_params))}
        entries = cast("AuditEntryQuerySet", self.get_queryset())
        pieces = export_audit(actor=self.actor, entries=entries, filters=filters, format_name=renderer.format)
        return download(pieces, name="audit", suffix=renderer.format)


def filter_entries(entries: AuditEntryQuerySet, query: QueryParameters) -> AuditEntryQuerySet:
    """Apply the filters of the list and of the export; raises `InvalidParameter`."""
    chosen: dict[str, Any] = {name: query.text(name) for name in TEXT_FILTERS}
    chosen |= {name: query.uuid(name) for name in ID_FILTERS}
    chosen |= {lookup: query.datetime(name) for name, (lookup, _text) in TIME_FILTERS.items()}
    return entries.filter(**{name: value for name, value in chosen.items() if value is not None})
