"""Accounts in the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.http import HttpRequest

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import revoke_api_key
from core.admin import BaseAdmin, BaseInline


class MembershipInline(BaseInline):
    model = Membership
    fields = ("organization", "created_at")
    readonly_fields = ("created_at",)
    autocomplete_fields = ("organization",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    inlines: ClassVar = [MembershipInline]


@admin.register(Organization)
class OrganizationAdmin(BaseAdmin):
    list_display = ("name", "slug", "created_at", "suspended_at")
    search_fields = ("name", "slug")
    ordering = ("slug",)
    readonly_fields = ("created_at", "updated_at")

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """An organization is erased as a whole by the command made for it, never by a click."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin):
    """Keys can be looked at and revoked here; they are made where they can be shown once."""

    list_display = ("name", "organization", "prefix", "created_at", "expires_at", "revoked_at")
    list_select_related = ("organization",)
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    fields = ("organization", "name", "prefix", "created_by", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("organization", "prefix", "created_by", "created_at")
    actions: ClassVar[Any] = ["revoke"]

    @admin.action(description="Revoke selected keys")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        keys = list(queryset)
        for key in keys:
            revoke_api_key(key=key)
        self.message_user(request, f"Revoked {len(keys)} keys.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False
