"""People, their memberships and their invitations in the admin."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts.actors import MemberActor
from accounts.admin.base import acting_in
from accounts.admin.people_forms import (
    InlineMembershipForm,
    InvitationForm,
    MembershipForm,
    MembershipFormSet,
    narrow_places,
)
from accounts.models import Invitation, Membership, User
from accounts.querysets import InvitationQuerySet
from accounts.services import invitations, memberships
from accounts.services.users import insert_user, record_new_password, record_new_user, update_user
from core.admin import BaseAdmin, BaseInline, OrganizationFilter, TenantAdmin, clock_time, scope_of
from core.errors import DomainError
from ledger.models import PLATFORM

MAX_AT_ONCE = 1000
"""Invitations that one action revokes; each is a transaction of its own."""


class MembershipInline(BaseInline):
    model = Membership
    form = InlineMembershipForm
    formset = MembershipFormSet
    fields = ("tenant", "role", "domain", "created_at")
    readonly_fields = ("created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("organization")


@admin.register(User)
class UserAdmin(BaseAdmin, DjangoUserAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """For platform administrators. People are switched off here; erasing one is the command's, which reports it."""

    inlines: ClassVar = [MembershipInline]
    list_filter = ("is_staff", "is_superuser", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("History", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "email", "usable_password", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            insert_user(obj)
            record_new_user(actor=_on_the_platform(request), user=obj)
        elif form.changed_data:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            update_user(actor=_on_the_platform(request), user_id=obj.pk, changes=changes)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Memberships go the way of the API, with all its rules."""
        formset.save_through_services(lambda organization_id: acting_in(organization_id, request))

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            record_new_password(actor=_on_the_platform(request), user=User.objects.get(pk=id))
        return response

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


def _on_the_platform(request: HttpRequest) -> MemberActor:
    """People belong to no organization: what is done to them is in the trail of the platform."""
    person = cast("User", request.user)
    return MemberActor(PLATFORM, person.pk, person.get_username(), is_platform_administrator=True)


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """Who belongs to the organization. People join by invitations."""

    permission_noun = "membership"

    form = MembershipForm
    list_display = ("user", "email", "organization", "role", "domain", "since")
    list_select_related = ("user", "organization", "role", "domain")
    list_filter = (OrganizationFilter,)
    search_fields = ("user__username", "user__email")
    search_help_text = "Parts of the name or the e-mail address."
    ordering = ("-created_at", "-id")
    fields = ("organization", "user", "email", "role", "domain", "version", "created_at", "updated_at")
    readonly_fields = ("organization", "user", "email", "version", "created_at", "updated_at")

    @admin.display(description="e-mail address", ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email or "–"

    @admin.display(description="since", ordering="created_at")
    def since(self, membership: Membership) -> str:
        return clock_time(membership.created_at)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One at a time: Django's deletion of selected rows would pass by the rules."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if changes := form.changes():
            actor = acting_in(obj.organization_id, request)
            memberships.update_membership(actor=actor, membership_id=obj.pk, changes=changes)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        memberships.remove_membership(actor=acting_in(obj.organization_id, request), membership_id=obj.pk)


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.capitalize()) for state in ("open", "accepted", "revoked", "expired")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        found: InvitationQuerySet = queryset
        state = self.value()
        return found if state is None else found.in_state(state, timezone.now())


@admin.register(Invitation)
class InvitationAdmin(TenantAdmin):
    """Invitations, made and revoked through the same services as over the API; the address is shown once."""

    permission_noun = "invitation"

    form = InvitationForm
    list_display = ("email", "organization", "role", "domain", "state", "expires_at", "created_by")
    list_select_related = ("organization", "role", "domain", "created_by")
    list_filter = (OrganizationFilter, StateFilter)
    search_fields = ("email",)
    ordering = ("-created_at", "-id")
    readonly_fields = (
        *("organization", "state", "created_by", "created_at", "expires_at", "accepted_at", "revoked_at"),
    )
    actions = ("revoke",)

    @admin.display(description="state")
    def state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "Accepted"
        if invitation.revoked_at:
            return "Revoked"
        return "Open" if invitation.is_open_at(timezone.now()) else "Expired"

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> Any:
        if obj is None:
            return ("tenant", "email", "role", "domain", "expires_in_days")
        history = ("state", "created_by", "created_at", "expires_at", "accepted_at", "revoked_at")
        return ("organization", "email", "role", "domain", *history)

    def get_form(self, request: HttpRequest, obj: Invitation | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Roles and domains are offered of the organizations where the person may invite."""
        form = super().get_form(request, obj, change, **kwargs)
        narrow_places(form, scope_of(request).organization_ids(self.code_for("add")))
        return form

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        """What was offered stays what it was: revoke it and invite again."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        actor = acting_in(form.cleaned_data["tenant"].pk, request)
        made, secret = invitations.create_invitation(actor=actor, **form.offer())
        obj.__dict__.update(made.__dict__)
        request.new_secret = secret  # type: ignore[attr-defined]  # for the one page that shows it

    def response_add(self, request: HttpRequest, obj: Invitation, post_url_continue: str | None = None) -> HttpResponse:
        """Show the address in the answer itself: a page to be redirected to would have to find it stored somewhere."""
        secret: str = request.new_secret  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": "Invitation created",
            "opts": self.opts,
            "invitation": obj,
            "url": request.build_absolute_uri(reverse("invitation", args=[secret])),
            "is_popup": IS_POPUP_VAR in request.POST,
        }
        return TemplateResponse(
            request, "admin/accounts/invitation/created.html", context, headers={"Cache-Control": "no-store"}
        )

    @admin.action(description="Revoke selected invitations", permissions=["trash"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        revoked = 0
        for invitation_id, organization_id in queryset.values_list("pk", "organization_id")[:MAX_AT_ONCE]:
            try:
                invitations.revoke_invitation(actor=acting_in(organization_id, request), invitation_id=invitation_id)
                revoked += 1
            except DomainError:
                continue
        self.message_user(request, f"Revoked {revoked} invitation{'s' if revoked != 1 else ''}.")
