"""Checking a key: one query, no write, one answer for every kind of refusal, and every change in force at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.key_checks import actor_of_key
from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.permissions import ORGANIZATION_PERMISSIONS, READ_PERMISSIONS
from accounts.services import create_api_key
from tests.accounts.keyring import refused, show, statements, told
from tests.accounts.trail import last_number, trail_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member

Change = Callable[[ApiKey], object]


def rows(key: ApiKey) -> Any:
    return ApiKey.objects.filter(pk=key.pk)


def membership(key: ApiKey) -> Any:
    return Membership.objects.filter(organization_id=key.organization_id, user_id=key.user_id)


def past() -> Any:
    return timezone.now() - timedelta(seconds=1)


REFUSALS: dict[str, Change] = {
    "revoked": lambda key: rows(key).update(revoked_at=past()),
    "expired": lambda key: rows(key).update(expires_at=past()),
    "organization_suspended": lambda key: Organization.objects.filter(pk=key.organization_id).update(
        suspended_at=past()
    ),
    "owner_inactive": lambda key: User.objects.filter(pk=key.user_id).update(is_active=False),
    "owner_not_a_member": lambda key: membership(key).delete(),
    "network": lambda key: rows(key).update(allowed_networks=["192.0.2.0/24"]),
}


@pytest.fixture
def personal(organization: Organization, alice: User) -> tuple[ApiKey, str]:
    return create_api_key(organization=organization, name="alice's", user=alice)


def test_a_key_that_was_used_just_now_costs_one_query_and_no_write(personal: tuple[ApiKey, str]) -> None:
    first = statements(personal[1])
    before = ApiKey.objects.values().get()

    again = statements(personal[1])

    assert [sql.split()[0] for sql in first] == ["SELECT", "UPDATE"]
    assert [sql.split()[0] for sql in again] == ["SELECT"]
    assert ApiKey.objects.values().get() == before


@pytest.mark.parametrize("text", ["parley_aaaaaaaaaaaa_" + "A" * 43, "another-systems-key-0123"])
def test_an_unknown_key_costs_one_query(organization: Organization, text: str) -> None:
    assert [sql.split()[0] for sql in statements(text)] == ["SELECT"]


@pytest.mark.parametrize("text", ["", "x", "short", "a" * 257, "with a blank", "\u00e9" * 20])
def test_what_cannot_be_a_key_costs_no_query(organization: Organization, text: str) -> None:
    assert statements(text) == []


@pytest.mark.parametrize("cause", REFUSALS)
def test_every_refusal_is_the_same_answer_at_once(personal: tuple[ApiKey, str], cause: str) -> None:
    key, text = personal
    opened = show(text).status_code
    REFUSALS[cause](key)

    answers = [told(show(text)), told(show(text[:-1] + ("A" if text[-1] != "A" else "B")))]

    assert opened == 200
    assert answers == [refused()] * 2


@pytest.mark.parametrize("cause", REFUSALS)
def test_a_right_key_that_opens_nothing_is_in_the_audit_trail_once(personal: tuple[ApiKey, str], cause: str) -> None:
    key, text = personal
    REFUSALS[cause](key)
    since = last_number(key.organization_id)

    show(text)
    show(text)

    shown = f"parley_{key.prefix}_…"
    assert trail_of(key.organization_id, since=since) == [
        {
            "action": "key.refused",
            "actor": f"key {shown}",
            "subject": f"api_key {shown}",
            "before": None,
            "after": {"cause": cause},
        }
    ]


def test_a_wrong_secret_of_a_revoked_key_leaves_no_trace(personal: tuple[ApiKey, str]) -> None:
    key, text = personal
    REFUSALS["revoked"](key)
    since, before = last_number(key.organization_id), snapshot()

    show(text[:-4] + "AAAA")

    assert trail_of(key.organization_id, since=since) == []
    assert snapshot() == before


def test_a_refused_key_is_not_stamped(personal: tuple[ApiKey, str]) -> None:
    REFUSALS["expired"](personal[0])

    show(personal[1])

    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, ORGANIZATION_PERMISSIONS),
        ({"is_read_only": True}, READ_PERMISSIONS),
        ({"permissions": ["thread.read", "thread.create"]}, {"thread.read", "thread.create"}),
        ({"permissions": ["thread.read", "thread.create"], "is_read_only": True}, {"thread.read"}),
        ({"permissions": []}, set()),
    ],
)
def test_the_key_of_a_service_holds_what_it_is_narrowed_to(
    organization: Organization, fields: dict[str, Any], codes: frozenset[str]
) -> None:
    key, text = create_api_key(organization=organization, name="k", **fields)

    actor = actor_of_key(text, now=timezone.now())

    assert actor is not None
    assert (actor.permissions, actor.organization_id, actor.key_id) == (codes, organization.pk, key.pk)
    assert (actor.user_id, actor.domain_id, actor.kind) == (None, None, "key")


def test_a_personal_key_holds_its_owners_role_within_its_narrowing(organization: Organization) -> None:
    viewer = make_member("vera", organization, role="viewer")
    held = frozenset(Role.objects.built_in().get(slug="viewer").permissions)
    plain = create_api_key(organization=organization, name="plain", user=viewer)[1]
    narrowed = create_api_key(
        organization=organization, name="narrowed", user=viewer, permissions=["thread.read", "thread.create"]
    )[1]

    actors = [actor_of_key(text, now=timezone.now()) for text in (plain, narrowed)]

    assert [actor and (actor.permissions, actor.user_id) for actor in actors] == [
        (held, viewer.pk),
        ({"thread.read"}, viewer.pk),
    ]


def test_a_change_of_the_owners_role_is_in_force_at_once(personal: tuple[ApiKey, str]) -> None:
    key, text = personal
    body = {"agent_type": "chat", "model": "m", "provider": "p"}
    first = ApiClient(text).post("/api/threads", body).status_code
    membership(key).update(role=Role.objects.built_in().get(slug="viewer"))

    assert (first, ApiClient(text).post("/api/threads", body).status_code) == (201, 403)


def test_narrowing_a_key_is_in_force_at_once(personal: tuple[ApiKey, str]) -> None:
    key, text = personal
    first = show(text).status_code
    rows(key).update(permissions=["agent.read"])

    assert (first, show(text).status_code) == (200, 403)


def test_a_permission_taken_out_of_a_role_is_gone_at_once(organization: Organization) -> None:
    person = make_member("vera", organization, role="viewer")
    text = create_api_key(organization=organization, name="k", user=person)[1]
    first = show(text).status_code
    Role.objects.built_in().filter(slug="viewer").update(permissions=["agent.read"])

    assert (first, show(text).status_code) == (200, 403)


def test_the_owners_membership_of_another_organization_opens_nothing(
    organization: Organization, other_organization: Organization, charlie: User
) -> None:
    key = ApiKey.objects.get(pk=create_api_key(organization=organization, name="k")[0].pk)
    text = create_api_key(organization=other_organization, name="charlie's", user=charlie)[1]
    ApiKey.objects.filter(name="charlie's").update(organization=organization)

    assert told(show(text)) == refused()
    assert key.organization_id == organization.pk
