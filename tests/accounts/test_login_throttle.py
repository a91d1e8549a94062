"""Failed log-ins: who guesses has to wait, and nobody is locked out from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.login_failures import RecentFailures, recent_failures
from accounts.models import Organization, User
from tests.accounts.trail import last_number, trail_of

PASSWORD = "correct horse battery"
HERE, THERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def three_failures(settings: LazySettings) -> None:
    settings.LOGIN_FAILURES_PER_5_MINUTES = 3


def log_in(name: str, password: str = "wrong", *, address: str = HERE, page: str = "/api-auth/login/") -> Any:
    return Client(REMOTE_ADDR=address).post(page, {"username": name, "password": password})


def statuses(*attempts: Any) -> list[int]:
    return [attempt.status_code for attempt in attempts]


@pytest.mark.parametrize("page", ["/api-auth/login/", "/admin/login/"])
def test_too_many_failures_have_to_wait(alice: User, page: str) -> None:
    failed = [log_in("alice", page=page) for _ in range(3)]

    refused = log_in("alice", PASSWORD, page=page)

    assert statuses(*failed, refused) == [200, 200, 200, 429]
    assert 290 <= int(refused["Retry-After"]) <= 300
    assert "Wait 5 minutes before you try again." in refused.content.decode()
    assert "_auth_user_id" not in refused.client.session


def test_nobody_is_locked_out_from_another_address(alice: User) -> None:
    for _ in range(4):
        log_in("alice")

    assert statuses(log_in("alice", PASSWORD), log_in("alice", PASSWORD, address=THERE)) == [429, 302]


def test_other_names_of_an_address_go_on(alice: User, bob: User) -> None:
    for _ in range(3):
        log_in("alice")

    assert statuses(log_in("alice"), log_in("ALICE "), log_in("bob", PASSWORD)) == [429, 429, 302]


def test_an_address_has_ten_times_as_many_failures(alice: User) -> None:
    failed = [log_in(f"name-{number}") for number in range(30)]

    assert statuses(*failed) == [200] * 30
    assert statuses(log_in("alice", PASSWORD), log_in("alice", PASSWORD, address=THERE)) == [429, 302]


def test_addresses_of_one_ipv6_site_are_one(alice: User) -> None:
    for number in range(3):
        log_in("alice", address=f"2001:db8::{number + 1}")

    assert statuses(
        log_in("alice", PASSWORD, address="2001:db8::ffff"), log_in("alice", PASSWORD, address="2001:db8:0:1::1")
    ) == [429, 302]


def test_success_forgets_the_failures_before_it(alice: User) -> None:
    for _ in range(3):
        log_in("alice")
        log_in("alice")
        assert log_in("alice", PASSWORD).status_code == 302


def test_waiting_is_in_the_audit_trail(alice: User, organization: Organization, settings: LazySettings) -> None:
    settings.LOGIN_FAILURES_PER_5_MINUTES = 1
    recent_failures.take({(HERE, "alice"): 1})
    since = last_number(organization.pk)

    log_in("alice")

    assert [(entry["action"], entry["actor"], entry["after"]) for entry in trail_of(organization.pk, since=since)] == [
        ("user.log_in_refused", "user alice", {"cause": "too_many_failures"})
    ]


def test_failures_are_forgotten_after_their_time() -> None:
    failures, key = RecentFailures(seconds=10), ("here", "alice")

    waits = [failures.take({key: 2}, now=moment) for moment in (0.0, 4.0, 5.0, 9.5, 10.0, 10.5, 14.0)]

    assert waits == [0, 0, 6, 1, 0, 4, 0]


def test_refused_attempts_do_not_make_the_wait_longer() -> None:
    failures, key = RecentFailures(seconds=10), ("here", "alice")
    failures.take({key: 1}, now=0.0)

    assert [failures.take({key: 1}, now=moment) for moment in (8.0, 9.0, 10.0)] == [3, 2, 0]


def test_memory_of_failures_is_bounded() -> None:
    failures = RecentFailures(most=100)

    for number in range(1000):
        failures.take({("here", str(number)): 5})

    assert len(failures) == 100
