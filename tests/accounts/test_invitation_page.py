"""The page behind the address of an invitation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Domain, Invitation, Membership, Organization, User
from accounts.services.invitations import create_invitation
from tests.accounts.people import place_of
from tests.accounts.trail import last_number, trail_of
from tests.api.stored_rows import snapshot

PASSWORD = "a long walk home 17"
SIGN_UP = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD}

Invite = Callable[..., str]


@pytest.fixture
def invite(organization: Organization) -> Invite:
    """Invite somebody and return the path of the page."""

    def make(email: str = "Eve@example.org", **fields: Any) -> str:
        actor = SystemActor(organization.pk)
        _invitation, secret = create_invitation(actor=actor, email=email, **{"role": "member", **fields})
        return f"/invitations/{secret}"

    return make


@pytest.fixture
def eve(db: None) -> User:
    return User.objects.create_user("eve", "eve@EXAMPLE.org", PASSWORD)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_page_lets_a_person_join(organization: Organization, invite: Invite, eve: User) -> None:
    path, browser, start = invite(), browser_of(eve), last_number(organization.pk)

    shown = browser.get(path)
    before = place_of(eve)
    joined = browser.post(path)

    assert "Acme asks Eve@example.org to join as Member" in text_of(shown)
    assert 'value="Join Acme as Member"' in text_of(shown)
    assert (shown.status_code, before, joined.status_code) == (200, None, 200)
    assert "You are now in Acme as Member" in text_of(joined)
    assert place_of(eve) == ("member", None)
    assert Invitation.objects.get().accepted_at is not None
    entry = {"actor": "user eve", "before": None}
    joined_as = {"user_id": str(eve.pk), "role": "member", "domain_id": None}
    assert trail_of(organization.pk, since=start) == [
        {**entry, "action": "membership.created", "subject": "membership eve", "after": joined_as},
        {**entry, "action": "invitation.accepted", "subject": "invitation Eve@example.org", "after": None},
    ]


def test_page_makes_an_account_and_logs_in(organization: Organization, invite: Invite) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    path, browser = invite(domain_id=domain.pk), Client()
    start = last_number(organization.pk)

    shown = browser.get(path)
    joined = browser.post(path, {**SIGN_UP, "email": "somebody@else.org"})

    eve = User.objects.get(username="eve")
    assert "Eve@example.org" in shown.content.decode()
    assert joined.status_code == 200
    assert (eve.email, eve.is_staff, eve.is_superuser, eve.check_password(PASSWORD)) == (
        "Eve@example.org",
        False,
        False,
        True,
    )
    assert place_of(eve) == ("member", "retail")
    assert browser.get("/api/threads").status_code == 200
    assert [(entry["action"], entry["actor"]) for entry in trail_of(organization.pk, since=start)] == [
        ("user.created", "user eve"),
        ("membership.created", "user eve"),
        ("invitation.accepted", "user eve"),
        ("user.logged_in", "user eve"),
    ]


def test_page_leads_to_the_log_in_and_back(invite: Invite, eve: User) -> None:
    path, browser = invite(), Client()

    shown = text_of(browser.get(path))
    address = f"/api-auth/login/?next={path}"
    back = browser.post(address, {"username": "eve", "password": PASSWORD})

    assert f'href="{address}"' in shown
    assert (back.status_code, back["Location"]) == (302, path)
    assert 'value="Join Acme as Member"' in text_of(browser.get(path))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"password2": "another"}, "The two password fields didn’t match."),
        ({"password1": "12345678", "password2": "12345678"}, "This password is entirely numeric."),
        ({"username": ""}, "This field is required."),
        ({"username": "alice"}, "An account with this name or this e-mail address is there already."),
        ({"username": "ALICE@example.org"}, "An account with this name or this e-mail address is there already."),
        ({"username": "a b"}, "Enter a valid username."),
    ],
)
def test_account_that_cannot_be_made_is_refused(
    invite: Invite, alice: User, changes: dict[str, str], told: str
) -> None:
    path = invite()
    before, people = snapshot(), User.objects.count()

    response = Client().post(path, {**SIGN_UP, **changes})

    assert response.status_code == 200
    assert told in response.content.decode()
    assert (snapshot(), User.objects.count()) == (before, people)


def test_account_with_a_taken_address_is_refused(invite: Invite, eve: User) -> None:
    path, before = invite(), snapshot()

    response = Client().post(path, {**SIGN_UP, "username": "eva"})

    assert "If it is yours, log in to join." in response.content.decode()
    assert snapshot() == before


def over(invitation: Invitation, how: str) -> None:
    now = timezone.now()
    changes = {
        "expired": {"expires_at": now - timedelta(seconds=1)},
        "revoked": {"revoked_at": now},
        "accepted": {"accepted_at": now},
    }
    if how == "suspended":
        Organization.objects.filter(pk=invitation.organization_id).update(suspended_at=now)
    else:
        Invitation.objects.filter(pk=invitation.pk).update(**changes[how])


@pytest.mark.parametrize("how", ["expired", "revoked", "accepted", "suspended"])
@pytest.mark.parametrize("is_logged_in", [True, False])
def test_invitation_that_is_over_answers_like_none(invite: Invite, eve: User, how: str, is_logged_in: bool) -> None:
    path = invite()
    over(Invitation.objects.get(), how)
    browser = browser_of(eve) if is_logged_in else Client()
    before = snapshot()

    paths = (path, "/invitations/" + "A" * 43, "/invitations/short")
    answers = [browser.get(each) for each in paths] + [browser.post(each, SIGN_UP) for each in paths]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert {answer.content for answer in answers} == {answers[0].content}
    assert "This invitation is not valid any more" in text_of(answers[0])
    assert snapshot() == before


def test_invitation_is_used_once(invite: Invite, eve: User) -> None:
    path = invite()

    answers = [browser_of(eve).post(path), Client().post(path, {**SIGN_UP, "username": "mallory"})]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert Membership.objects.count() == 1
    assert not User.objects.filter(username="mallory").exists()


def test_invitation_is_for_its_addressee(invite: Invite, charlie: User) -> None:
    path, browser, before = invite(), browser_of(charlie), snapshot()

    answers = [browser.get(path), browser.post(path)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert ["whose e-mail address is another one" in text_of(answer) for answer in answers] == [True, True]
    assert ["Join Acme as" in text_of(answer) for answer in answers] == [False, False]
    assert snapshot()["accounts.Membership"] == before["accounts.Membership"]
    assert Invitation.objects.get().accepted_at is None


def test_person_without_an_address_may_join(invite: Invite) -> None:
    user = User.objects.create_user("nemo")

    browser_of(user).post(invite())

    assert place_of(user) == ("member", None)


def test_member_is_told_and_the_invitation_stays_open(invite: Invite, alice: User) -> None:
    path = invite(email=alice.email)
    browser = browser_of(alice)

    answers = [browser.get(path), browser.post(path)]

    assert ["belong to Acme already" in text_of(answer) for answer in answers] == [True, True]
    assert place_of(alice) == ("owner", None)
    assert Invitation.objects.get().accepted_at is None


def test_page_is_guarded_against_forgery_and_caches(invite: Invite, eve: User) -> None:
    path, browser = invite(), Client(enforce_csrf_checks=True)
    browser.force_login(eve)

    shown, forged = browser.get(path), browser.post(path)

    assert (shown.status_code, forged.status_code) == (200, 403)
    assert place_of(eve) is None
    assert "no-store" in shown["Cache-Control"]
    assert "script-src 'self';" in shown["Content-Security-Policy"]
    assert "<script>" not in shown.content.decode()
    assert " style=" not in shown.content.decode()
