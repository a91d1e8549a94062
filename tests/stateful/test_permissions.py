"""However roles, memberships and keys change, everybody may do what a small model says, from the next request on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from accounts.models import Membership, Organization, Role, User
from tests.client import ApiClient
from tests.stateful.machines import UndoneMachine, run_machine

PROBES = {
    "thread.read": ("GET", "/api/threads", None, 200),
    "agent.read": ("GET", "/api/agents", None, 200),
    "usage.read": ("GET", "/api/usage", None, 200),
    "audit.read": ("GET", "/api/audit", None, 200),
    "thread.create": ("POST", "/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"}, 201),
    "agent.create": ("POST", "/api/agents", {"name": "Made by a test"}, 201),
}
"""A request for each permission, and what it is answered with when it is held."""

CODES = st.lists(st.sampled_from(sorted(PROBES)), unique=True)
BUILT_IN = ("owner", "member", "viewer")


@dataclass
class Key:
    """A key of the model."""

    id: str
    client: ApiClient
    permissions: set[str]
    is_personal: bool
    is_read_only: bool = False
    is_revoked: bool = False


class Session(ApiClient):
    """Somebody who is logged in."""

    def __init__(self, user: User) -> None:
        super().__init__(None)
        self._client = Client()
        self._client.force_login(user)


class PermissionMachine(UndoneMachine):
    """Alice rules; Bob's role changes, his keys and those of services come and go."""

    organization: Organization
    people: dict[str, User]
    keys = Bundle("keys")

    def start(self) -> None:
        self.alice, self.bob = (Session(self.people[name]) for name in ("alice", "bob"))
        rows = Membership.objects.filter(user=self.people["bob"], organization=self.organization)
        self.membership = str(rows.get().pk)
        self.roles = {slug: set(Role.objects.built_in().get(slug=slug).permissions) for slug in BUILT_IN}
        made = self.alice.post("/api/roles", {"name": "Own", "slug": "own", "permissions": ["thread.read"]})
        self.own_role = made.json()["id"]
        self.roles["own"] = {"thread.read"}
        self.bobs_role: str | None = "member"
        self.all_keys: list[Key] = []

    @rule(role=st.sampled_from([*BUILT_IN, "own"]))
    def give_bob_a_role(self, role: str) -> None:
        response = self.alice.patch(f"/api/memberships/{self.membership}", {"role": role})
        assert response.status_code == (200 if self.bobs_role else 404)
        self.bobs_role = role if self.bobs_role else None

    @rule(permissions=CODES)
    def change_the_own_role(self, permissions: list[str]) -> None:
        assert self.alice.patch(f"/api/roles/{self.own_role}", {"permissions": permissions}).status_code == 200
        self.roles["own"] = set(permissions)

    @rule()
    def bob_makes_himself_owner(self) -> None:
        response = self.bob.patch(f"/api/memberships/{self.membership}", {"role": "owner"})
        is_owner = self.bobs_role == "owner"
        assert response.status_code == 200 if is_owner else response.status_code in (401, 403)

    @rule(target=keys, permissions=CODES, is_read_only=st.booleans())
    def make_service_key(self, permissions: list[str], is_read_only: bool) -> Key:
        body = {"name": "service", "permissions": permissions, "is_read_only": is_read_only}
        return self._key(self.alice.post("/api/keys", body), permissions, is_read_only=is_read_only)

    def _key(self, response: Any, permissions: list[str], *, is_read_only: bool = False, personal: bool = False) -> Key:
        assert response.status_code == 201, response.content
        made = response.json()
        key = Key(made["id"], ApiClient(made["key"]), set(permissions), personal, is_read_only)
        self.all_keys.append(key)
        return key

    @rule(permissions=CODES)
    def bob_makes_a_personal_key(self, permissions: list[str]) -> None:
        body = {"name": "bob's", "permissions": permissions, "personal": True}
        response = self.bob.post("/api/keys", body)
        if self.bobs_role == "owner":
            self._key(response, permissions, personal=True)
        elif response.status_code == 201:
            assert set(permissions) <= self._of_bob()
            self._key(response, permissions, personal=True)
        else:
            assert response.status_code in (400, 403)

    @rule(key=keys, permissions=CODES)
    def change_key(self, key: Key, permissions: list[str]) -> None:
        response = self.alice.patch(f"/api/keys/{key.id}", {"permissions": permissions})
        assert response.status_code == (409 if key.is_revoked else 200)
        key.permissions = key.permissions if key.is_revoked else set(permissions)

    @rule(key=keys)
    def revoke_key(self, key: Key) -> None:
        assert self.alice.delete(f"/api/keys/{key.id}").status_code in ((204, 404, 409) if key.is_revoked else (204,))
        key.is_revoked = True

    @rule()
    def remove_bob(self) -> None:
        response = self.alice.delete(f"/api/memberships/{self.membership}")
        assert response.status_code == (204 if self.bobs_role else 404)
        self.bobs_role = None

    def _of_bob(self) -> set[str]:
        return self.roles[self.bobs_role] if self.bobs_role else set()

    @invariant()
    def everybody_may_do_what_the_model_says(self) -> None:
        self._check(self.alice, self.roles["owner"])
        self._check(self.bob, self._of_bob())
        for key in self.all_keys[-3:]:
            held = key.permissions & self._of_bob() if key.is_personal else key.permissions
            if key.is_read_only:
                held = {code for code in held if code.endswith(".read")}
            is_known = not key.is_revoked and not (key.is_personal and self.bobs_role is None)
            self._check(key.client, held, denied=403 if is_known else 401)

    def _check(self, client: ApiClient, held: set[str], *, denied: int = 403) -> None:
        for code, (method, path, body, allowed) in PROBES.items():
            response = client.send(method, path, body)
            expected = allowed if code in held and denied == 403 else denied
            assert response.status_code == expected, (code, sorted(held), response.status_code, response.content)


@pytest.mark.slow
def test_permissions_are_as_the_model_says(organization: Organization, alice: User, bob: User, settings: Any) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = 0

    run_machine(PermissionMachine, cost=4, organization=organization, people={"alice": alice, "bob": bob})
