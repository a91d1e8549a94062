"""Throttles: what goes through, what waits, and that none of it takes much memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, User
from accounts.services import create_api_key
from core.throttling import SECOND, Throttle, share_of_worker
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

LIST = "/api/threads"


class Clock:
    """A clock that somebody moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> int:
        return int(self.now * SECOND)


def passed(throttle: Throttle, clock: Clock, *, per_minute: int, seconds: int, every: float = 0.0625) -> list[float]:
    """The moments at which a caller who never stops asking is let through."""
    start, moments = clock.now, []
    while clock.now < start + seconds:
        if throttle.wait("caller", per_minute) == 0:
            moments.append(clock.now)
        else:
            clock.now += every
    return moments


@pytest.mark.parametrize("per_minute", [1, 2, 3, 4, 5, 8, 60, 100, 1000])
def test_no_minute_sees_more_than_the_limit(per_minute: int) -> None:
    clock = Clock()

    moments = passed(Throttle(clock=clock), clock, per_minute=per_minute, seconds=240)

    busiest = max(sum(1 for each in moments if start <= each < start + 60) for start in moments)
    assert busiest <= per_minute
    assert len(moments) >= max(1, per_minute // 4) + 3 * (per_minute - max(1, per_minute // 4)) * 0.9


def test_a_quarter_may_come_at_once_and_the_rest_evenly() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)

    at_once = [throttle.wait("caller", 80) for _ in range(21)]
    clock.now += 1.0

    assert at_once == [0.0] * 20 + [1.0]
    assert [throttle.wait("caller", 80) for _ in range(2)] == [0.0, 1.0]


def test_a_refused_request_is_not_counted() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    for _ in range(100):
        throttle.wait("caller", 4)

    clock.now += 20

    assert throttle.wait("caller", 4) == 0.0


def test_callers_do_not_count_for_each_other() -> None:
    throttle = Throttle(clock=Clock())

    assert [throttle.wait(caller, 1) for caller in ("a", "b", "a")] == [0.0, 0.0, 60.0]


def test_what_is_remembered_is_bounded_and_the_quietest_is_forgotten() -> None:
    clock = Clock()
    throttle = Throttle(most=3, clock=clock)
    for caller in ("a", "b", "c"):
        throttle.wait(caller, 8)
    throttle.wait("a", 8)

    throttle.wait("d", 8)

    assert len(throttle) == 3
    assert [throttle.wait(caller, 1) for caller in ("a", "c", "d")] != [0.0] * 3
    assert throttle.wait("b", 8) == 0.0


def test_threads_together_get_what_one_would() -> None:
    throttle = Throttle(clock=Clock())

    def ask(_number: int) -> int:
        return sum(throttle.wait("caller", 400) == 0 for _ in range(100))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == 100


@pytest.mark.parametrize(
    ("limit", "workers", "share"), [(3000, 2, 1500), (60_000, 7, 8571), (5, 2, 2), (1, 4, 1), (10, 1, 10)]
)
def test_a_worker_lets_its_share_through(settings: Any, limit: int, workers: int, share: int) -> None:
    settings.SERVER_WORKERS = workers

    assert share_of_worker(limit) == share


@pytest.fixture
def strict(settings: Any) -> None:
    """One worker, two requests at once for everybody."""
    settings.SERVER_WORKERS = 1
    settings.THROTTLE_KEY_PER_MINUTE = 8
    settings.THROTTLE_ADDRESS_PER_MINUTE = 8


def test_a_key_that_asks_too_often_is_told_when_to_come_back(api: ApiClient, strict: None) -> None:
    answers = [api.get(LIST) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem_of(answers[2])["code"] == "throttled"
    assert answers[2]["Retry-After"] == "10"


def test_a_throttled_key_costs_its_lookup_alone(api: ApiClient, strict: None) -> None:
    for _ in range(2):
        api.get(LIST)
    before = snapshot()

    with CaptureQueriesContext(connection) as captured:
        answer = api.post(LIST, {"agent_type": "chat", "model": "m", "provider": "p"}, idempotency_key="k")

    assert (answer.status_code, len(captured)) == (429, 1)
    assert snapshot() == before


def test_keys_are_throttled_one_by_one(api: ApiClient, organization: Organization, strict: None) -> None:
    other = ApiClient(create_api_key(organization=organization, name="other")[1])
    for _ in range(3):
        api.get(LIST)

    assert (api.get(LIST).status_code, other.get(LIST).status_code) == (429, 200)


def test_people_are_throttled_like_keys(alice: User, bob: User, strict: None) -> None:
    statuses = {}
    for person in (alice, bob):
        browser = Client()
        browser.force_login(person)
        statuses[person.username] = [browser.get(LIST).status_code for _ in range(3)]

    assert statuses == {"alice": [200, 200, 429], "bob": [200, 200, 429]}


Ask = Callable[[str], Any]


def with_header(**headers: str) -> Ask:
    return lambda address: Client().get(LIST, headers=headers, REMOTE_ADDR=address)


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer x"}, {"authorization": f"Bearer parley_aaaaaaaaaaaa_{'A' * 43}"}],
    ids=["anonymous", "malformed", "unknown"],
)
def test_requests_without_valid_credentials_are_throttled_by_address(
    organization: Organization, strict: None, headers: dict[str, str]
) -> None:
    ask = with_header(**headers)

    answers = {address: [ask(address) for _ in range(3)] for address in ("192.0.2.1", "192.0.2.2")}

    assert {address: [each.status_code for each in found] for address, found in answers.items()} == {
        address: [401, 401, 429] for address in answers
    }
    assert problem_of(answers["192.0.2.1"][2])["code"] == "throttled"


def test_the_addresses_of_one_site_are_one_caller(db: None, strict: None) -> None:
    ask = with_header()

    addresses = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::3", "2001:db8:1:3::1")

    assert [ask(address).status_code for address in addresses] == [401, 401, 429, 401]


def test_a_valid_key_passes_where_strangers_are_throttled(api: ApiClient, anonymous: ApiClient, strict: None) -> None:
    statuses = [anonymous.get(LIST).status_code for _ in range(3)]

    assert (statuses, api.get(LIST).status_code) == ([401, 401, 429], 200)


def test_a_session_without_csrf_token_counts_as_a_stranger(alice: User, strict: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    statuses = [browser.post(LIST, {}, content_type="application/json").status_code for _ in range(3)]

    assert statuses == [403, 403, 429]


def test_nothing_is_throttled_where_it_is_switched_off(api: ApiClient, anonymous: ApiClient, settings: Any) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = settings.THROTTLE_ADDRESS_PER_MINUTE = 0

    statuses = {client.get(LIST).status_code for client in [api] * 20}
    refused = {client.get(LIST).status_code for client in [anonymous] * 20}

    assert (statuses, refused) == ({200}, {401})
