"""Messages in the admin: found and read, never changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts.admin import acting_in
from conversations import services
from conversations.admin.base import ContentAdmin
from conversations.admin.content import ContentAccess, is_readable
from conversations.admin.filters import RoleFilter
from conversations.models import Message
from conversations.transcript import read_message
from core.admin import DateFilter, OrganizationFilter, ReadOnlyTenantAdmin, TrashFilter, clock_time
from core.admin.moves import move_rows

EXCERPT_LENGTH = 120
LARGE_COLUMNS = ("content", "parts", "artifact_data", "metadata", "usage")


class MessageTrashFilter(TrashFilter):
    """Messages that are neither in the trash themselves nor with their thread, unless asked otherwise."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().queryset(request, queryset)
        return rows if self.value() else rows.filter(thread__trashed_at=None)


class MessageDateFilter(DateFilter):
    title = "time"
    column = "created_at"
    parameter_prefix = "created"


@admin.register(Message)
class MessageAdmin(ContentAdmin, ReadOnlyTenantAdmin):
    """Newest first, by id: that order is the primary key's, so the list costs the same however many there are."""

    permission_noun = "message"
    searched_column = "id"
    list_display = ("excerpt", "role", "thread_link", "position", "organization", "model", "time")
    list_display_links = ("excerpt",)
    list_select_related = ("organization", "thread")
    list_columns = ("role", "position", "model", "created_at", "trashed_at", "organization__name", "thread__title")
    list_filter = (OrganizationFilter, RoleFilter, MessageTrashFilter, MessageDateFilter)
    sortable_by = ()
    ordering = ("-id",)
    search_fields = ("content",)
    search_help_text = "Messages that hold all of these words."
    actions = ("move_to_trash", "restore")
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    ("thread_link", "position", "organization", "role", "status"),
                    ("id", "external_id", "created_at", "trashed_at", "version"),
                ],
                "classes": ["parley-facts"],
            },
        )
    ]
    hidden_fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    ("thread_link", "position", "organization", "role", "status"),
                    ("id", "created_at", "trashed_at", "version"),
                ],
                "classes": ["parley-facts"],
            },
        )
    ]
    readonly_fields = ("thread_link",)

    class Media:
        css: ClassVar = {"all": ["parley/transcript.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        found: QuerySet[Message] = super().get_queryset(request).defer(*LARGE_COLUMNS)
        return found.select_related("organization", "thread").annotate(beginning=Left("content", EXCERPT_LENGTH + 1))

    @admin.display(description="message")
    def excerpt(self, message: Any) -> str | SafeString:
        if not is_readable(message):
            return format_html('<span class="parley-quiet">{}</span>', "hidden")
        text = " ".join((message.beginning or "").split())
        if not text:
            return format_html('<span class="parley-quiet">{}</span>', "no text")
        return f"{text[:EXCERPT_LENGTH]}…" if len(message.beginning) > EXCERPT_LENGTH else text

    @admin.display(description="time")
    def time(self, message: Message) -> str:
        return clock_time(message.created_at)

    @admin.display(description="thread")
    def thread_link(self, message: Message) -> SafeString:
        address = reverse("admin:conversations_thread_change", args=[message.thread_id])
        query = urlencode({"leaf": message.position, "page": message.position})
        name = message.thread.title or f"Thread {str(message.thread_id)[:13]}…"
        return format_html('<a href="{}?{}#message-{}">{}</a>', address, query, message.position, name)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        message: Message = context["original"]
        permit = ContentAccess.of(request).permit(message)
        entry = read_message(message, permit=permit) if permit else None
        return super().render_change_form(request, context | {"entry": entry}, *args, **kwargs)

    @admin.action(description="Move selected messages to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._move(request, queryset, services.trash_message, "moved to the trash")

    @admin.action(description="Restore selected messages from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        self._move(request, queryset, services.restore_message, "restored from the trash")

    def _move(self, request: HttpRequest, queryset: QuerySet[Any], move: Callable[..., Any], words: str) -> None:
        done = move_rows(queryset, lambda pk, org: move(actor=acting_in(org, request), message_id=pk))
        self.message_user(request, done.told("message", words), messages.SUCCESS if done.moved else messages.WARNING)
