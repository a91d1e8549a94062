"""People who log in and use the API in a browser's way."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from accounts.models import Membership, Organization, Role, User


class Person:
    """A session of somebody who is logged in."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.browser = Client()
        self.browser.force_login(user)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.generic(method, path, raw, content_type="application/json", headers=named)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)


def own_role(organization: Organization, slug: str, *permissions: str) -> Role:
    """A role of the organization's own, made as if by somebody who may do everything."""
    return Role.objects.create(organization=organization, slug=slug, name=slug.title(), permissions=sorted(permissions))


def place_of(user: User) -> tuple[str, str | None] | None:
    """Role and domain of the person's only membership, None without one."""
    found = Membership.objects.filter(user=user).values_list("role__slug", "domain__slug").first()
    return None if found is None else (found[0], found[1])


def membership_path(user: User) -> str:
    return f"/api/memberships/{Membership.objects.get(user=user).pk}"
