"""Accounts in the admin."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.actors import MemberActor
from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import revoke_api_key
from core.access import Actor
from core.admin import BaseAdmin, BaseInline, Suggestion, ValueFilter

OFFERED_ORGANIZATIONS = 10


def acting_in(organization_id: UUID, request: HttpRequest) -> Actor:
    """A platform administrator acts inside the organization of the row at hand, in their own name."""
    return MemberActor(organization_id=organization_id, person_id=cast("UUID", request.user.pk))


class OrganizationFilter(ValueFilter):
    """Rows of one organization, by its slug. Where there is only one, it is chosen: so its indexes serve the list."""

    title = "organization"
    parameter_name = "organization"
    placeholder = "slug"

    @cached_property
    def offered(self) -> list[Organization]:
        return list(Organization.objects.order_by("slug").only("slug", "name")[: OFFERED_ORGANIZATIONS + 1])

    @cached_property
    def organization_id(self) -> UUID | None:
        """The one organization whose rows are listed, None for all or for one that is not there."""
        if not self.value:
            return self.offered[0].pk if len(self.offered) == 1 else None
        found = next((each for each in self.offered if each.slug == self.value), None)
        return found.pk if found else Organization.objects.filter(slug=self.value).values_list("pk", flat=True).first()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.organization_id is None:
            return queryset.none() if self.value else queryset
        return queryset.filter(organization_id=self.organization_id)

    def suggestions(self) -> list[Suggestion]:
        return [Suggestion(each.slug, each.name) for each in self.offered[:OFFERED_ORGANIZATIONS]]


class OrganizationField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only for the type checker
    """The organization of a new row. Forms name it `tenant`: the column itself is not for editing, ever."""

    def __init__(self, model: type[Any], **options: Any) -> None:
        widget = AutocompleteSelect(model._meta.get_field("organization"), admin.site)
        super().__init__(Organization.objects.all(), **{"label": "Organization", "widget": widget, **options})


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    tenant = OrganizationField(Membership)

    class Meta:
        model = Membership
        fields = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["tenant"].disabled = True
            self.fields["tenant"].initial = self.instance.organization_id

    def save(self, commit: bool = True) -> Membership:
        if self.instance._state.adding:
            self.instance.organization = self.cleaned_data["tenant"]
        membership: Membership = super().save(commit)
        return membership


class MembershipFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # generic only for the type checker
    def clean(self) -> None:
        """A person belongs to an organization once."""
        super().clean()
        kept = [form for form in self.forms if form.cleaned_data.get("tenant") and not form.cleaned_data.get("DELETE")]
        organizations = [form.cleaned_data["tenant"] for form in kept]
        if len(organizations) != len(set(organizations)):
            raise forms.ValidationError("The person is in one of these organizations twice.")


class MembershipInline(BaseInline):
    model = Membership
    form = MembershipForm
    formset = MembershipFormSet
    fields = ("tenant", "created_at")
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organization")


@admin.register(User)
class UserAdmin(BaseAdmin, DjangoUserAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """People are switched off here; erasing one is the command's, which reports what was removed."""

    inlines: ClassVar = [MembershipInline]
    list_filter = ("is_staff", "is_superuser", "is_active")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


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
    list_filter = (OrganizationFilter, ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "prefix")
    ordering = ("-created_at",)
    fields = ("organization", "name", "prefix", "created_by", "created_at", "expires_at", "revoked_at")
    readonly_fields = ("organization", "prefix", "created_by", "created_at")
    actions = ("revoke",)

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        keys = list(queryset)
        for key in keys:
            revoke_api_key(key=key)
        self.message_user(request, f"Revoked {len(keys)} keys.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False
