"""Invitations over the API: made, shown once, revoked."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import SystemActor
from accounts.models import Domain, IdempotencyRecord, Invitation, Organization, User
from accounts.services.invitations import create_invitation, open_invitation
from core.errors import NotFound
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member

EVE = {"email": "eve@example.org", "role": "member"}
URL = re.compile(r"http://testserver/invitations/([A-Za-z0-9_-]{43})")


def test_invitation_has_exactly_these_members(alice: User, organization: Organization) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    person, now = Person(alice), datetime.now(UTC)

    response = person.post("/api/invitations", {**EVE, "domain_id": str(domain.pk), "expires_in_days": 3})

    invitation = response.json()
    moments = ("id", "created_at", "updated_at", "expires_at")
    url = invitation.pop("url")
    assert (response.status_code, response["ETag"]) == (201, '"v1"')
    assert URL.fullmatch(url)
    assert {name: value for name, value in invitation.items() if name not in moments} == {
        **EVE,
        "domain_id": str(domain.pk),
        "state": "open",
        "created_by_id": str(alice.pk),
        "accepted_at": None,
        "revoked_at": None,
        "version": 1,
    }
    assert timedelta(days=3) <= datetime.fromisoformat(invitation["expires_at"]) - now < timedelta(days=3, minutes=1)
    assert person.get(f"/api/invitations/{invitation['id']}").json() == invitation
    assert person.get("/api/invitations").json()["results"] == [invitation]


def test_invitation_expires_after_a_week_unless_it_is_said(api: ApiClient) -> None:
    invitation = api.post("/api/invitations", EVE).json()

    made, end = (datetime.fromisoformat(invitation[name]) for name in ("created_at", "expires_at"))
    assert end - made == timedelta(days=7)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "eve"}, ["email"]),
        ({"email": ""}, ["email"]),
        ({"email": "e" * 250 + "@example.org"}, ["email"]),
        ({"role": "nobody"}, ["role"]),
        ({"role": None}, ["role"]),
        ({"domain_id": str(uuid.uuid4())}, ["domain_id"]),
        ({"expires_in_days": 0}, ["expires_in_days"]),
        ({"expires_in_days": 31}, ["expires_in_days"]),
        ({"expires_in_days": "7"}, ["expires_in_days"]),
        ({"digest": "0" * 64}, ["digest"]),
        ({"url": "http://testserver/"}, ["url"]),
    ],
)
def test_invitation_that_cannot_be_made_is_refused(
    api: ApiClient, changes: dict[str, object], fields: list[str]
) -> None:
    before = snapshot()

    response = api.post("/api/invitations", {**EVE, **changes})

    assert (response.status_code, fields_at_fault(response)) == (400, fields)
    assert snapshot() == before


def test_domain_of_another_organization_answers_like_none(api: ApiClient, other_organization: Organization) -> None:
    theirs = Domain.objects.create(organization=other_organization, name="Theirs", slug="theirs")

    answers = [api.post("/api/invitations", {**EVE, "domain_id": str(pk)}) for pk in (theirs.pk, uuid.uuid4())]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content


def test_invitation_tells_nothing_of_people_elsewhere(api: ApiClient, charlie: User) -> None:
    answers = [api.post("/api/invitations", {**EVE, "email": email}).json() for email in (charlie.email, "new@e.org")]

    volatile = ("id", "url", "email", "created_at", "updated_at", "expires_at")
    shown = [{name: value for name, value in answer.items() if name not in volatile} for answer in answers]
    assert shown[0] == shown[1]


def test_only_a_keyed_hash_of_the_secret_is_stored(api: ApiClient) -> None:
    response = api.post("/api/invitations", EVE, idempotency_key="once")
    [secret] = URL.findall(response.json()["url"])

    again = api.post("/api/invitations", EVE, idempotency_key="once")

    record = IdempotencyRecord.objects.get()
    assert (again.status_code, again["Idempotent-Replayed"], again["ETag"]) == (201, "true", '"v1"')
    assert again.json() == {**response.json(), "url": None}
    assert secret not in record.body
    assert Invitation.objects.count() == 1
    assert secret not in str(Invitation.objects.values().get())
    assert re.fullmatch("[0-9a-f]{64}", Invitation.objects.get().digest)


def test_invitation_outlives_the_rotation_of_peppers(organization: Organization, settings: LazySettings) -> None:
    settings.API_KEY_PEPPERS = ["a" * 32]
    invitation, secret = create_invitation(actor=SystemActor(organization.pk), email="eve@e.org", role="member")

    settings.API_KEY_PEPPERS = ["b" * 32, "a" * 32]
    found = open_invitation(secret)
    settings.API_KEY_PEPPERS = ["b" * 32]

    assert found == invitation
    with pytest.raises(NotFound):
        open_invitation(secret)


def test_invitations_are_listed_by_state(api: ApiClient, organization: Organization) -> None:
    now = datetime.now(UTC)
    for state in ("open", "accepted", "revoked", "expired"):
        moments = {f"{state}_at": now} if state in ("accepted", "revoked") else {}
        made, _secret = create_invitation(
            actor=SystemActor(organization.pk), email=f"{state}@e.org", role="member", expires_in_days=2
        )
        if state == "expired":
            moments = {"expires_at": now}
        Invitation.objects.filter(pk=made.pk).update(**moments)

    lists = {
        state: [(row["email"], row["state"]) for row in api.get(f"/api/invitations?state={state}").json()["results"]]
        for state in ("open", "accepted", "revoked", "expired")
    }

    assert lists == {state: [(f"{state}@e.org", state)] for state in lists}
    assert len(api.get("/api/invitations").json()["results"]) == 4
    assert api.get("/api/invitations?state=lost").status_code == 400


def test_invitation_is_revoked_once(api: ApiClient) -> None:
    path = "/api/invitations/" + api.post("/api/invitations", EVE).json()["id"]

    answers = [api.delete(path, if_match='"v7"'), api.delete(path, if_match='"v1"'), api.delete(path)]

    assert [answer.status_code for answer in answers] == [412, 204, 409]
    assert problem_of(answers[2])["code"] == "invitation_over"
    assert api.get(path).json()["state"] == "revoked"


def test_invitation_of_another_organization_is_not_there(api: ApiClient, stranger: ApiClient) -> None:
    path = "/api/invitations/" + api.post("/api/invitations", EVE).json()["id"]
    before = snapshot()

    for method in ("GET", "DELETE"):
        theirs, nobodys = (stranger.send(method, each) for each in (path, f"/api/invitations/{uuid.uuid4()}"))
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert stranger.get("/api/invitations").json()["results"] == []
    assert snapshot() == before
    assert api.get(path).status_code == 200


def test_viewer_neither_sees_nor_makes_nor_revokes_invitations(organization: Organization, api: ApiClient) -> None:
    viewer = Person(make_member("victor", organization, role="viewer"))
    path = "/api/invitations/" + api.post("/api/invitations", EVE).json()["id"]
    before = snapshot()

    answers = [
        viewer.get("/api/invitations"),
        viewer.get(path),
        viewer.post("/api/invitations", EVE),
        viewer.delete(path),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert snapshot() == before


def test_invitation_list_costs_the_same_at_any_length(api: ApiClient) -> None:
    counts = []
    for _ in range(3):
        api.post("/api/invitations", EVE)
        with CaptureQueriesContext(connection) as captured:
            page = api.get("/api/invitations").json()
        counts.append((len(captured), len(page["results"])))

    assert counts == [(2, 1), (2, 2), (2, 3)]


def test_invitations_are_in_the_audit_trail(organization: Organization, alice: User) -> None:
    person, start = Person(alice), last_number(organization.pk)

    made = person.post("/api/invitations", EVE).json()
    person.delete(f"/api/invitations/{made['id']}")

    entry = {"actor": "user alice", "subject": "invitation eve@example.org", "before": None}
    after = {**EVE, "domain_id": None, "expires_at": made["expires_at"]}
    assert trail_of(organization.pk, since=start) == [
        {**entry, "action": "invitation.created", "after": after},
        {**entry, "action": "invitation.revoked", "after": None},
    ]
