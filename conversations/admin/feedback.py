"""Feedback in the admin: read, never changed."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from conversations.admin.base import ContentAdmin
from conversations.admin.content import is_readable
from conversations.admin.filters import RatingFilter
from conversations.models import Feedback
from core.admin import DateFilter, OrganizationFilter, ReadOnlyTenantAdmin, TrashFilter, clock_time

EXCERPT_LENGTH = 120


class FeedbackDateFilter(DateFilter):
    title = "time"
    column = "created_at"
    parameter_prefix = "created"


@admin.register(Feedback)
class FeedbackAdmin(ContentAdmin, ReadOnlyTenantAdmin):
    """What people think of messages, newest first by id."""

    permission_noun = "feedback"
    list_display = ("excerpt", "rating", "message_link", "organization", "created_by", "time")
    list_display_links = ("excerpt",)
    list_select_related = ("organization", "created_by", "message")
    list_columns = (
        *("rating", "created_at", "trashed_at", "organization__name", "created_by__username"),
        *("message__role", "message__position", "message__thread_id"),
    )
    list_filter = (OrganizationFilter, RatingFilter, TrashFilter, FeedbackDateFilter)
    sortable_by = ()
    ordering = ("-id",)
    fieldsets: ClassVar = [
        (None, {"fields": ["message_link", "rating", "comment", "payload"]}),
        (
            "History",
            {"fields": [("organization", "created_by"), ("created_at", "updated_at", "version"), "trashed_at"]},
        ),
    ]
    hidden_fieldsets: ClassVar = [(None, {"fields": ["message_link", "rating"]}), fieldsets[1]]
    readonly_fields = ("message_link",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feedback]:
        found: QuerySet[Feedback] = super().get_queryset(request)
        large = [f"message__{name}" for name in ("content", "parts", "artifact_data", "metadata", "usage")]
        return (
            found.select_related("organization", "created_by", "message")
            .defer(*large)
            .annotate(beginning=Left("comment", EXCERPT_LENGTH + 1))
        )

    @admin.display(description="comment")
    def excerpt(self, feedback: Any) -> str | SafeString:
        if not is_readable(feedback):
            return format_html('<span class="parley-quiet">{}</span>', "hidden")
        text = " ".join(feedback.beginning.split())
        if not text:
            return format_html('<span class="parley-quiet">{}</span>', "no comment")
        return f"{text[:EXCERPT_LENGTH]}…" if len(feedback.beginning) > EXCERPT_LENGTH else text

    @admin.display(description="time")
    def time(self, feedback: Feedback) -> str:
        return clock_time(feedback.created_at)

    @admin.display(description="message")
    def message_link(self, feedback: Feedback) -> SafeString:
        message = feedback.message
        address = reverse("admin:conversations_thread_change", args=[message.thread_id])
        query = urlencode({"leaf": message.position, "page": message.position})
        return format_html('<a href="{}?{}#message-{}">{}</a>', address, query, message.position, message)
