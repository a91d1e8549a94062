"""API keys in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.admin.base import acting_in
from accounts.admin.key_form import KeyForm
from accounts.models import ApiKey
from accounts.querysets import ApiKeyQuerySet
from accounts.services import keys as services
from core.admin import OrganizationFilter, TenantAdmin, clock_time
from core.errors import DomainError

MAX_AT_ONCE = 1000
"""Keys that one action revokes; each is a transaction of its own."""


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in ("active", "expired", "revoked")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        keys: ApiKeyQuerySet = queryset
        state = self.value()
        return keys if state is None else keys.in_state(state, timezone.now())


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("service", "Of services"), ("personal", "Of persons")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        keys: ApiKeyQuerySet = queryset
        kind = self.value()
        return keys if kind is None else keys.filter(user__isnull=kind == "service")


BOUNDS = ("is_narrowed", "permissions", "is_read_only", "allowed_networks", "expires_at")
SHOWN_BOUNDS = ("held_permissions", "is_read_only", "networks", "expires_at")
HISTORY = ("created_by", "created_at", "last_used_at", "revoked_at", "version")


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    """Keys, made, narrowed and revoked through the same services as over the API; each is shown once."""

    permission_noun = "key"

    form = KeyForm
    list_display = ("name", "organization", "kind", "visible_part", "user", "last_use", "expires_at", "state")
    list_select_related = ("organization", "user")
    list_filter = (OrganizationFilter, StateFilter, KindFilter)
    search_fields = ("name", "prefix")
    search_help_text = "Parts of the name or of the visible beginning."
    ordering = ("-created_at",)
    readonly_fields = (
        "organization",
        "kind",
        "visible_part",
        "user",
        "state",
        *HISTORY,
        "held_permissions",
        "networks",
    )
    actions = ("revoke",)

    @admin.display(description="kind")
    def kind(self, key: ApiKey) -> str:
        return "Service" if key.user_id is None else "Personal"

    @admin.display(description="begins with", ordering="prefix")
    def visible_part(self, key: ApiKey) -> str:
        return key.shown_prefix

    @admin.display(description="last use", ordering="last_used_at")
    def last_use(self, key: ApiKey) -> str:
        return clock_time(key.last_used_at) if key.last_used_at else "–"

    @admin.display(description="state")
    def state(self, key: ApiKey) -> str:
        if key.revoked_at is not None:
            return "Revoked"
        return "Expired" if key.expires_at is not None and key.expires_at <= timezone.now() else "Active"

    @admin.display(description="permissions")
    def held_permissions(self, key: ApiKey) -> str:
        return "All of its owner" if key.permissions is None else ", ".join(key.permissions) or "None"

    @admin.display(description="allowed networks")
    def networks(self, key: ApiKey) -> str:
        return ", ".join(key.allowed_networks) or "Any"

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("tenant", "name", "personal")}), ("Bounds", {"fields": BOUNDS})]
        bounds = BOUNDS if self.has_change_permission(request, obj) else SHOWN_BOUNDS
        return [
            (None, {"fields": ("organization", "name", "kind", "user", "visible_part", "state")}),
            ("Bounds", {"fields": bounds}),
            ("History", {"fields": HISTORY}),
        ]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            if changes := form.changes():
                actor = acting_in(obj.organization_id, request)
                services.change_key(actor=actor, key_id=obj.pk, changes=changes)
            return
        actor = acting_in(form.cleaned_data["tenant"].pk, request)
        owner_id = actor.user_id if form.cleaned_data["personal"] else None
        key, text = services.issue_key(actor=actor, fields={"id": obj.pk, **form.bounds()}, owner_id=owner_id)
        obj.__dict__.update(key.__dict__)
        request.new_key = text  # type: ignore[attr-defined]  # for the one page that shows it

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the key in the answer itself: a page to be redirected to would have to find it stored somewhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API key created",
            "opts": self.opts,
            "key": obj,
            "text": request.new_key,  # type: ignore[attr-defined]
            "is_popup": IS_POPUP_VAR in request.POST,
        }
        return TemplateResponse(request, "admin/accounts/apikey/created.html", context)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A revoked key stays, for the record."""
        return False

    @admin.action(description="Revoke selected keys", permissions=["trash"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        revoked = 0
        for key_id, organization_id in queryset.values_list("pk", "organization_id")[:MAX_AT_ONCE]:
            try:
                services.revoke_key(actor=acting_in(organization_id, request), key_id=key_id)
                revoked += 1
            except DomainError:
                continue
        level = messages.SUCCESS if revoked else messages.WARNING
        self.message_user(request, f"Revoked {revoked} key{'s' if revoked != 1 else ''}.", level)
