"""Roles in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.admin.base import OrganizationField, acting_in
from accounts.admin.key_form import permission_choices
from accounts.models import Role
from accounts.services import roles as services
from core.admin import OrganizationFilter, TenantAdmin, scope_of


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(Role)
    permissions = forms.MultipleChoiceField(
        choices=permission_choices, required=False, widget=forms.SelectMultiple(attrs={"size": 20})
    )

    class Meta:
        model = Role
        fields = ("name", "slug", "description")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields.pop("tenant", None)
            if "permissions" in self.fields:
                self.fields["permissions"].initial = self.instance.permissions


class OfferedInFilter(OrganizationFilter):
    """The roles that an organization offers: its own and the built-in ones."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.organization_id is None:
            return super().queryset(request, queryset)
        return queryset.filter(Q(organization_id=self.organization_id) | Q(organization=None))


@admin.register(Role)
class RoleAdmin(TenantAdmin):
    """The organization's own roles, and the built-in ones to look at."""

    permission_noun = "role"

    form = RoleForm
    list_display = ("name", "slug", "kind", "organization", "description")
    list_select_related = ("organization",)
    list_filter = (OfferedInFilter,)
    search_fields = ("name", "slug")
    ordering = ("name", "id")
    readonly_fields = ("organization", "version", "created_at", "updated_at", "held_permissions")

    @admin.display(description="kind")
    def kind(self, role: Role) -> str:
        return "Built-in" if role.is_built_in else "Own"

    @admin.display(description="permissions")
    def held_permissions(self, role: Role) -> str:
        return ", ".join(role.permissions) or "None"

    def get_fields(self, request: HttpRequest, obj: Role | None = None) -> Any:
        if obj is None:
            return ("tenant", "name", "slug", "description", "permissions")
        permissions = "permissions" if self.has_change_permission(request, obj) else "held_permissions"
        return ("organization", "name", "slug", "description", permissions, "version", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Besides their own, whoever sees roles sees the built-in ones."""
        scope = scope_of(request)
        if scope.is_unlimited or not scope.can("role.read"):
            return super().get_queryset(request)
        own = Q(organization_id__in=scope.organization_ids("role.read"))
        return Role.objects.filter(own | Q(organization=None)).order_by(*self.ordering)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One at a time: Django's deletion of selected rows would pass by the rules."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def _may(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        if obj is None or not obj.is_built_in:
            return super()._may(request, verb, obj)
        return verb == "view" and super()._may(request, verb)

    def save_model(self, request: HttpRequest, obj: Role, form: Any, change: bool) -> None:
        if not change:
            fields = {name: value for name, value in form.cleaned_data.items() if name != "tenant"}
            actor = acting_in(form.cleaned_data["tenant"].pk, request)
            services.create_role(actor=actor, fields={"id": obj.pk, **fields})
            obj._state.adding = False
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.update_role(actor=acting_in(obj.organization_id, request), role_id=obj.pk, changes=changes)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Whether a role is in use is for the service to say."""
        return [str(each) for each in objs], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Role) -> None:
        services.delete_role(actor=acting_in(obj.organization_id, request), role_id=obj.pk)
