"""The audit trail in the admin: looked at and exported, never changed."""

from __future__ import annotations

import json
from typing import Any, ClassVar, cast

from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.admin import (
    DateFilter,
    OrganizationFilter,
    ReadOnlyTenantAdmin,
    Suggestion,
    ValueFilter,
    clock_time,
    scope_of,
)
from core.downloads import download
from ledger.models import PLATFORM, AuditEntry
from ledger.querysets import AuditEntryQuerySet
from ledger.services import entries_as, record_for

OFFERED_ACTIONS = ("user.logged_in", "user.log_in_refused", "access.refused", "content.revealed", "key.created")


class ActionFilter(ValueFilter):
    """One kind of act: some that people look for, any other can be written."""

    title = "action"
    parameter_name = "act"
    lookup = "action"
    placeholder = "noun.verb"

    def suggestions(self) -> list[Suggestion]:
        return [Suggestion(each, each) for each in OFFERED_ACTIONS]


class EntryDateFilter(DateFilter):
    title = "day"
    column = "created_at"
    parameter_prefix = "written"


@admin.action(description="Export selected entries as JSONL", permissions=["export"])
def export_as_jsonl(modeladmin: Any, request: HttpRequest, queryset: Any) -> StreamingHttpResponse:
    return _download(request, queryset, "jsonl")


@admin.action(description="Export selected entries as CSV", permissions=["export"])
def export_as_csv(modeladmin: Any, request: HttpRequest, queryset: Any) -> StreamingHttpResponse:
    return _download(request, queryset, "csv")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyTenantAdmin):
    """Who did what, newest first."""

    permission_noun = "audit"
    list_display = ("written", "action", "actor", "subject", "address", "organization")
    list_columns = (
        *("created_at", "sequence", "action", "actor_kind", "actor_label", "organization_id"),
        *("subject_type", "subject_label", "subject_id", "address"),
    )
    list_filter = (OrganizationFilter, ActionFilter, EntryDateFilter)
    sortable_by = ()
    actions = (export_as_jsonl, export_as_csv)
    fields: ClassVar = (
        *("organization", "sequence", "id", "created_at", "action", "actor", "actor_id", "subject", "subject_id"),
        *("changes", "reason", "request_id", "address", "previous_hash", "hash"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        organization = apps.get_model("accounts", "Organization")._default_manager.filter(
            pk=OuterRef("organization_id")
        )
        entries = super().get_queryset(request)
        return cast("QuerySet[AuditEntry]", entries.annotate(slug=Subquery(organization.values("slug")[:1])))

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        """One organization's entries lie in the order of its chain, those of all in the order of their ids."""
        ids = scope_of(request).organization_ids(self.code_for("view"))
        is_one = OrganizationFilter.parameter_name in request.GET or (ids is not None and len(ids) == 1)
        return ("-sequence",) if is_one else ("-id",)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "export")

    @admin.display(description="when")
    def written(self, entry: AuditEntry) -> str:
        return clock_time(entry.created_at)

    @admin.display(description="organization")
    def organization(self, entry: Any) -> str:
        if entry.organization_id == PLATFORM:
            return "(platform)"
        return str(entry.slug or entry.organization_id)

    @admin.display(description="actor")
    def actor(self, entry: AuditEntry) -> str:
        return f"{entry.get_actor_kind_display()} {entry.actor_label}".strip()

    @admin.display(description="subject", empty_value="")
    def subject(self, entry: AuditEntry) -> str:
        name = entry.subject_label or entry.subject_id or ""
        return f"{entry.subject_type} {name}".strip()

    @admin.display(description="before and after")
    def changes(self, entry: AuditEntry) -> SafeString:
        return render_to_string("admin/ledger/changes.html", {"changes": changes_of(entry)})


def changes_of(entry: AuditEntry) -> list[dict[str, str]]:
    """Return `{field, before, after}` for each field that the entry tells of; "" where there was or is none."""
    before, after = entry.before or {}, entry.after or {}
    if not (isinstance(before, dict) and isinstance(after, dict)):
        before, after = {"": before}, {"": after}
    return [
        {"field": name, "before": _shown(before, name), "after": _shown(after, name)}
        for name in sorted({*before, *after})
    ]


def _shown(values: dict[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _download(request: HttpRequest, queryset: Any, format_name: str) -> StreamingHttpResponse:
    """Write the export into the chain of each organization, then answer with the entries that were there before."""
    scope = scope_of(request)
    chosen = cast("AuditEntryQuerySet", scope.restrict(queryset, "audit.export").order_by())
    last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first()
    entries = chosen.filter(id__lte=last) if last else chosen.none()
    with transaction.atomic():
        for organization_id in sorted(chosen.values_list("organization_id", flat=True).distinct()):
            record_for(
                organization_id=organization_id,
                kind=AuditEntry.ActorKind.USER,
                actor_id=cast("Any", request.user).pk,
                label=request.user.get_username(),
                action="audit.exported",
                after={"format": format_name, "filters": request.GET.dict()},
            )
    return download(entries_as(format_name, entries), name="audit", suffix=format_name)
