"""Keys over the API: shown once, changed, revoked, and all of it in the audit trail."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey, IdempotencyRecord, Organization, User
from accounts.permissions import ORGANIZATION_PERMISSIONS
from accounts.services import create_api_key
from core.renderers import format_datetime
from ledger.models import AuditEntry
from tests.accounts.keyring import refused, show, told
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member

KEYS = "/api/keys"


@pytest.fixture
def owner(alice: User) -> Person:
    return Person(alice)


@pytest.fixture
def made(owner: Person) -> dict[str, Any]:
    """A key with every bound, as the answer that made it."""
    body = {
        "name": "Importer",
        "permissions": ["thread.read", "thread.create", "thread.read"],
        "is_read_only": False,
        "allowed_networks": ["127.0.0.1", "10.0.0.0/8", "127.0.0.1/32"],
        "expires_at": "2040-01-01T00:00:00+01:00",
    }
    response = owner.post(KEYS, body)
    assert response.status_code == 201, response.content
    found: dict[str, Any] = response.json()
    return found


def path(key: dict[str, Any]) -> str:
    return f"{KEYS}/{key['id']}"


def test_a_key_is_shown_once(owner: Person, made: dict[str, Any]) -> None:
    stored = ApiKey.objects.get()
    text = made.pop("key")

    again = owner.get(path(made))

    assert show(text).status_code == 200
    assert again.json() | {"last_used_at": None} == made
    assert made == {
        "id": str(stored.pk),
        "name": "Importer",
        "kind": "service",
        "user_id": None,
        "prefix": f"parley_{stored.prefix}_…",
        "permissions": ["thread.create", "thread.read"],
        "is_read_only": False,
        "allowed_networks": ["127.0.0.1/32", "10.0.0.0/8"],
        "is_imported": False,
        "state": "active",
        "created_by_id": str(owner.user.pk),
        "expires_at": "2039-12-31T23:00:00.000000Z",
        "revoked_at": None,
        "last_used_at": None,
        "version": 1,
        "created_at": format_datetime(stored.created_at),
        "updated_at": format_datetime(stored.updated_at),
    }


def test_nothing_that_is_stored_or_shown_holds_the_secret(owner: Person, made: dict[str, Any]) -> None:
    secret = made["key"].split("_", 2)[2]
    owner.patch(path(made), {"name": "Renamed"})
    owner.delete(path(made))

    shown = [owner.get(address).content.decode() for address in (KEYS, path(made), "/api/keys?state=revoked")]
    kept = [repr(row) for model in (ApiKey, IdempotencyRecord, AuditEntry) for row in model.objects.values()]

    digest = ApiKey.objects.get().digest
    assert [text for text in shown if secret in text or digest in text] == []
    assert [text for text in kept if secret in text] == []
    assert [row for row in AuditEntry.objects.values() if digest in repr(row)] == []


def test_the_answer_that_shows_a_key_is_not_to_be_stored(owner: Person) -> None:
    response = owner.post(KEYS, {"name": "k"})

    assert (response["Cache-Control"], response["ETag"]) == ("no-store", '"v1"')


def test_a_repeated_request_makes_one_key_and_shows_it_once(owner: Person) -> None:
    first, again = (owner.post(KEYS, {"name": "k"}, idempotency_key="once") for _ in range(2))

    assert (first.status_code, again.status_code, ApiKey.objects.count()) == (201, 201, 1)
    assert again.json() == {**first.json(), "key": None}
    assert first.json()["key"].split("_", 2)[2] not in IdempotencyRecord.objects.get().body


def test_making_a_key_is_audited(owner: Person, made: dict[str, Any], organization: Organization) -> None:
    [entry] = [entry for entry in trail_of(organization.pk) if entry["action"] == "key.created"]

    assert entry == {
        "action": "key.created",
        "actor": "user alice",
        "subject": f"api_key Importer ({made['prefix']})",
        "before": None,
        "after": {
            "name": "Importer",
            "prefix": made["prefix"].split("_")[1],
            "permissions": ["thread.create", "thread.read"],
            "is_read_only": False,
            "allowed_networks": ["127.0.0.1/32", "10.0.0.0/8"],
            "expires_at": "2039-12-31T23:00:00.000000Z",
            "user_id": None,
        },
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": " "}, ["name"]),
        ({"name": 1}, ["name"]),
        ({"name": "a" * 256}, ["name"]),
        ({"name": "k", "permissions": "thread.read"}, ["permissions"]),
        ({"name": "k", "permissions": ["thread.fly"]}, ["permissions.0"]),
        ({"name": "k", "permissions": ["organization.create"]}, ["permissions.0"]),
        ({"name": "k", "is_read_only": 1}, ["is_read_only"]),
        ({"name": "k", "personal": "yes"}, ["personal"]),
        ({"name": "k", "allowed_networks": ["10.0.0.1/8"]}, ["allowed_networks.0"]),
        ({"name": "k", "allowed_networks": [None]}, ["allowed_networks.0"]),
        ({"name": "k", "allowed_networks": ["10.0.0.0/8"] * 33}, ["allowed_networks"]),
        ({"name": "k", "expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"name": "k", "expires_at": "tomorrow"}, ["expires_at"]),
        ({"name": "k", "user_id": "01890000-0000-7000-8000-000000000000"}, ["user_id"]),
        ({"name": "k", "digest": "0" * 64}, ["digest"]),
        ({"name": "k", "key": "parley_mine"}, ["key"]),
        ({"name": "k", "prefix": "mine"}, ["prefix"]),
        ({"name": "k", "scheme": "bcrypt"}, ["scheme"]),
        ({"name": "k", "id": "01890000-0000-7000-8000-000000000000"}, ["id"]),
    ],
)
def test_what_is_no_key_is_told_by_field(owner: Person, body: Any, fields: list[str]) -> None:
    before = snapshot()

    response = owner.post(KEYS, body)

    assert (response.status_code, fields_at_fault(response)) == (400, fields)
    assert snapshot() == before


def test_a_change_is_stored_audited_and_in_force(
    owner: Person, made: dict[str, Any], organization: Organization
) -> None:
    since = last_number(organization.pk)
    changes = {"name": "Reader", "permissions": ["agent.read"], "is_read_only": True, "expires_at": None}

    response = owner.patch(path(made), changes, if_match='"v1"')

    assert (response.status_code, response["ETag"]) == (200, '"v2"')
    assert {name: response.json()[name] for name in changes} == changes
    assert trail_of(organization.pk, since=since) == [
        {
            "action": "key.updated",
            "actor": "user alice",
            "subject": f"api_key Reader ({made['prefix']})",
            "before": {
                "name": "Importer",
                "permissions": ["thread.create", "thread.read"],
                "is_read_only": False,
                "expires_at": "2039-12-31T23:00:00.000000Z",
            },
            "after": changes,
        }
    ]
    assert show(made["key"]).status_code == 403


@pytest.mark.parametrize("field", ["personal", "kind", "user_id", "prefix", "revoked_at", "last_used_at", "key", "id"])
def test_what_a_key_is_cannot_be_changed(owner: Person, made: dict[str, Any], field: str) -> None:
    before = snapshot()

    response = owner.patch(path(made), {field: None})

    assert (response.status_code, fields_at_fault(response)) == (400, [field])
    assert snapshot() == before


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_stale_version_changes_nothing(owner: Person, made: dict[str, Any], method: str) -> None:
    owner.patch(path(made), {"name": "Second"})
    before = snapshot()

    body = {"name": "Third"} if method == "patch" else None
    response = (
        getattr(owner, method)(path(made), body, if_match='"v1"') if body else owner.delete(path(made), if_match='"v1"')
    )

    assert (response.status_code, problem_of(response)["current_version"]) == (412, 2)
    assert snapshot() == before


def test_revoking_is_at_once_visible_audited_and_final(
    owner: Person, made: dict[str, Any], organization: Organization
) -> None:
    since = last_number(organization.pk)

    statuses = [owner.delete(path(made)).status_code for _ in range(2)]

    shown = owner.get(path(made)).json()
    actions = [(entry["action"], entry["after"]) for entry in trail_of(organization.pk, since=since)]
    assert statuses == [204, 204]
    assert (shown["state"], shown["version"]) == ("revoked", 2)
    assert actions == [("key.revoked", {"revoked_at": shown["revoked_at"]})]
    assert told(show(made["key"])) == refused()


@pytest.mark.parametrize(("method", "suffix"), [("PATCH", ""), ("POST", "/rotate")])
def test_a_revoked_key_stays_as_it_is(owner: Person, made: dict[str, Any], method: str, suffix: str) -> None:
    owner.delete(path(made))
    before = snapshot()

    response = owner.send(method, path(made) + suffix, {"name": "Again"} if method == "PATCH" else {})

    assert (response.status_code, problem_of(response)["code"]) == (409, "key_revoked")
    assert snapshot() == before


def test_lists_are_chosen_by_kind_and_state(owner: Person, organization: Organization) -> None:
    past = timezone.now() - timedelta(days=1)
    create_api_key(organization=organization, name="expired", expires_at=past)
    create_api_key(organization=organization, name="personal", user=owner.user)
    revoked = create_api_key(organization=organization, name="revoked", expires_at=past)[0]
    owner.delete(f"{KEYS}/{revoked.pk}")

    found = {
        query: [row["name"] for row in owner.get(f"{KEYS}?{query}").json()["results"]]
        for query in ("order=asc", "kind=service", "kind=personal", "state=active", "state=expired", "state=revoked")
    }

    assert found == {
        "order=asc": ["expired", "personal", "revoked"],
        "kind=service": ["revoked", "expired"],
        "kind=personal": ["personal"],
        "state=active": ["personal"],
        "state=expired": ["expired"],
        "state=revoked": ["revoked"],
    }


@pytest.mark.parametrize("query", ["kind=robot", "state=dead", "user_id=x", "name=k"])
def test_an_unknown_choice_is_refused(owner: Person, query: str) -> None:
    assert owner.get(f"{KEYS}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        ("owner", [200, 200, 201, 200, 201, 204]),
        ("developer", [200, 200, 201, 200, 201, 204]),
        ("operator", [200, 200, 403, 403, 403, 204]),
        ("auditor", [200, 200, 403, 403, 403, 403]),
        ("member", [403] * 6),
        ("viewer", [403] * 6),
    ],
)
def test_roles_may_what_their_codes_say(organization: Organization, role: str, statuses: list[int]) -> None:
    key = create_api_key(organization=organization, name="k", permissions=["thread.read"])[0]
    person = Person(make_member("somebody", organization, role=role))
    address = f"{KEYS}/{key.pk}"

    answers = [
        person.get(KEYS),
        person.get(address),
        person.post(KEYS, {"name": "n"}),
        person.patch(address, {"name": "n"}),
        person.post(f"{address}/rotate", {}),
        person.delete(address),
    ]

    assert [answer.status_code for answer in answers] == statuses


def test_the_keys_of_a_stranger_are_not_there(
    made: dict[str, Any], stranger: ApiClient, organization: Organization
) -> None:
    nobodys = f"{KEYS}/01890000-0000-7000-8000-000000000000"
    before = snapshot()
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("POST", "/rotate", {}),
        ("DELETE", "", None),
    ]

    theirs, none = (
        [told(stranger.send(method, address + suffix, body)) for method, suffix, body in calls]
        for address in (path(made), nobodys)
    )

    assert theirs == none
    assert {status for status, _content, _headers in theirs} == {404}
    assert snapshot() == before
    assert [row["name"] for row in stranger.get(KEYS).json()["results"]] == ["tests"]


def test_without_permissions_a_key_gets_all_that_its_maker_may_give(organization: Organization) -> None:
    expected = {
        "owner": None,
        "admin": sorted(ORGANIZATION_PERMISSIONS - {"organization.delete"}),
    }

    made = {
        role: Person(make_member(role, organization, role=role)).post(KEYS, {"name": "k"}).json() for role in expected
    }

    assert {role: key["permissions"] for role, key in made.items()} == expected
    assert json.loads(json.dumps(made["admin"]["permissions"])) == expected["admin"]
