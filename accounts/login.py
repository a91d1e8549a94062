"""The one log-in of people, for the admin and the browsable API: audited, and slowed down for those who guess."""

from __future__ import annotations

from math import ceil
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth import login as start_session
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse

from accounts.actors import MemberActor
from accounts.backends import people_called
from accounts.login_failures import begin_attempt, succeed
from accounts.models import Membership, User
from accounts.services.users import record_new_password
from core.logs import client_address
from ledger.models import PLATFORM
from ledger.services import record_login
from ledger.services.logins import LOG_IN_REFUSED, LOGGED_IN, LOGGED_OUT

REFUSED = "The name and the password do not fit together. Mind capital letters."
"""The same for a wrong password, an unknown name and an account that is switched off."""

PAGE_CONTEXT = {"site_header": "Parley", "site_title": "Parley"}


class LoginForm(AuthenticationForm):
    """Username or e-mail address, and password."""

    error_messages = {"invalid_login": REFUSED, "inactive": REFUSED}

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        field = self.fields["username"]
        field.label = "Username or e-mail address"
        field.widget.attrs["maxlength"] = 254


class LogIn(LoginView):
    """Every log-in and every refusal is written down; after too many failures the answer is 429 for a while."""

    authentication_form = LoginForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = begin_attempt(client_address.get(), self._name())
        if wait:
            record_refused_login(self._name(), cause="too_many_failures")
            return too_many_failures(request, wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        succeed(client_address.get(), self._name())
        log_in(self.request, form.get_user())
        return HttpResponseRedirect(self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        record_refused_login(self._name(), cause="wrong_password")
        return super().form_invalid(form)

    def _name(self) -> str:
        return self.request.POST.get("username", "")


class LogOut(LogoutView):
    """The end of a session, written down."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return super().post(request, *args, **kwargs)
        user = request.user
        with transaction.atomic():
            response = super().post(request, *args, **kwargs)
            record_login(
                organization_ids=_organizations_of(user),
                action=LOGGED_OUT,
                user_id=user.pk,
                label=user.get_username(),
            )
        return response


def log_in(request: HttpRequest, user: User) -> None:
    """Start a session of the person in this browser, and write it down."""
    with transaction.atomic():
        start_session(request, user)
        record_login(
            organization_ids=_organizations_of(user), action=LOGGED_IN, user_id=user.pk, label=user.get_username()
        )


def record_refused_login(name: str, *, cause: str) -> None:
    """Write down that a log-in was refused: of whom, when the name means one person; what was typed is not kept."""
    people = people_called(name)
    if len(people) != 1:
        causes = {"wrong_password": "ambiguous_name" if people else "unknown_name"}
        record_login(
            organization_ids=[], action=LOG_IN_REFUSED, user_id=None, after={"cause": causes.get(cause, cause)}
        )
        return
    [person] = people
    record_login(
        organization_ids=_organizations_of(person),
        action=LOG_IN_REFUSED,
        user_id=person.pk,
        label=person.get_username(),
        after={"cause": cause if person.is_active else "inactive"},
    )


def too_many_failures(request: HttpRequest, wait: int) -> HttpResponse:
    """The page for somebody who has to wait, with `Retry-After` in seconds."""
    context = {**PAGE_CONTEXT, "title": "Too many failed log-ins", "minutes": ceil(wait / 60)}
    page = render(request, "accounts/too_many_failures.html", context, status=429)
    page["Retry-After"] = str(wait)
    return page


def log_in_to_admin(request: HttpRequest) -> HttpResponseBase:
    """The admin's log-in page: Django's, with this module's form and view behind it."""
    site = admin.site
    index = reverse("admin:index")
    if request.method == "GET" and site.has_permission(request):
        return HttpResponseRedirect(index)
    context = {
        **site.each_context(request),
        "title": "Log in",
        "subtitle": None,
        "app_path": request.get_full_path(),
        "username": request.user.get_username(),
    }
    if "next" not in request.GET and "next" not in request.POST:
        context["next"] = index
    return LogIn.as_view(template_name="admin/login.html", extra_context=context)(request)


def log_out_of_admin(request: HttpRequest) -> HttpResponseBase:
    context = {**admin.site.each_context(request), "has_permission": False}
    return LogOut.as_view(extra_context=context)(request)


class ChangePassword(PasswordChangeView):
    """A person's new password, written down without telling it; their other sessions end."""

    form_class = AdminPasswordChangeForm

    def form_valid(self, form: Any) -> HttpResponse:
        person = cast("User", self.request.user)
        actor = MemberActor(PLATFORM, person.pk, person.get_username(), permissions=frozenset())
        with transaction.atomic():
            response = super().form_valid(form)
            record_new_password(actor=actor, user=person)
        return response


def change_password(request: HttpRequest) -> HttpResponseBase:
    done = reverse("admin:password_change_done")
    return ChangePassword.as_view(success_url=done, extra_context=admin.site.each_context(request))(request)


def _organizations_of(user: User) -> list[UUID]:
    memberships = Membership.objects.in_active_organizations().filter(user=user)
    return list(memberships.values_list("organization_id", flat=True))


admin_urls = [
    path("login/", log_in_to_admin),
    path("logout/", log_out_of_admin),
    path("password_change/", admin.site.admin_view(change_password, cacheable=True)),
]
"""Stand before the admin's own, which have the same addresses."""

api_urls = [
    path("login/", LogIn.as_view(template_name="rest_framework/login.html"), name="login"),
    path("logout/", LogOut.as_view(), name="logout"),
]
"""Have the names that the browsable API looks for, in the namespace `rest_framework`."""
