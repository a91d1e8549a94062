"""Log-in by name or e-mail address: who gets in, what is written down, and how sessions end."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organization, User
from ledger.models import PLATFORM
from tests.accounts.people import Person, membership_path
from tests.accounts.trail import last_number, trail_of
from tests.conftest import join, make_member

PASSWORD = "correct horse battery"
PAGES = ("/admin/login/", "/api-auth/login/")


def log_in(name: str, password: str = PASSWORD, *, page: str = "/api-auth/login/", address: str = "192.0.2.1") -> Any:
    """Send the form; the answer has the browser as `client`."""
    browser = Client(REMOTE_ADDR=address)
    return browser.post(page, {"username": name, "password": password, "next": "/api/threads"})


def is_logged_in(response: Any) -> bool:
    return "_auth_user_id" in response.client.session


def person_in(response: Any) -> str:
    return str(User.objects.get(pk=response.client.session["_auth_user_id"]).username)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["alice", "alice@example.org", "ALICE@Example.ORG"])
def test_person_logs_in_with_name_or_address(alice: User, name: str, page: str) -> None:
    response = log_in(name, page=page)

    assert (response.status_code, response["Location"]) == (302, "/api/threads")
    assert person_in(response) == "alice"
    assert response.client.get("/api/threads").status_code == 200


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice@example.org", "wrong"),
        ("Alice", PASSWORD),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("sleeper", PASSWORD),
        ("sleeper@example.org", PASSWORD),
    ],
)
def test_every_refusal_reads_the_same(
    alice: User, organization: Organization, page: str, name: str, password: str
) -> None:
    User.objects.filter(pk=make_member("sleeper", organization).pk).update(is_active=False)

    response = log_in(name, password, page=page)

    assert (response.status_code, is_logged_in(response)) == (200, False)
    assert response.context["form"].non_field_errors() == [
        "The name and the password do not fit together. Mind capital letters."
    ]


@pytest.mark.parametrize("name", ["", "\x00", "alice\x00", "a" * 300, "@", "é" * 200 + "@example.org"])
def test_names_that_nobody_can_have_are_refused(alice: User, name: str) -> None:
    response = log_in(name)

    assert (response.status_code, is_logged_in(response)) == (200, False)


def test_people_without_an_address_are_not_found_by_none(db: None) -> None:
    User.objects.create_user("nemo", "", PASSWORD)

    assert is_logged_in(log_in("", PASSWORD)) is False
    assert is_logged_in(log_in("nemo", PASSWORD)) is True


def test_a_name_that_is_the_address_of_somebody_else_goes_by_the_password(alice: User) -> None:
    User.objects.create_user("alice@example.org", "mallory@example.org", "another horse")

    answers = [log_in("alice@example.org", password) for password in (PASSWORD, "another horse", "wrong")]

    assert [is_logged_in(answer) for answer in answers] == [True, True, False]
    assert [person_in(answer) for answer in answers[:2]] == ["alice", "alice@example.org"]


def test_a_password_that_fits_both_meanings_of_a_name_lets_nobody_in(alice: User) -> None:
    User.objects.create_user("alice@example.org", "mallory@example.org", PASSWORD)

    assert is_logged_in(log_in("alice@example.org")) is False
    assert [person_in(log_in(name)) for name in ("alice", "mallory@example.org")] == ["alice", "alice@example.org"]


class CountingHasher(MD5PasswordHasher):
    """Remembers how often it was asked."""

    calls: ClassVar[list[str]] = []

    def encode(self, password: str, salt: Any) -> str:
        self.calls.append(password)
        return super().encode(password, salt)


def test_an_unknown_name_costs_a_hash_like_a_wrong_password(settings: LazySettings, organization: Organization) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.test_login.CountingHasher"]
    make_member("alice", organization)
    counts = []
    for name in ("alice", "alice@example.org", "nobody"):
        CountingHasher.calls.clear()
        log_in(name, "wrong")
        counts.append(len(CountingHasher.calls))

    assert counts == [1, 1, 1]


def entries_of(organization_id: UUID, since: int) -> list[tuple[str, str, Any]]:
    return [(entry["action"], entry["actor"], entry["after"]) for entry in trail_of(organization_id, since=since)]


def test_log_in_and_log_out_are_in_the_audit_trail(
    alice: User, organization: Organization, other_organization: Organization
) -> None:
    join(alice, other_organization)
    starts = {each.pk: last_number(each.pk) for each in (organization, other_organization)}

    browser = log_in("alice@example.org", page="/admin/login/").client
    browser.post("/admin/logout/")
    again = log_in("alice").client
    again.post("/api-auth/logout/")
    again.post("/api-auth/logout/")

    expected = [("user.logged_in", "user alice", None), ("user.logged_out", "user alice", None)] * 2
    assert {pk: entries_of(pk, since) for pk, since in starts.items()} == dict.fromkeys(starts, expected)
    assert "_auth_user_id" not in again.session


def test_refusals_are_in_the_audit_trail_without_what_was_typed(
    alice: User, organization: Organization, root: User
) -> None:
    User.objects.filter(pk=make_member("sleeper", organization).pk).update(is_active=False)
    since, platform = last_number(organization.pk), last_number(PLATFORM)

    for number, name in enumerate(("alice", "sleeper", "s3cret", "root")):
        log_in(name, "wrong", address=f"192.0.2.{number + 10}")

    assert entries_of(organization.pk, since) == [
        ("user.log_in_refused", "user alice", {"cause": "wrong_password"}),
        ("user.log_in_refused", "user sleeper", {"cause": "inactive"}),
    ]
    assert entries_of(PLATFORM, platform) == [
        ("user.log_in_refused", "anonymous", {"cause": "unknown_name"}),
        ("user.log_in_refused", "user root", {"cause": "wrong_password"}),
    ]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", "root@example.org", PASSWORD)


def test_suspended_organizations_hear_of_no_log_in(alice: User, organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(suspended_at=timezone.now())
    since, platform = last_number(organization.pk), last_number(PLATFORM)

    response = log_in("alice")

    assert is_logged_in(response)
    assert response.client.get("/api/threads").status_code == 403
    assert entries_of(organization.pk, since) == []
    assert entries_of(PLATFORM, platform) == [("user.logged_in", "user alice", None)]


def test_log_in_of_somebody_who_is_no_staff_opens_no_admin(bob: User) -> None:
    response = log_in("bob", page="/admin/login/")
    page = response.client.get("/admin/", follow=True)

    assert page.redirect_chain == [("/admin/login/?next=/admin/", 302)]
    assert "You are authenticated as bob, but are not authorized" in " ".join(page.content.decode().split())


def test_staff_who_are_logged_in_need_no_log_in(root: User) -> None:
    browser = log_in("root", page="/admin/login/").client

    response = browser.get("/admin/login/")

    assert (response.status_code, response["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_log_in_leads_nowhere_else(alice: User, address: str) -> None:
    response = Client().post("/api-auth/login/", {"username": "alice", "password": PASSWORD, "next": address})

    assert (response.status_code, response["Location"]) == (302, "/")


def test_new_password_ends_the_other_sessions(root: User) -> None:
    since = last_number(PLATFORM)
    here, there = (log_in("root", page="/admin/login/").client for _ in range(2))
    new = "a new long password"

    changed = here.post(
        "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )

    assert (changed.status_code, changed["Location"]) == (302, "/admin/password_change/done/")
    assert entries_of(PLATFORM, since)[-1] == ("user.password_changed", "user root", None)
    assert [browser.get("/admin/").status_code for browser in (here, there)] == [200, 302]


def test_membership_that_ends_closes_open_sessions(alice: User, bob: User) -> None:
    browser = log_in("bob").client
    before = browser.get("/api/threads").status_code

    Person(alice).delete(membership_path(bob))

    assert (before, browser.get("/api/threads").status_code) == (200, 403)
    assert not Membership.objects.filter(user=bob).exists()


def test_session_starts_with_a_new_key(alice: User) -> None:
    browser = Client()
    browser.get("/api-auth/login/")
    session = browser.session
    session["before"] = True
    session.save()
    old = session.session_key

    browser.post("/api-auth/login/", {"username": "alice", "password": PASSWORD})

    assert browser.session.session_key != old
