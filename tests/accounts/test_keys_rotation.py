"""Rotating a key without a moment in which none works."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.key_checks import actor_of_key
from accounts.models import ApiKey, Organization, User
from accounts.services import create_api_key
from accounts.services.keys import issue_key, rotate_key
from tests.accounts.keyring import imported, refused, show, told
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import fields_at_fault
from tests.api.stored_rows import snapshot

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
BOUNDS = ("name", "user_id", "permissions", "is_read_only", "allowed_networks")


@pytest.fixture
def owner(alice: User) -> Person:
    return Person(alice)


def rotate(key: ApiKey, **options: Any) -> tuple[ApiKey, str]:
    return rotate_key(actor=SystemActor(key.organization_id), key_id=key.pk, now=NOON, **options)


def works(text: str, moment: datetime) -> bool:
    return actor_of_key(text, now=moment) is not None


def test_both_keys_work_during_the_overlap_and_one_after_it(organization: Organization) -> None:
    key, old = create_api_key(organization=organization, name="k")
    _successor, new = rotate(key, overlap=timedelta(hours=2))
    moments = [NOON + timedelta(hours=hours) for hours in (0, 1, 2, 3)]

    found = [(works(old, moment), works(new, moment)) for moment in moments]

    assert found == [(True, True), (True, True), (False, True), (False, True)]


def test_without_an_overlap_the_old_key_ends_at_once(organization: Organization) -> None:
    key, old = create_api_key(organization=organization, name="k")

    new = rotate(key, overlap=timedelta(0))[1]

    assert (works(old, NOON), works(new, NOON)) == (False, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"permissions": ["thread.read"], "is_read_only": True, "allowed_networks": ["10.0.0.0/8"]},
        {"permissions": None},
        {"personal": True, "permissions": ["thread.read"]},
    ],
)
def test_the_successor_is_bound_as_the_old_key_was(
    organization: Organization, alice: User, fields: dict[str, Any]
) -> None:
    bounds = {**fields, "user": alice if fields.get("personal") else None}
    bounds.pop("personal", None)
    key = create_api_key(organization=organization, name="k", **bounds)[0]

    successor = rotate(key)[0]

    rows = [ApiKey.objects.values(*BOUNDS).get(pk=pk) for pk in (key.pk, successor.pk)]
    assert rows[0] == rows[1]
    assert successor.prefix != key.prefix


def test_the_successor_lives_as_long_as_the_old_key_was_made_for(organization: Organization) -> None:
    fields = {"name": "k", "expires_at": NOON + timedelta(days=1)}
    actor = SystemActor(organization.pk)
    key = issue_key(actor=actor, fields=fields, now=NOON - timedelta(days=29))[0]

    successor = rotate(key, overlap=timedelta(days=7))[0]

    key.refresh_from_db()
    assert successor.expires_at == NOON + timedelta(days=30)
    assert key.expires_at == NOON + timedelta(days=1), "an overlap prolongs nothing"


def test_the_successor_of_an_imported_key_is_one_of_parleys(organization: Organization) -> None:
    text = "af_live_7Hq2pLxZ9vKd4sW8"
    key = imported(organization, text)

    successor, new = rotate(key)

    assert (successor.is_imported, successor.scheme, new[:7]) == (False, "hmac", "parley_")
    assert (works(text, NOON), works(new, NOON)) == (True, True)


def test_a_rotation_over_the_api_shows_the_new_key_once(owner: Person, organization: Organization) -> None:
    key, old = create_api_key(organization=organization, name="k", permissions=["thread.read"])
    path = f"/api/keys/{key.pk}/rotate"
    before = timezone.now()

    first, again = (owner.post(path, {"overlap_hours": 1}, idempotency_key="once") for _ in range(2))

    key.refresh_from_db()
    assert (first.status_code, first["Cache-Control"], first["ETag"]) == (201, "no-store", '"v1"')
    assert again.json() == {**first.json(), "key": None}
    assert [show(text).status_code for text in (old, first.json()["key"])] == [200, 200]
    assert key.expires_at is not None
    assert before <= key.expires_at - timedelta(hours=1) <= timezone.now()
    assert ApiKey.objects.count() == 2


def test_the_overlap_is_a_day_unless_it_is_said(owner: Person, organization: Organization) -> None:
    key = create_api_key(organization=organization, name="k")[0]
    before = timezone.now()

    owner.post(f"/api/keys/{key.pk}/rotate", {})

    key.refresh_from_db()
    assert key.expires_at is not None
    assert timedelta(hours=24) <= key.expires_at - before < timedelta(hours=24, minutes=1)


@pytest.mark.parametrize("overlap", [-1, 2161, 1.5, "1", None])
def test_an_overlap_is_a_number_of_hours(owner: Person, organization: Organization, overlap: Any) -> None:
    key = create_api_key(organization=organization, name="k")[0]
    before = snapshot()

    response = owner.post(f"/api/keys/{key.pk}/rotate", {"overlap_hours": overlap})

    assert (response.status_code, fields_at_fault(response)) == (400, ["overlap_hours"])
    assert snapshot() == before


def test_a_rotation_is_audited_on_both_keys(owner: Person, organization: Organization) -> None:
    key = create_api_key(organization=organization, name="k")[0]
    since = last_number(organization.pk)

    made = owner.post(f"/api/keys/{key.pk}/rotate", {"overlap_hours": 0}).json()

    shown = owner.get(f"/api/keys/{key.pk}").json()
    created, rotated = trail_of(organization.pk, since=since)
    assert (created["action"], created["subject"]) == ("key.created", f"api_key k ({made['prefix']})")
    assert rotated == {
        "action": "key.rotated",
        "actor": "user alice",
        "subject": f"api_key k ({shown['prefix']})",
        "before": {"expires_at": None},
        "after": {"expires_at": shown["expires_at"], "successor": made["id"]},
    }
    assert (shown["state"], shown["version"]) == ("expired", 2)


def test_a_stale_version_rotates_nothing(owner: Person, organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="k")
    owner.patch(f"/api/keys/{key.pk}", {"name": "n"})
    before = snapshot()

    response = owner.post(f"/api/keys/{key.pk}/rotate", {}, if_match='"v1"')

    assert response.status_code == 412
    assert snapshot() == before
    assert show(text).status_code == 200


def test_an_old_key_that_was_renewed_is_refused_like_any_other(owner: Person, organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="k")

    owner.post(f"/api/keys/{key.pk}/rotate", {"overlap_hours": 0})

    assert told(show(text)) == refused()
