"""Keyset pages: complete, without repetition, and only by cursors of the same list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from agents_app.models import Agent
from conversations.models import Feedback, Thread
from tests.api.conftest import REQUIRED, make_through
from tests.api.problems import fields_at_fault
from tests.client import ApiClient

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COUNT = 7

Lists = dict[str, list[str]]


@pytest.fixture
def lists(api: ApiClient) -> Lists:
    """Addresses of lists with the ids they hold, first to last; rows of one list share their times where they can."""
    thread = make_through(api, "/api/threads", REQUIRED)["id"]
    messages = [
        make_through(api, f"/api/threads/{thread}/messages", {"role": "user", "content": "same words"})["id"]
        for _ in range(COUNT)
    ]
    for index in range(COUNT - 1):
        make_through(api, "/api/threads", {**REQUIRED, "title": f"same words {index}"})
        make_through(api, "/api/agents", {"name": f"Ada {index}"})
        make_through(api, f"/api/messages/{messages[0]}/feedback", {"rating": 1})
    Thread.objects.update(updated_at=MOMENT)
    Agent.objects.update(updated_at=MOMENT)
    Feedback.objects.update(created_at=MOMENT)
    threads = by_id_backwards(Thread)
    return {
        "/api/threads": threads,
        "/api/threads?order=asc": threads[::-1],
        "/api/threads?q=words": threads,
        "/api/conversations": threads,
        "/api/sessions?order=asc&provider=openai": threads[::-1],
        "/api/agents": by_id_backwards(Agent),
        "/api/agents?order=asc": by_id_backwards(Agent)[::-1],
        f"/api/threads/{thread}/messages": messages,
        f"/api/threads/{thread}/messages?order=desc&branches=all": messages[::-1],
        "/api/messages": sorted(messages, reverse=True),
        "/api/messages?q=words&order=asc": sorted(messages),
        "/api/feedback": by_id_backwards(Feedback),
        f"/api/messages/{messages[0]}/feedback?order=asc": by_id_backwards(Feedback)[::-1],
    }


def by_id_backwards(model: Any) -> list[str]:
    return [str(pk) for pk in sorted(model.objects.values_list("pk", flat=True), reverse=True)]


def walk(api: ApiClient, address: str, direction: str = "next") -> Iterator[list[str]]:
    """Yield the ids of each page, following the links."""
    link: str | None = address
    while link:
        page = read(api, link)
        yield [row["id"] for row in page["results"]]
        link = page[direction]


def read(api: ApiClient, address: str) -> dict[str, Any]:
    response = api.get(address)
    assert response.status_code == 200, response.content
    page: dict[str, Any] = response.json()
    return page


def with_limit(address: str, limit: int) -> str:
    return f"{address}{'&' if '?' in address else '?'}limit={limit}"


def parameters_of(link: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(link).query)


def next_cursor(api: ApiClient, address: str) -> str | None:
    """The cursor of the page after this one, None at the end."""
    link = read(api, address)["next"]
    return parameters_of(link)["cursor"][0] if link else None


def last_page(api: ApiClient, address: str) -> str:
    """The address of the last page."""
    link = address
    while following := read(api, link)["next"]:
        link = following
    return link


@pytest.mark.parametrize("limit", [1, 2, 3, COUNT - 1, COUNT, COUNT + 1])
def test_walking_forward_sees_every_row_once(api: ApiClient, lists: Lists, limit: int) -> None:
    seen = {address: [pk for page in walk(api, with_limit(address, limit)) for pk in page] for address in lists}

    assert seen == lists


@pytest.mark.parametrize("limit", [1, 2, 3, COUNT])
def test_walking_backward_sees_the_same_pages(api: ApiClient, lists: Lists, limit: int) -> None:
    for address in lists:
        start = with_limit(address, limit)
        forward = list(walk(api, start))

        backward = list(walk(api, last_page(api, start), "previous"))

        assert backward[0] == forward[-1]
        assert [pk for page in backward[::-1] for pk in page] == lists[address]


def test_pages_are_as_long_as_asked_except_the_last(api: ApiClient, lists: Lists) -> None:
    for address, rows in lists.items():
        sizes = [len(page) for page in walk(api, with_limit(address, 3))]

        assert sizes == [3, 3, 1][: -(-len(rows) // 3)] if len(rows) == COUNT else sizes == [3, 3]


def test_the_ends_have_no_links(api: ApiClient, lists: Lists) -> None:
    for address in lists:
        assert read(api, with_limit(address, 3))["previous"] is None
        assert read(api, last_page(api, with_limit(address, 3)))["next"] is None
        whole = read(api, with_limit(address, 1000))
        assert (whole["next"], whole["previous"]) == (None, None)


def test_links_keep_the_other_parameters(api: ApiClient, lists: Lists) -> None:
    page = read(api, "/api/threads?q=words&provider=openai&order=asc&limit=2&count=true")

    kept = {name: values for name, values in parameters_of(page["next"]).items() if name != "cursor"}
    assert kept == {"q": ["words"], "provider": ["openai"], "order": ["asc"], "limit": ["2"], "count": ["true"]}
    assert read(api, page["next"])["count"] == COUNT


def test_messages_that_arrive_while_paging_are_seen_once(api: ApiClient, thread_id: str) -> None:
    def say(text: str) -> None:
        make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user", "content": text})

    for index in range(4):
        say(f"early {index}")
    seen: list[str] = []
    link = f"/api/threads/{thread_id}/messages?limit=2"
    while link:
        page = read(api, link)
        seen += [row["content"] for row in page["results"]]
        if len(seen) < 8:
            say(f"late {len(seen)}")
        link = page["next"]

    assert seen == ["early 0", "early 1", "early 2", "early 3", "late 2", "late 4"]


def test_threads_that_arrive_or_move_while_paging_do_not_disturb_the_rest(api: ApiClient) -> None:
    threads = [make_through(api, "/api/threads", {**REQUIRED, "title": str(n)})["id"] for n in range(6)]
    first = read(api, "/api/threads?limit=2")

    make_through(api, "/api/threads", {**REQUIRED, "title": "new"})
    make_through(api, f"/api/threads/{threads[5]}/messages", {"role": "user"})
    make_through(api, f"/api/threads/{threads[3]}/messages", {"role": "user"})
    rest = [pk for page in walk(api, first["next"]) for pk in page]

    assert [row["title"] for row in first["results"]] == ["5", "4"]
    assert rest == [threads[2], threads[1], threads[0]]


def test_deleting_the_row_at_the_edge_does_not_disturb_the_rest(api: ApiClient) -> None:
    threads = [make_through(api, "/api/threads", REQUIRED)["id"] for _ in range(5)]
    first = read(api, "/api/threads?limit=2")

    api.delete(f"/api/threads/{first['results'][1]['id']}")

    assert [pk for page in walk(api, first["next"]) for pk in page] == [threads[2], threads[1], threads[0]]


def test_going_back_from_a_page_finds_what_arrived_before_it(api: ApiClient) -> None:
    for n in range(3):
        make_through(api, "/api/threads", {**REQUIRED, "title": str(n)})
    second = read(api, read(api, "/api/threads?limit=2")["next"])
    make_through(api, "/api/threads", {**REQUIRED, "title": "new"})

    back = [title for page in pages_back(api, second["previous"]) for title in page]

    assert back == ["2", "1", "new"]


def pages_back(api: ApiClient, link: str | None) -> Iterator[list[str]]:
    while link:
        page = read(api, link)
        yield [row["title"] for row in page["results"]]
        link = page["previous"]


def test_a_cursor_belongs_to_its_list(api: ApiClient, lists: Lists, new_thread: Callable[..., dict[str, Any]]) -> None:
    other = new_thread()["id"]
    make_through(api, f"/api/threads/{other}/messages", {"role": "user"})
    plain = [address for address in lists if "?" not in address] + [f"/api/threads/{other}/messages"]
    found = {address: next_cursor(api, with_limit(address, 1)) for address in plain}
    cursors = {address: cursor for address, cursor in found.items() if cursor is not None}

    refused = {
        (made_for, address)
        for made_for, cursor in cursors.items()
        for address in plain
        if api.get(f"{address}?cursor={cursor}").status_code == 400
    }

    same = {"/api/threads", "/api/conversations"}
    assert refused == {
        (made_for, address)
        for made_for in cursors
        for address in plain
        if made_for != address and not {made_for, address} <= same
    }


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_belongs_to_its_order(api: ApiClient, lists: Lists, order: str) -> None:
    other = {"asc": "desc", "desc": "asc"}[order]
    cursor = next_cursor(api, f"/api/threads?limit=1&order={order}")

    response = api.get(f"/api/threads?cursor={cursor}&order={other}")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["cursor"]


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


LIST = "conversations.thread//desc"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "not a cursor",
        "%00",
        "=" * 10,
        "\u0660",
        "A" * 10_000,
        encoded(None),
        encoded([]),
        encoded({"a": 1}),
        encoded([LIST]),
        encoded([LIST, "n"]),
        encoded([LIST, "x", "2026-01-02T03:04:05.678901Z", "01890000-0000-7000-8000-000000000000"]),
        encoded([LIST, "n", "yesterday", "01890000-0000-7000-8000-000000000000"]),
        encoded([LIST, "n", "2026-01-02T03:04:05.678901Z", "1"]),
        encoded([LIST, "n", "2026-01-02T03:04:05.678901Z", 1]),
        encoded([LIST, "n", 5, "01890000-0000-7000-8000-000000000000"]),
        encoded([LIST, "n", None, None]),
        encoded([LIST, "n", "2026-01-02T03:04:05.678901Z", "01890000-0000-7000-8000-000000000000", 1]),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
    ],
)
def test_a_cursor_that_no_list_made_is_a_400(api: ApiClient, lists: Lists, cursor: str) -> None:
    response = api.get(f"/api/threads?cursor={cursor}")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["cursor"]


@pytest.mark.parametrize("position", [-1, 2**31, 1.5, True, "1", None])
def test_a_position_that_no_list_made_is_a_400(api: ApiClient, thread_id: str, position: Any) -> None:
    cursor = encoded([f"conversations.message/{thread_id}/asc", "n", position])

    response = api.get(f"/api/threads/{thread_id}/messages?cursor={cursor}")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["cursor"]
