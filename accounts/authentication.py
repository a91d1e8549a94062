"""Who sent the request: a bearer key, or a browser session of a member."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.actors import KeyActor, MemberActor
from accounts.keys import is_valid_secret, split_key
from accounts.models import ApiKey, Membership, User
from core.access import Actor

ORGANIZATION_HEADER = "Parley-Organization"
REFUSED = "The key is not valid."

_SLUG = re.compile(r"[-\w]{1,63}", re.ASCII)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer parley_…`. One query, no write; every kind of wrong key gets the same answer."""

    def authenticate(self, request: Request) -> tuple[Any, Actor] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            parts = split_key(token.decode("ascii"))
        except UnicodeDecodeError:
            parts = None
        if parts is None:
            raise AuthenticationFailed(REFUSED)
        return AnonymousUser(), _actor_of_key(*parts)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Parley"'


def _actor_of_key(prefix: str, secret: str) -> KeyActor:
    row = (
        ApiKey.objects.usable_at(timezone.now())
        .filter(prefix=prefix, organization__suspended_at=None)
        .values_list("id", "organization_id", "digest", "pepper_id")
        .first()
    )
    if row is None or not is_valid_secret(secret, digest=row[2], pepper_id=row[3]):
        raise AuthenticationFailed(REFUSED)
    return KeyActor(organization_id=row[1], key_id=row[0])


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
    organizations = list(memberships.order_by("created_at", "id").values_list("organization_id", flat=True)[:2])
    if len(organizations) != 1:
        found = "several organizations" if organizations else "no such organization"
        raise PermissionDenied(f"You belong to {found}; name one in the header {ORGANIZATION_HEADER}.")
    return MemberActor(organization_id=organizations[0], person_id=user.pk)
