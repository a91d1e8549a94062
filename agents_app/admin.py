"""Agents in the admin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.serializers import ValidationError as InvalidAddress

from accounts.admin import OrganizationField, acting_in
from accounts.admin.structure import DomainSelect
from agents_app import services
from agents_app.integration_admin import IntegrationAdmin
from agents_app.models import Agent
from core.admin import (
    DateFilter,
    ExactCharField,
    JSONFormField,
    OrganizationFilter,
    TenantAdmin,
    TrashFilter,
    clock_time,
)
from core.admin.moves import move_rows
from core.json_gate import RefusedJSON, read_json
from core.validators import validate_web_url

__all__ = ["AgentAdmin", "IntegrationAdmin"]

MAX_TRAITS = 100
MAX_TRAIT_LENGTH = 255


class TraitsField(ExactCharField):
    """A list of texts, written one a line or as a JSON list."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return _listed(text) if text.lstrip().startswith("[") else [line for line in text.split("\n") if line.strip()]

    def validate(self, value: Any) -> None:
        if len(value) > MAX_TRAITS:
            raise forms.ValidationError(f"Give {MAX_TRAITS} traits at most.")
        if not all(isinstance(each, str) and each.strip() and len(each) <= MAX_TRAIT_LENGTH for each in value):
            raise forms.ValidationError(f"A trait is a text of 1 to {MAX_TRAIT_LENGTH} characters.")

    def prepare_value(self, value: Any) -> Any:
        """One a line, unless that would read as other traits than these."""
        if not isinstance(value, list):
            return value
        lines = "\n".join(map(str, value))
        return json.dumps(value, ensure_ascii=False, indent=2) if self.has_changed(value, lines) else lines

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except forms.ValidationError:
            return True


def _listed(text: str) -> list[Any]:
    try:
        value = read_json(text.encode("utf-8", "surrogatepass")).value
    except RefusedJSON as error:
        raise forms.ValidationError(error.message, code=error.code) from None
    return value if isinstance(value, list) else [value]


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(Agent)
    personality_traits = TraitsField(required=False, help_text="One a line, or a JSON list of texts.")
    parameters = JSONFormField(help_text="Model parameters, for instance temperature.")
    tools = JSONFormField(empty=list, kind=list, help_text="Definitions of the tools the agent may call.")
    metadata = JSONFormField()

    class Meta:
        model = Agent
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            # An agent stays in its organization for life.
            self.fields.pop("tenant", None)
        domain: Any = self.fields.get("domain")
        if domain is not None:
            domain.queryset = domain.queryset.filter(organization_id=self.instance.organization_id)
            domain.widget.widget.organization_id = self.instance.organization_id

    def clean_avatar(self) -> str:
        address: str = self.cleaned_data["avatar"]
        if address:
            try:
                validate_web_url(address)
            except InvalidAddress as error:
                raise forms.ValidationError([str(each) for each in error.detail]) from None
        return address

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        is_new = self.instance._state.adding
        organization = cleaned.get("tenant") if is_new else self.instance.organization
        if organization is not None and cleaned.get("slug"):
            agents = Agent.objects.filter(organization_id=organization.pk, slug=cleaned["slug"]).active()
            if agents.exclude(pk=self.instance.pk).exists():
                self.add_error("slug", "Another agent of the organization has this slug.")
        return cleaned


PERSONA = ("description", "instructions", "backstory", "personality_traits", "avatar")
DEFAULTS = ("agent_type", "provider", "model", "parameters", "tools")


@admin.register(Agent)
class AgentAdmin(TenantAdmin):
    """Agents, made and changed through the same services as over the API."""

    permission_noun = "agent"

    form = AgentForm
    list_display = ("name", "slug", "organization", "agent_type", "provider", "model", "is_active", "last_change")
    list_select_related = ("organization",)
    list_columns = (
        *("name", "slug", "agent_type", "provider", "model", "is_active", "updated_at", "trashed_at"),
        "organization__name",
    )
    list_filter = (OrganizationFilter, "is_active", TrashFilter, DateFilter)
    search_fields = ("name", "slug")
    search_help_text = "Parts of the name or the slug."
    ordering = ("-updated_at", "-id")
    prepopulated_fields: ClassVar = {"slug": ("name",)}
    readonly_fields = ("organization", "id", "version", "created_at", "updated_at", "trashed_at")
    actions = ("move_to_trash", "restore")

    @admin.display(description="last change", ordering="updated_at")
    def last_change(self, agent: Agent) -> str:
        return clock_time(agent.updated_at)

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        own = ("id", "version", "created_at", "updated_at", "trashed_at")
        return [
            (
                None,
                {
                    "fields": [
                        *(["tenant"] if obj is None else ["organization", "domain"]),
                        ("name", "slug"),
                        "is_active",
                    ]
                },
            ),
            ("Persona", {"fields": PERSONA}),
            ("Defaults of its threads", {"fields": DEFAULTS}),
            ("Metadata and history", {"fields": ["metadata", *([] if obj is None else own)], "classes": ["collapse"]}),
        ]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "domain":
            kwargs["widget"] = DomainSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The choice of a thread's agent names the organization, whose agents alone are offered there."""
        given = request.GET.get("organization_id")
        if given is not None:
            organization_id = _uuid(given)
            queryset = queryset.filter(organization_id=organization_id).active() if organization_id else queryset.none()
        return super().get_search_results(request, queryset, search_term)

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:
        if not change:
            fields = {name: value for name, value in form.cleaned_data.items() if name != "tenant"}
            actor = acting_in(form.cleaned_data["tenant"].pk, request)
            services.create_agent(actor=actor, fields={"id": obj.pk, **fields})
            obj._state.adding = False
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            if "domain" in changes:
                domain = changes.pop("domain")
                changes["domain_id"] = domain.pk if domain else None
            services.update_agent(actor=acting_in(obj.organization_id, request), agent_id=obj.pk, changes=changes)

    def has_change_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.trashed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        """Deleting moves to the trash; erasing for good is the purge's."""
        return False

    @admin.action(description="Move selected agents to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        self._move(request, queryset, services.trash_agent, "moved to the trash")

    @admin.action(description="Restore selected agents from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        self._move(request, queryset, services.restore_agent, "restored")

    def _move(self, request: HttpRequest, queryset: QuerySet[Agent], move: Callable[..., Any], words: str) -> None:
        done = move_rows(queryset, lambda pk, org: move(actor=acting_in(org, request), agent_id=pk))
        self.message_user(request, done.told("agent", words), messages.SUCCESS if done.moved else messages.WARNING)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
