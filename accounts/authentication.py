"""Who sent the request: a bearer key, or a browser session of a member."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.actors import MemberActor, held
from accounts.key_checks import actor_of_key
from accounts.models import Membership, User
from core.access import Actor

ORGANIZATION_HEADER = "Parley-Organization"
REFUSED = "The key is not valid."

MAX_OFFERED = 20
"""Organizations that an answer names at most."""

_SLUG = re.compile(r"[-\w]{1,63}", re.ASCII)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer parley_…`. One query, no write; every kind of wrong key gets the same answer."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        scheme, _, token = request._request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        actor = actor_of_key(token, now=timezone.now())
        if actor is None:
            raise AuthenticationFailed(REFUSED)
        return AnonymousUser(), actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Parley"'


class MemberSessionAuthentication(SessionAuthentication):
    """A log-in in the browser, with CSRF. Members of several organizations name one in `Parley-Organization`."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user: User = found[0]
        return user, _actor_of_member(user, request.headers.get(ORGANIZATION_HEADER))


def _actor_of_member(user: User, slug: str | None) -> MemberActor:
    memberships = Membership.objects.in_active_organizations().filter(user=user)
    if slug is not None:
        # A header may hold characters that a database refuses to compare with.
        memberships = memberships.filter(organization__slug=slug) if _SLUG.fullmatch(slug) else memberships.none()
    found = list(memberships.order_by("created_at", "id").select_related("role")[:2])
    if len(found) != 1:
        belongs = "several organizations" if found else "no such organization"
        offered = _slugs_of(user)
        named = f": {offered}." if offered else "."
        raise PermissionDenied(f"You belong to {belongs}; name one in the header {ORGANIZATION_HEADER}{named}")
    return actor_of_membership(found[0], user)


def _slugs_of(user: User) -> str:
    """The organizations that the person may name, the first of them when there are many."""
    memberships = Membership.objects.in_active_organizations().filter(user=user).order_by("organization__slug")
    slugs = list(memberships.values_list("organization__slug", flat=True)[: MAX_OFFERED + 1])
    return ", ".join([*slugs[:MAX_OFFERED], "…"] if len(slugs) > MAX_OFFERED else slugs)


def actor_of_membership(membership: Membership, user: User) -> MemberActor:
    """Return the person as the membership lets them act; the role is read with it."""
    return MemberActor(
        organization_id=membership.organization_id,
        user_id=user.pk,
        label=user.get_username(),
        permissions=held(frozenset(membership.role.permissions), domain_id=membership.domain_id),
        domain_id=membership.domain_id,
        is_platform_administrator=user.is_superuser,
    )
