"""The list of threads: its order, its filters, its search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault
from tests.client import ApiClient

NewThread = Callable[..., dict[str, Any]]


def titles(api: ApiClient, query: str = "") -> list[str]:
    response = api.get(f"/api/threads{query}")
    assert response.status_code == 200, response.content
    return [row["title"] for row in response.json()["results"]]


def test_threads_come_by_last_change_newest_first(new_thread: NewThread, api: ApiClient) -> None:
    first, _second, _third = (new_thread(title=title) for title in ("one", "two", "three"))

    api.post(f"/api/threads/{first['id']}/messages", {"role": "user", "content": "again"})

    assert titles(api) == ["one", "three", "two"]
    assert titles(api, "?order=asc") == ["two", "three", "one"]


def test_a_change_of_title_brings_a_thread_to_the_front(new_thread: NewThread, api: ApiClient) -> None:
    first, _second = (new_thread(title=title) for title in ("one", "two"))

    api.patch(f"/api/threads/{first['id']}", {"title": "renamed"})

    assert titles(api) == ["renamed", "two"]


@pytest.mark.parametrize("name", ["agent_type", "provider", "model", "external_id"])
def test_a_filter_finds_exact_values(new_thread: NewThread, api: ApiClient, name: str) -> None:
    new_thread(title="wanted", **{name: "value"})
    new_thread(title="other", **{name: "value2"})
    new_thread(title="case", **{name: "Value"})

    assert titles(api, f"?{name}=value") == ["wanted"]
    assert titles(api, f"?{name}=val%25") == []
    assert titles(api, f"?{name}=") == []


def test_the_agent_filter_finds_its_threads(new_thread: NewThread, api: ApiClient) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada"})
    new_thread(title="wanted", agent_id=agent["id"])
    new_thread(title="other")

    assert titles(api, f"?agent_id={agent['id']}") == ["wanted"]


def test_time_filters_leave_out_the_moment_itself(new_thread: NewThread, api: ApiClient) -> None:
    rows = [new_thread(title=title) for title in ("one", "two", "three")]
    moment = rows[1]["created_at"]

    assert titles(api, f"?created_after={moment}") == ["three"]
    assert titles(api, f"?created_before={moment}") == ["one"]
    assert titles(api, f"?updated_after={moment}") == ["three"]
    assert titles(api, f"?updated_before={moment}") == ["one"]
    assert titles(api, f"?created_after={rows[0]['created_at']}&created_before={rows[2]['created_at']}") == ["two"]


def test_a_time_filter_understands_offsets(new_thread: NewThread, api: ApiClient) -> None:
    new_thread(title="one")
    past = timezone.now().replace(year=2020).isoformat().replace("+", "%2B")

    assert titles(api, f"?created_after={past}") == ["one"]
    assert titles(api, "?created_after=2020-01-01T00:00:00%2B05:30") == ["one"]
    assert titles(api, "?created_after=2020-01-01T00:00:00+05:30") == ["one"]
    assert titles(api, "?created_after=2999-01-01T00:00:00-08:00") == []


def test_archived_threads_are_listed_unless_told_otherwise(new_thread: NewThread, api: ApiClient) -> None:
    archived = new_thread(title="archived")
    new_thread(title="other")
    api.patch(f"/api/threads/{archived['id']}", {"archived": True})

    assert sorted(titles(api)) == ["archived", "other"]
    assert titles(api, "?archived=true") == ["archived"]
    assert titles(api, "?archived=false") == ["other"]


def test_filters_are_combined(new_thread: NewThread, api: ApiClient) -> None:
    new_thread(title="blue tea", provider="a", model="m")
    new_thread(title="blue tea", provider="b", model="m")
    new_thread(title="red tea", provider="a", model="m")

    assert len(titles(api, "?provider=a&model=m")) == 2
    assert titles(api, "?provider=a&model=m&q=blue") == ["blue tea"]


def test_search_finds_words_in_titles_and_messages(new_thread: NewThread, api: ApiClient) -> None:
    new_thread(title="Rooibos in the evening")
    spoken = new_thread(title="Untitled")
    api.post(f"/api/threads/{spoken['id']}/messages", {"role": "user", "content": "Which ROOIBOS, please?"})
    new_thread(title="Coffee")

    assert sorted(titles(api, "?q=rooibos")) == ["Rooibos in the evening", "Untitled"]
    assert titles(api, "?q=rooibos%20please") == ["Untitled"]
    assert titles(api, "?q=rooibos%20coffee") == []
    assert titles(api, "?q=roo") == []


def test_search_forgets_a_title_that_was_changed(new_thread: NewThread, api: ApiClient) -> None:
    thread = new_thread(title="Rooibos")

    api.patch(f"/api/threads/{thread['id']}", {"title": "Coffee"})

    assert titles(api, "?q=rooibos") == []
    assert titles(api, "?q=coffee") == ["Coffee"]


@pytest.mark.parametrize("words", ["", "%20", "%20%20"])
def test_search_for_no_word_finds_nothing(new_thread: NewThread, api: ApiClient, words: str) -> None:
    new_thread(title="Rooibos")

    assert titles(api, f"?q={words}") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agent_id", "ada"),
        ("agent_id", ""),
        ("archived", "yes"),
        ("archived", "True"),
        ("trashed", "1"),
        ("count", "0"),
        ("created_after", "2026-01-01"),
        ("created_before", "2026-01-01T00:00:00"),
        ("updated_after", ""),
        ("updated_before", "now"),
        ("order", "up"),
        ("limit", "0"),
        ("limit", "1001"),
        ("limit", "-1"),
        ("limit", ""),
        ("limit", "1.0"),
        ("limit", "%D9%A1"),
        ("offset", "-1"),
        ("offset", "100001"),
        ("cursor", ""),
        ("provider", "a%00b"),
        ("q", "%00"),
        ("page", "2"),
        ("search", "tea"),
        ("Q", "tea"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(api: ApiClient, name: str, value: str) -> None:
    response = api.get(f"/api/threads?{name}={value}")

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]
