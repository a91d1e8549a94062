"""Everybody who may knock: thirteen identities, each with its way of sending a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.middleware.csrf import _get_new_csrf_string
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Organization, User
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key, create_organization
from tests.client import ApiClient
from tests.conftest import make_member

Send = Callable[..., Any]
"""`send(method, path, body=None, **headers)` returns the response."""

IDENTITIES = (
    "anonymous",
    "malformed key",
    "unknown key",
    "revoked key",
    "expired key",
    "key of a suspended organization",
    "other organization's admin",
    "viewer",
    "member",
    "narrowed key",
    "owner",
    "platform admin",
    "session without CSRF",
)

NARROWED_TO = frozenset({"agent.read", "thread.create"})


@dataclass(frozen=True)
class Identity:
    """Somebody who knocks. `refused_with` is what every address answers them; None where it depends on the code."""

    send: Send
    refused_with: int | None = None
    codes: frozenset[str] = frozenset()
    is_outside: bool = False
    has_token: bool = True


class SessionClient:
    """A browser with a log-in; a request that changes something carries the token against forgery, or does not."""

    def __init__(self, user: User, *, has_token: bool = True) -> None:
        self._client = Client(enforce_csrf_checks=True)
        self._client.force_login(user)
        self._headers = {}
        if has_token:
            token = _get_new_csrf_string()
            self._client.cookies["csrftoken"] = token
            self._headers = {"X-CSRFToken": token}

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.generic(
            method, path, raw, content_type="application/json", headers={**self._headers, **named}
        )


def with_key(text: str | None) -> Send:
    return ApiClient(text).send


def cast(acme: Organization, rival: Organization) -> dict[str, Identity]:
    """Return the identities that try every address of acme."""
    owner = make_member("olivia", acme)
    revoked = _key(acme, revoked_at=timezone.now())
    expired = _key(acme, expires_at=timezone.now() - timedelta(seconds=1))
    suspended = create_organization(slug="suspended")
    Organization.objects.filter(pk=suspended.pk).update(suspended_at=timezone.now())
    root = User.objects.create_superuser("root", "root@example.org", "correct horse battery")
    return {
        "anonymous": Identity(with_key(None), refused_with=401, is_outside=True),
        "malformed key": Identity(with_key("parley_what"), refused_with=401, is_outside=True),
        "unknown key": Identity(with_key(f"parley_{'a' * 12}_{'b' * 43}"), refused_with=401, is_outside=True),
        "revoked key": Identity(with_key(revoked), refused_with=401, is_outside=True),
        "expired key": Identity(with_key(expired), refused_with=401, is_outside=True),
        "key of a suspended organization": Identity(with_key(_key(suspended)), refused_with=401, is_outside=True),
        "other organization's admin": Identity(
            SessionClient(make_member("rita", rival, role="admin")).send, codes=_role("admin"), is_outside=True
        ),
        "viewer": Identity(SessionClient(make_member("vera", acme, role="viewer")).send, codes=_role("viewer")),
        "member": Identity(SessionClient(make_member("mark", acme, role="member")).send, codes=_role("member")),
        "narrowed key": Identity(with_key(_key(acme, permissions=sorted(NARROWED_TO))), codes=NARROWED_TO),
        "owner": Identity(SessionClient(owner).send, codes=_role("owner")),
        "platform admin": Identity(SessionClient(root).send, refused_with=403, is_outside=True),
        "session without CSRF": Identity(
            SessionClient(owner, has_token=False).send, codes=_role("owner"), has_token=False
        ),
    }


def key_of(organization: Organization) -> Send:
    """A service's key that may do everything in its organization."""
    return with_key(_key(organization))


def _role(slug: str) -> frozenset[str]:
    return BUILT_IN_ROLES[slug].permissions


def _key(organization: Organization, **columns: Any) -> str:
    key, text = create_api_key(organization=organization, name="tests")
    if columns:
        ApiKey.objects.filter(pk=key.pk).update(**columns)
    return text
