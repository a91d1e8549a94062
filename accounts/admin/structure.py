"""Domains and instances in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode

from accounts.admin.base import OrganizationField, acting_in
from accounts.instances import visible_agents, with_agents
from accounts.models import Domain, Instance
from accounts.services import domains, instances
from core.access import Actor
from core.admin import DateFilter, JSONFormField, OrganizationFilter, TenantAdmin, TrashFilter, clock_time
from core.admin.moves import move_rows
from core.query import parse_uuid

HISTORY = ("id", "version", "created_at", "updated_at", "trashed_at")


class OfOrganization:
    """Lets a choice offer the rows of one organization only."""

    organization_id: UUID | None = None

    def get_url(self) -> str:
        address: str = super().get_url()  # type: ignore[misc]
        return (
            f"{address}?{urlencode({'organization_id': str(self.organization_id)})}"
            if self.organization_id
            else address
        )


class DomainSelect(OfOrganization, AutocompleteSelect):
    pass


class AgentsSelect(OfOrganization, AutocompleteSelectMultiple):
    pass


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(Domain)
    metadata = JSONFormField()

    class Meta:
        model = Domain
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            # A row stays in its organization for life.
            self.fields.pop("tenant", None)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        organization_id = _organization_of(self.instance, cleaned)
        if organization_id is not None and cleaned.get("slug"):
            others = Domain.objects.filter(organization_id=organization_id, slug=cleaned["slug"]).active()
            if others.exclude(pk=self.instance.pk).exists():
                self.add_error("slug", "Another domain of the organization has this slug.")
        return cleaned


class InstanceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    actor: ClassVar[Actor | None] = None
    """Who changes an instance; None while a new one is made, whose organization is not chosen yet."""

    tenant = OrganizationField(Instance)
    runs: Any = forms.ModelMultipleChoiceField(queryset=None, required=False, label="Agents that it runs")
    metadata = JSONFormField()

    class Meta:
        model = Instance
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance._state.adding:
            self.fields.pop("runs", None)
            return
        self.fields.pop("tenant", None)
        if "runs" in self.fields and self.actor is not None:
            self._offer_agents(self.actor)
        if "domain" in self.fields:
            place: Any = self.fields["domain"]
            place.queryset = place.queryset.filter(organization_id=self.instance.organization_id)
            place.widget.widget.organization_id = self.instance.organization_id

    def _offer_agents(self, actor: Actor) -> None:
        field: Any = self.fields["runs"]
        field.widget = AgentsSelect(Instance._meta.get_field("agents"), admin.site)
        field.widget.organization_id = actor.organization_id
        field.queryset = visible_agents(actor)
        self.initial["runs"] = with_agents([self.instance], actor)[0].agent_ids

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        place: Domain | None = cleaned.get("domain", self.instance.domain if self.instance.domain_id else None)
        organization_id = _organization_of(self.instance, cleaned)
        if place is None or organization_id is None:
            return cleaned
        if place.organization_id != organization_id:
            self.add_error("domain", "The domain belongs to another organization.")
        elif place.trashed_at is not None and "domain" in self.changed_data:
            self.add_error("domain", "The domain is in the trash.")
        elif self._takes_slug(place, cleaned):
            self.add_error("slug", "Another instance of the domain has this slug.")
        return cleaned

    def _takes_slug(self, place: Domain, cleaned: dict[str, Any]) -> bool:
        others = Instance.objects.filter(organization_id=place.organization_id, domain=place).active()
        return others.filter(slug=cleaned.get("slug", self.instance.slug)).exclude(pk=self.instance.pk).exists()


def _organization_of(row: Any, cleaned: dict[str, Any]) -> UUID | None:
    if not row._state.adding:
        organization_id: UUID = row.organization_id
        return organization_id
    tenant = cleaned.get("tenant")
    return tenant.pk if tenant else None


class PlaceAdmin(TenantAdmin):
    """What domains and instances share: slugs made from names, a trash, and changes through the services."""

    prepopulated_fields: ClassVar = {"slug": ("name",)}
    search_fields = ("name", "slug")
    search_help_text = "Parts of the name or the slug."
    ordering = ("-updated_at", "-id")
    actions = ("move_to_trash", "restore")

    @admin.display(description="last change", ordering="updated_at")
    def last_change(self, row: Any) -> str:
        return clock_time(row.updated_at)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What lies in the trash is restored before it is changed."""
        return super().has_change_permission(request, obj) and (obj is None or obj.trashed_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting moves to the trash; erasing for good is the purge's."""
        return False

    def _move(self, request: HttpRequest, rows: QuerySet[Any], move: Callable[..., Any], words: str) -> None:
        done = move_rows(rows, lambda pk, organization_id: move(acting_in(organization_id, request), pk))
        told = done.told(self.permission_noun, words)
        self.message_user(request, told, messages.SUCCESS if done.moved else messages.WARNING)


@admin.register(Domain)
class DomainAdmin(PlaceAdmin):
    permission_noun = "domain"

    form = DomainForm
    list_display = ("name", "slug", "organization", "last_change")
    list_select_related = ("organization",)
    list_columns = ("name", "slug", "updated_at", "trashed_at", "organization__name")
    list_filter = (OrganizationFilter, TrashFilter, DateFilter)
    readonly_fields = ("organization", *HISTORY)

    def get_fields(self, request: HttpRequest, obj: Domain | None = None) -> Any:
        place = "tenant" if obj is None else "organization"
        return [place, ("name", "slug"), "description", "metadata", *([] if obj is None else HISTORY)]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """The choice of a row's domain may name the organization; it offers nothing that lies in the trash."""
        given = request.GET.get("organization_id")
        if given is not None:
            queryset = queryset.filter(organization_id=_uuid(given)) if _uuid(given) else queryset.none()
        if "field_name" in request.GET:
            queryset = queryset.active()
        return super().get_search_results(request, queryset, search_term)

    def save_model(self, request: HttpRequest, obj: Domain, form: Any, change: bool) -> None:
        if not change:
            fields = {name: value for name, value in form.cleaned_data.items() if name != "tenant"}
            actor = acting_in(form.cleaned_data["tenant"].pk, request)
            domains.create_domain(actor=actor, fields={"id": obj.pk, **fields})
            obj._state.adding = False
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            domains.update_domain(actor=acting_in(obj.organization_id, request), domain_id=obj.pk, changes=changes)

    @admin.action(description="Move selected domains to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        self._move(
            request,
            queryset,
            lambda actor, pk: domains.trash_domain(actor=actor, domain_id=pk),
            "moved to the trash",
        )

    @admin.action(description="Restore selected domains from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        self._move(
            request,
            queryset,
            lambda actor, pk: domains.restore_domain(actor=actor, domain_id=pk),
            "restored",
        )


@admin.register(Instance)
class InstanceAdmin(PlaceAdmin):
    permission_noun = "instance"

    form = InstanceForm
    list_display = ("name", "slug", "organization", "domain", "environment", "last_change")
    list_select_related = ("organization", "domain")
    list_columns = (
        *("name", "slug", "environment", "updated_at", "trashed_at"),
        *("organization__name", "domain__name"),
    )
    list_filter = (OrganizationFilter, "environment", TrashFilter, DateFilter)
    readonly_fields = ("organization", *HISTORY)

    @admin.display(description="agents that it runs")
    def runs(self, instance: Instance) -> str:
        """What stands in the place of the choice for those who may not choose."""
        return ", ".join(sorted(str(agent) for agent in instance.agents.filter(organization=instance.organization_id)))

    def get_fields(self, request: HttpRequest, obj: Instance | None = None) -> Any:
        common = [("name", "slug"), "environment", "description", "metadata"]
        if obj is None:
            return ["tenant", "domain", *common]
        return ["organization", "domain", *common[:2], "runs", *common[2:], *HISTORY]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.actor = acting_in(obj.organization_id, request) if obj is not None else None
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "domain":
            kwargs["widget"] = DomainSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "domain":
            field.widget.can_add_related = field.widget.can_change_related = field.widget.can_delete_related = False
        return field

    def save_model(self, request: HttpRequest, obj: Instance, form: Any, change: bool) -> None:
        if not change:
            actor = acting_in(form.cleaned_data["tenant"].pk, request)
            fields = _columns(form, [name for name in form.cleaned_data if name != "tenant"])
            instances.create_instance(actor=actor, fields={"id": obj.pk, **fields})
            obj._state.adding = False
        elif form.changed_data:
            actor = acting_in(obj.organization_id, request)
            instances.update_instance(actor=actor, instance_id=obj.pk, changes=_columns(form, form.changed_data))

    @admin.action(description="Move selected instances to the trash", permissions=["trash"])
    def move_to_trash(self, request: HttpRequest, queryset: QuerySet[Instance]) -> None:
        self._move(
            request,
            queryset,
            lambda actor, pk: instances.trash_instance(actor=actor, instance_id=pk),
            "moved to the trash",
        )

    @admin.action(description="Restore selected instances from the trash", permissions=["trash"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Instance]) -> None:
        self._move(
            request,
            queryset,
            lambda actor, pk: instances.restore_instance(actor=actor, instance_id=pk),
            "restored",
        )


def _columns(form: Any, names: list[str]) -> dict[str, Any]:
    """What the services call the fields of the form."""
    values = {name: form.cleaned_data[name] for name in names}
    if "domain" in values:
        values["domain_id"] = values.pop("domain").pk
    if "runs" in values:
        values["agent_ids"] = [agent.pk for agent in values.pop("runs")]
    return values


def _uuid(text: str) -> UUID | None:
    try:
        return parse_uuid(text)
    except ValueError:
        return None
