"""Nobody makes a key that reaches further than they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Domain, Membership, Organization, User
from accounts.permissions import PERMISSIONS
from accounts.services import create_api_key
from accounts.services.key_reach import Reach
from tests.accounts.people import Person, own_role
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member

KEYS = "/api/keys"
OWN = ["key.create", "key.read", "key.update", "thread.read"]


@pytest.fixture
def dora(organization: Organization, alice: User) -> Person:
    """A developer."""
    return Person(make_member("dora", organization, role="developer"))


def told_too_much(response: Any) -> tuple[int, str, list[str]]:
    return response.status_code, problem_of(response)["code"], fields_at_fault(response)


def key_of(organization: Organization, **fields: Any) -> ApiClient:
    """A program with a key that may make keys."""
    return ApiClient(create_api_key(organization=organization, name="maker", **{"permissions": OWN, **fields})[1])


def soon() -> Any:
    return timezone.now() + timedelta(days=1)


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": None},
        {"permissions": ["thread.read", "role.update"]},
        {"permissions": sorted(set(PERMISSIONS) - {"organization.create"})},
        {"permissions": None, "is_read_only": True},
    ],
)
def test_nobody_makes_a_key_that_holds_more_than_they_do(dora: Person, body: dict[str, Any]) -> None:
    before = snapshot()

    response = dora.post(KEYS, {"name": "k", **body})

    assert told_too_much(response) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before


def test_the_message_names_what_is_missing(dora: Person) -> None:
    response = dora.post(KEYS, {"name": "k", "permissions": ["role.update", "thread.read"]})

    assert problem_of(response)["errors"] == {"permissions": ["You do not hold role.update."]}


@pytest.mark.parametrize(
    "changes",
    [{"permissions": None}, {"permissions": ["role.update"]}, {"permissions": ["thread.read", "audit.read"]}],
)
def test_nobody_widens_a_key_beyond_themselves(
    dora: Person, organization: Organization, changes: dict[str, Any]
) -> None:
    key = create_api_key(organization=organization, name="k", permissions=["thread.read"])[0]
    before = snapshot()

    response = dora.patch(f"{KEYS}/{key.pk}", changes)

    assert told_too_much(response) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before


@pytest.mark.parametrize("field", ["is_read_only", "allowed_networks", "expires_at"])
def test_a_key_that_holds_more_is_not_freed_of_any_bound(dora: Person, organization: Organization, field: str) -> None:
    bounds = {"is_read_only": True, "allowed_networks": ["10.0.0.0/8"], "expires_at": soon()}
    freed = {"is_read_only": False, "allowed_networks": [], "expires_at": None}
    key = create_api_key(organization=organization, name="k", **bounds)[0]
    before = snapshot()

    response = dora.patch(f"{KEYS}/{key.pk}", {field: freed[field]})

    assert told_too_much(response) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Renamed"},
        {"permissions": ["audit.read"]},
        {"is_read_only": True},
        {"allowed_networks": ["10.1.0.0/16"]},
        {"expires_at": "2030-01-01T00:00:00Z"},
    ],
)
def test_narrowing_a_key_that_holds_more_is_free(
    dora: Person, organization: Organization, changes: dict[str, Any]
) -> None:
    key = create_api_key(organization=organization, name="k", allowed_networks=["10.0.0.0/8"])[0]

    assert dora.patch(f"{KEYS}/{key.pk}", changes).status_code == 200


def test_a_key_that_holds_more_is_not_renewed(dora: Person, organization: Organization) -> None:
    key = create_api_key(organization=organization, name="k")[0]
    before = snapshot()

    response = dora.post(f"{KEYS}/{key.pk}/rotate", {})

    assert told_too_much(response) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before


@pytest.mark.parametrize(
    ("bounds", "field", "beyond", "within"),
    [
        ({}, "permissions", ["thread.create"], ["thread.read"]),
        ({"allowed_networks": ["127.0.0.0/8"]}, "allowed_networks", ["126.0.0.0/7"], ["127.0.0.0/16"]),
        ({"allowed_networks": ["127.0.0.0/8"]}, "allowed_networks", [], ["127.0.0.1"]),
        ({"allowed_networks": ["127.0.0.0/8"]}, "allowed_networks", ["::/0"], ["127.0.0.0/8"]),
        ({"expires_at": "soon"}, "expires_at", None, "before"),
        ({"expires_at": "soon"}, "expires_at", "after", "before"),
    ],
)
def test_a_key_makes_no_key_that_reaches_further(
    organization: Organization, bounds: dict[str, Any], field: str, beyond: Any, within: Any
) -> None:
    end = soon()
    moments = {"soon": end, "before": end - timedelta(hours=1), "after": end + timedelta(hours=1)}
    client = key_of(organization, **{name: moments.get(str(value), value) for name, value in bounds.items()})
    sent = {"name": "k", "permissions": ["thread.read"], **bounds}
    before = snapshot()

    answers = [client.post(KEYS, {**sent, **as_sent({**bounds, field: value}, moments)}) for value in (beyond, within)]

    assert told_too_much(answers[0]) == (403, "grants_too_much", [field])
    assert answers[1].status_code == 201
    assert snapshot() != before


def as_sent(fields: dict[str, Any], moments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: moments[value].isoformat() if isinstance(value, str) and value in moments else value
        for name, value in fields.items()
    }


def test_the_keys_of_services_make_no_personal_keys(organization: Organization) -> None:
    client = key_of(organization)
    before = snapshot()

    response = client.post(KEYS, {"name": "k", "personal": True, "permissions": ["thread.read"]})

    assert (response.status_code, fields_at_fault(response)) == (400, ["personal"])
    assert snapshot() == before


def test_a_personal_key_acts_for_the_person_who_makes_it(dora: Person) -> None:
    made = dora.post(KEYS, {"name": "k", "personal": True}).json()

    again = ApiClient(made["key"]).post(KEYS, {"name": "of the key", "personal": True}).json()

    assert [(key["kind"], key["user_id"]) for key in (made, again)] == [("personal", str(dora.user.pk))] * 2
    assert (made["permissions"], again["permissions"]) == (None, None)


def test_a_narrowed_personal_key_makes_no_wider_one(dora: Person) -> None:
    key = dora.post(KEYS, {"name": "k", "personal": True, "permissions": OWN}).json()
    client = ApiClient(key["key"])
    before = snapshot()

    refused = client.post(KEYS, {"name": "wide", "personal": True, "permissions": None})

    assert told_too_much(refused) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before
    assert client.post(KEYS, {"name": "default", "personal": True}).json()["permissions"] == OWN


def test_a_personal_key_does_not_widen_itself(dora: Person) -> None:
    key = dora.post(KEYS, {"name": "k", "personal": True, "permissions": OWN, "allowed_networks": ["127.0.0.1"]}).json()
    client = ApiClient(key["key"])
    before = ApiKey.objects.values("permissions", "allowed_networks").get()

    answers = [
        client.patch(f"{KEYS}/{key['id']}", {name: value})
        for name, value in (("permissions", None), ("allowed_networks", []))
    ]

    assert [told_too_much(answer) for answer in answers] == [
        (403, "grants_too_much", ["permissions"]),
        (403, "grants_too_much", ["allowed_networks"]),
    ]
    assert ApiKey.objects.values("permissions", "allowed_networks").get() == before


def test_nobody_renews_or_widens_what_acts_for_somebody_else(
    organization: Organization, dora: Person, alice: User
) -> None:
    """An owner holds all that dora does, and still must not act in dora's name."""
    owner = Person(alice)
    key = create_api_key(organization=organization, name="dora's", user=dora.user, permissions=["thread.read"])[0]
    before = snapshot()

    answers = [
        owner.post(f"{KEYS}/{key.pk}/rotate", {}),
        owner.patch(f"{KEYS}/{key.pk}", {"permissions": ["thread.read", "thread.create"]}),
    ]

    assert [told_too_much(answer) for answer in answers] == [(403, "grants_too_much", ["personal"])] * 2
    assert snapshot() == before
    assert dora.post(f"{KEYS}/{key.pk}/rotate", {}).status_code == 201
    assert owner.patch(f"{KEYS}/{key.pk}", {"permissions": []}).status_code == 200
    assert owner.delete(f"{KEYS}/{key.pk}").status_code == 204


def test_the_bounds_of_a_key_whose_owner_left_are_not_changed(
    organization: Organization, dora: Person, alice: User
) -> None:
    key = create_api_key(organization=organization, name="dora's", user=dora.user)[0]
    Membership.objects.filter(user=dora.user).delete()
    owner = Person(alice)
    before = snapshot()

    response = owner.patch(f"{KEYS}/{key.pk}", {"permissions": []})

    assert (response.status_code, problem_of(response)["code"]) == (400, "not_a_member")
    assert snapshot() == before
    assert owner.delete(f"{KEYS}/{key.pk}").status_code == 204


def test_who_is_narrowed_to_a_domain_makes_no_keys(organization: Organization, alice: User) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    person = Person(make_member("dan", organization, role="owner", domain=domain))
    before = snapshot()

    answers = [person.post(KEYS, {"name": "k", "personal": personal}) for personal in (False, True)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert snapshot() == before


def test_the_personal_key_of_a_domains_member_stays_in_the_domain(organization: Organization) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    person = make_member("dan", organization, role="member", domain=domain)
    text = create_api_key(organization=organization, name="k", user=person)[1]
    body = {"agent_type": "chat", "model": "m", "provider": "p"}

    made = ApiClient(text).post("/api/threads", body).json()

    assert made["domain_id"] == str(domain.pk)
    assert ApiClient(text).get("/api/keys").status_code == 403


def test_what_a_domain_bounds_is_not_made_for_the_whole_organization() -> None:
    house = "01890000-0000-7000-8000-00000000d0d0"
    inside, everywhere = Reach(frozenset({"thread.read"}), domain_id=house), Reach(frozenset({"thread.read"}))  # type: ignore[arg-type]

    assert list(everywhere.excess_over(inside)) == ["personal"]
    assert inside.excess_over(everywhere) == {}


def test_a_role_of_ones_own_that_only_makes_keys_is_bound_too(organization: Organization) -> None:
    person = Person(make_member("kay", organization))
    Membership.objects.filter(user=person.user).update(role=own_role(organization, "keys", "key.create"))
    before = snapshot()

    refused = person.post(KEYS, {"name": "k", "permissions": ["key.create", "key.read"]})

    assert told_too_much(refused) == (403, "grants_too_much", ["permissions"])
    assert snapshot() == before
    assert person.post(KEYS, {"name": "k"}).json()["permissions"] == ["key.create"]
