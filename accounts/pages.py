"""The page behind the address of an invitation: a member-to-be joins, with an account or a new one."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth.forms import SetPasswordMixin, UsernameField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import re_path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from accounts.login import PAGE_CONTEXT, log_in
from accounts.models import Invitation, User
from accounts.services import invitations as services
from accounts.services.memberships import AlreadyMember
from core.errors import DomainError, NotFound

OVER = "This invitation is not valid any more"


class SignUpForm(SetPasswordMixin, forms.Form):  # type: ignore[type-arg]  # generic only for the type checker
    """A new account for the invited e-mail address."""

    username = UsernameField(max_length=150, widget=forms.TextInput(attrs={"autocomplete": "username"}))
    email = forms.EmailField(label="E-mail address", disabled=True, required=False)
    password1, password2 = SetPasswordMixin.create_password_fields()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.validate_passwords()
        person = User(username=cleaned.get("username", ""), email=cleaned.get("email", ""))
        self.validate_password_for_user(person)
        return cleaned


@method_decorator([never_cache, sensitive_post_parameters("password1", "password2")], name="dispatch")
class InvitationPage(View):
    """`GET` shows the invitation, `POST` accepts it. Whatever is wrong with the address, the answer is the same 404."""

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        try:
            invitation = services.open_invitation(secret)
        except NotFound:
            return self._over()
        form = None if request.user.is_authenticated else SignUpForm(initial={"email": invitation.email})
        return self._page(invitation, form)

    def post(self, request: HttpRequest, secret: str) -> HttpResponse:
        try:
            invitation = services.open_invitation(secret)
            return (
                self._join(invitation, secret) if request.user.is_authenticated else self._sign_up(invitation, secret)
            )
        except NotFound:
            return self._over()

    def _join(self, invitation: Invitation, secret: str) -> HttpResponse:
        try:
            services.accept_invitation(secret=secret, user=cast("User", self.request.user))
        except (AlreadyMember, services.WrongAddressee):
            return self._page(invitation, None)
        return self._welcome(invitation, cast("User", self.request.user))

    def _sign_up(self, invitation: Invitation, secret: str) -> HttpResponse:
        form = SignUpForm(self.request.POST, initial={"email": invitation.email})
        if not form.is_valid():
            return self._page(invitation, form)
        try:
            user = services.accept_as_new_user(
                secret=secret, username=form.cleaned_data["username"], password=form.cleaned_data["password1"]
            )
        except NotFound:
            raise
        except DomainError as error:
            form.add_error(None, f"{error.detail} If it is yours, log in to join.")
            return self._page(invitation, form)
        log_in(self.request, user)
        return self._welcome(invitation, user)

    def _page(self, invitation: Invitation, form: SignUpForm | None) -> HttpResponse:
        context: dict[str, Any] = {
            **PAGE_CONTEXT,
            "title": f"Join {invitation.organization}",
            "invitation": invitation,
            "place": _place(invitation),
            "form": form,
            "next": self.request.path,
            "log_in": reverse("rest_framework:login"),
            "log_out": reverse("rest_framework:logout"),
        }
        if form is None:
            person = cast("User", self.request.user)
            context["is_member"] = services.is_member(person, invitation)
            context["is_addressee"] = services.is_addressee(person, invitation)
        return render(self.request, "accounts/invitation.html", context)

    def _welcome(self, invitation: Invitation, person: User) -> HttpResponse:
        """Staff go to the admin; everybody else can do nothing there and is told where they are now."""
        if person.is_staff:
            return HttpResponseRedirect(reverse("admin:index"))
        title = f"Welcome to {invitation.organization}"
        context = {**PAGE_CONTEXT, "title": title, "invitation": invitation, "place": _place(invitation)}
        return render(self.request, "accounts/joined.html", context)

    def _over(self) -> HttpResponse:
        return render(self.request, "accounts/invitation_over.html", {**PAGE_CONTEXT, "title": OVER}, status=404)


def _place(invitation: Invitation) -> str:
    """The role, and the domain where there is one."""
    return f"{invitation.role}, for {invitation.domain}" if invitation.domain else str(invitation.role)


urlpatterns = [re_path(r"^invitations/(?P<secret>[^/]+)/?$", InvitationPage.as_view(), name="invitation")]
