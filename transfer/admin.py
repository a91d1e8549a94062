"""Exports as actions on the list of threads; this app is above it and hands them down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from conversations.admin import ThreadAdmin
from conversations.models import Thread
from transfer.exporting import export_csv, export_jsonl

Export = Callable[[QuerySet[Thread]], Iterator[bytes]]


@admin.action(description="Export selected threads as JSONL", permissions=["view"])
def export_as_jsonl(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Thread]) -> StreamingHttpResponse:
    return _download(export_jsonl, queryset, suffix="jsonl", content_type="application/x-ndjson")


@admin.action(description="Export selected threads as CSV", permissions=["view"])
def export_as_csv(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Thread]) -> StreamingHttpResponse:
    return _download(export_csv, queryset, suffix="csv", content_type="text/csv; charset=utf-8")


def _download(export: Export, threads: QuerySet[Thread], *, suffix: str, content_type: str) -> StreamingHttpResponse:
    name = f"threads-{timezone.now():%Y%m%d-%H%M%S}.{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(export(threads), content_type=content_type, headers=headers)


ThreadAdmin.actions = (*ThreadAdmin.actions, export_as_jsonl, export_as_csv)
