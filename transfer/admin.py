"""Exports as actions on the list of threads; this app is above it and hands them down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts.admin import acting_in
from conversations.admin import ThreadAdmin
from conversations.admin.content import ContentAccess
from conversations.models import Thread
from core.downloads import download
from transfer.exporting import export_csv, export_jsonl, record_export

Export = Callable[[QuerySet[Thread]], Iterator[bytes]]

HIDDEN = "Nothing was exported: what was said in some of the selected threads is hidden from you."


@admin.action(description="Export selected threads as JSONL", permissions=["export"])
def export_as_jsonl(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Thread]) -> StreamingHttpResponse | None:
    return _download(request, export_jsonl, queryset, suffix="jsonl")


@admin.action(description="Export selected threads as CSV", permissions=["export"])
def export_as_csv(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Thread]) -> StreamingHttpResponse | None:
    return _download(request, export_csv, queryset, suffix="csv")


def _download(
    request: HttpRequest, export: Export, threads: QuerySet[Thread], *, suffix: str
) -> StreamingHttpResponse | None:
    """Answer with a file, or with a notice where something was selected that may not be read: half is no export."""
    readable = threads.filter(ContentAccess.of(request).condition(threads))
    if threads.exclude(pk__in=readable.values("pk")).exists():
        messages.error(request, HIDDEN)
        return None
    record_export(threads, acting_in=lambda organization_id: acting_in(organization_id, request), format_name=suffix)
    return download(export(threads), name="threads", suffix=suffix)


ThreadAdmin.actions = (*ThreadAdmin.actions, export_as_jsonl, export_as_csv)
