"""Threads in the admin: the list, and the page with the transcript."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts.admin import acting_in
from agents_app.models import Agent
from conversations import services
from conversations.admin.base import ContentAdmin
from conversations.admin.content import ContentAccess, is_readable
from conversations.admin.filters import AgentFilter, ModelFilter, ProviderFilter, ThreadStateFilter
from conversations.admin.reveals import reveal_view
from conversations.models import Thread
from conversations.transcript import Selection, read_transcript
from core.admin import (
    DateFilter,
    JSONFormField,
    OrganizationFilter,
    clock_time,
)
from core.admin.moves import move_rows

KEPT_PARAMETERS = ("_changelist_filters",)


class AgentSelect(AutocompleteSelect):
    """Offers the agents of one organization."""

    organization_id: UUID | None = None

    def get_url(self) -> str:
        return f"{super().get_url()}?{urlencode({'organization_id': str(self.organization_id)})}"


class ThreadForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    metadata = JSONFormField(help_text="Any JSON but null.")

    class Meta:
        model = Thread
        fields = ()
        # In a one-line input a browser would drop the line breaks that an imported title may have.
        widgets: ClassVar = {"title": forms.Textarea(attrs={"rows": 1, "cols": 80})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        agent: Any = self.fields.get("agent")
        if agent is not None:
            agents = Agent.objects.filter(organization_id=self.instance.organization_id)
            # What is offered to the person, and the agent that the thread has, whoever may see it.
            agent.queryset = agents.filter(
                Q(pk__in=agent.queryset.order_by().values("pk")) | Q(pk=self.instance.agent_id)
            )
            agent.widget.widget.organization_id = self.instance.organization_id

    def clean_agent(self) -> Agent | None:
        agent: Agent | None = self.cleaned_data["agent"]
        if agent is not None and agent.trashed_at is not None and "agent" in self.changed_data:
            raise forms.ValidationError("This agent is in the trash.")
        return agent


@admin.register(Thread)
class ThreadAdmin(ContentAdmin):
    """Title, metadata and agent can be changed, through the service that keeps version and search index.

    Threads are not made here: a thread without messages says nothing, and messages come from those who said them.
    Apps above this one add their actions to `actions`.
    """

    permission_noun = "thread"
    ordering = ("-id",)
    ordering_inside = ("-updated_at", "-id")
    searched_column = "thread_id"
    form = ThreadForm
    list_display = ("name", "organization", "agent", "model", "provider", "how_many", "last_change", "state")
    list_display_links = ("name",)
    list_select_related = ("organization", "agent")
    list_columns = (
        *("title", "model", "provider", "message_count", "updated_at", "archived_at", "trashed_at"),
        *("organization__name", "agent__name"),
    )
    list_filter = (OrganizationFilter, ThreadStateFilter, AgentFilter, ModelFilter, ProviderFilter, DateFilter)
    sortable_by = ("how_many", "last_change")
    search_fields = ("title",)
    search_help_text = "Threads whose title or one of whose messages holds all of these words."
    actions: tuple[Any, ...] = ("move_to_trash", "restore")
    readonly_fields = (
        *("id", "organization", "agent_type", "provider", "model", "status", "message_count", "external_id"),
        *("created_by", "version", "created_at", "updated_at", "last_message_at", "archived_at", "trashed_at", "state"),
    )
    fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    ("title", "agent"),
                    ("organization", "provider", "model", "agent_type", "status"),
                    ("message_count", "last_message_at", "created_at", "updated_at", "state"),
                ],
                "classes": ["parley-facts"],
            },
        ),
        (
            "Metadata and origin",
            {
                "fields": [
                    "metadata",
                    ("id", "external_id", "created_by"),
                    ("version", "archived_at", "trashed_at"),
                ],
                "classes": ["collapse", "parley-facts"],
            },
        ),
    ]

    hidden_fieldsets: ClassVar = [
        (
            None,
            {
                "fields": [
                    ("organization", "agent", "provider", "model", "agent_type", "status"),
                    ("message_count", "last_message_at", "created_at", "updated_at", "state"),
                    ("id", "created_by", "version", "archived_at", "trashed_at"),
                ],
                "classes": ["parley-facts"],
            },
        )
    ]

    class Media:
        css: ClassVar = {"all": ["parley/transcript.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Thread]:
        branched = ExpressionWrapper(Q(active_path__isnull=False), output_field=BooleanField())
        threads: QuerySet[Thread] = super().get_queryset(request).annotate(is_branched=branched)
        return threads.select_related("organization", "agent", "created_by")

    def get_urls(self) -> list[URLPattern]:
        reveal = self.admin_site.admin_view(partial(reveal_view, self))
        return [path("<path:object_id>/reveal/", reveal, name="conversations_thread_reveal"), *super().get_urls()]

    @admin.display(description="title")
    def name(self, thread: Thread) -> str | SafeString:
        if thread.title and thread.title.strip():
            return thread.title
        return format_html('<span class="parley-quiet" title="{}">Thread {}…</span>', thread.pk, str(thread.pk)[:13])

    @admin.display(description="messages", ordering="message_count")
    def how_many(self, thread: Thread) -> str:
        return f"{thread.message_count:,}"

    @admin.display(description="last change", ordering="updated_at")
    def last_change(self, thread: Thread) -> str:
        return clock_time(thread.updated_at)

    @admin.display(description="state")
    def state(self, thread: Thread) -> SafeString:
        states = {
            "trash": ("In the trash", thread.trashed_at is not None),
            "archived": ("Archived", thread.archived_at is not None),
            "branched": ("Branched", getattr(thread, "is_branched", False)),
            "hidden": ("Hidden", not is_readable(thread)),
        }
        shown = [(kind, label) for kind, (label, applies) in states.items() if applies] or [("active", "Active")]
        return format_html_join(" ", '<span class="parley-badge parley-badge-{}">{}</span>', shown)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "agent":
            kwargs["widget"] = AgentSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "agent":
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        thread: Thread = context["original"]
        permit = ContentAccess.of(request).permit(thread)
        selection = Selection.of_query(request.GET, keep=KEPT_PARAMETERS)
        transcript = read_transcript(thread, selection, permit=permit) if permit else None
        return super().render_change_form(request, context | {"transcript": transcript}, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Thread, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if "agent" in changes:
            agent = changes.pop("agent")
            changes["agent_id"] = agent.pk if agent else None
        if changes:
            services.update_thread(actor=acting_in(obj.organization_id, request), thread_id=obj.pk, changes=changes)

    def log_change(self, request: HttpRequest, obj: Thread, message: Any) -> Any:
        """The log of the admin outlives the leave to read: it names the thread by its id."""
        unnamed = copy(obj)
        unnamed.title = None
        return super().log_change(request, unnamed, message)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Thread | None = None) -> bool:
        """What lies in the trash is restored before it is changed."""
        return super().has_change_permission(request, obj) and (obj is None or obj.trashed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Thread | None = None) -> bool:
        """Deleting moves to the trash; erasing for good is the purge's."""
        return False

    @admin.action(description="Move selected threads to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Thread]) -> None:
        self._move(request, queryset, services.trash_thread, "moved to the trash")

    @admin.action(description="Restore selected threads from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Thread]) -> None:
        self._move(request, queryset, services.restore_thread, "restored from the trash")

    def _move(self, request: HttpRequest, queryset: QuerySet[Any], move: Callable[..., Any], words: str) -> None:
        done = move_rows(queryset, lambda pk, org: move(actor=acting_in(org, request), thread_id=pk))
        self.message_user(request, done.told("thread", words), messages.SUCCESS if done.moved else messages.WARNING)
