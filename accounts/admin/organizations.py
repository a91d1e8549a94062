"""Organizations in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.base import acting_in
from accounts.models import Organization
from accounts.querysets import OrganizationQuerySet
from accounts.services import organizations as services
from core.admin import BaseAdmin, clock_time, scope_of
from core.errors import DomainError

MAX_AT_ONCE = 1000
"""Organizations that one action changes; each is a transaction of its own."""


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("suspended", "Suspended")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        organizations = cast("OrganizationQuerySet", queryset)
        chosen = {"active": organizations.active, "suspended": organizations.suspended}
        return chosen.get(self.value() or "", organizations.all)()


@admin.register(Organization)
class OrganizationAdmin(BaseAdmin):
    """Staff see the organizations in which their role lets them, platform administrators see all.

    Platform administrators make, suspend and resume organizations. What they may read of its messages is for an
    organization's own people to say.
    """

    list_display = ("name", "slug", "content_access", "state", "made")
    list_filter = (StateFilter,)
    search_fields = ("name", "slug")
    search_help_text = "Parts of the name or the slug."
    ordering = ("slug",)
    actions = ("suspend", "resume")

    @admin.display(description="created", ordering="created_at")
    def made(self, organization: Organization) -> str:
        return clock_time(organization.created_at)

    @admin.display(description="state", ordering="suspended_at")
    def state(self, organization: Organization) -> str:
        return "Active" if organization.suspended_at is None else "Suspended"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """The list, every page, and the choice of an organization anywhere in the admin."""
        organizations = super().get_queryset(request)
        ids = scope_of(request).organization_ids("organization.read")
        return organizations if ids is None else organizations.filter(pk__in=ids)

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        own = ("id", "version", "created_at", "updated_at", "suspended_at")
        return [("name", "slug"), "content_access", *([] if obj is None else own)]

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> Any:
        fixed = ["id", "version", "created_at", "updated_at", "suspended_at"]
        if obj is None:
            return fixed
        scope = scope_of(request)
        if not scope.is_unlimited:
            fixed.append("slug")
        if not scope.is_member_with("organization.update", obj.pk):
            fixed.append("content_access")
        return fixed

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        actor = acting_in(obj.pk, request)
        if not change:
            services.found_organization(actor=actor, fields={"id": obj.pk, **form.cleaned_data})
            obj._state.adding = False
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.update_organization(actor=actor, organization_id=obj.pk, changes=changes)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return scope_of(request).can("organization.read", obj.pk if obj else None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).is_unlimited

    def has_change_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        return scope_of(request).can("organization.update", obj.pk if obj else None)

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """An organization is erased as a whole by the command made for it, never by a click."""
        return False

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return scope_of(request).is_unlimited

    @admin.action(description="Suspend selected organizations", permissions=["suspend"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        self._each(request, queryset, services.suspend_organization, "suspended")

    @admin.action(description="Resume selected organizations", permissions=["suspend"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        self._each(request, queryset, services.resume_organization, "resumed")

    def _each(self, request: HttpRequest, rows: QuerySet[Organization], change: Callable[..., Any], word: str) -> None:
        changed = refused = 0
        for pk in rows.values_list("pk", flat=True)[:MAX_AT_ONCE]:
            try:
                change(actor=acting_in(pk, request), organization_id=pk)
                changed += 1
            except DomainError:
                refused += 1
        note = f" {refused} left as before." if refused else ""
        told = f"{changed} organization{'' if changed == 1 else 's'} {word}.{note}"
        self.message_user(request, told, messages.SUCCESS if changed else messages.WARNING)
