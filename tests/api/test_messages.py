"""Messages in their thread: what they take, what they answer, in which order."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

Say = Callable[..., dict[str, Any]]

EVERYTHING = {
    "role": "assistant",
    "content": "  Hello\r\n",
    "parts": [{"type": "text", "text": "Hello"}, {"type": "hologram", "depth": [1, {"x": None}]}],
    "artifact_data": {"kind": "code"},
    "metadata": {"trace": "t-1"},
    "external_id": "m-1",
    "status": "incomplete",
    "provider": "openai",
    "model": "gpt-test",
    "usage": {"input_tokens": 12345678901234567890},
    "finish_reason": "length",
    "created_at": "2024-02-29T12:00:00.000001Z",
}


def texts(api: ApiClient, thread_id: str, query: str = "") -> list[str]:
    response = api.get(f"/api/threads/{thread_id}/messages{query}")
    assert response.status_code == 200, response.content
    return [row["content"] for row in response.json()["results"]]


def test_message_has_exactly_these_members(say: Say, thread_id: str) -> None:
    message = say()

    assert {name: value for name, value in message.items() if name not in ("id", "created_at")} == {
        "thread_id": thread_id,
        "position": 1,
        "parent_id": None,
        "role": "user",
        "content": None,
        "parts": None,
        "artifact_data": None,
        "metadata": None,
        "external_id": None,
        "status": "completed",
        "provider": "",
        "model": "",
        "usage": None,
        "finish_reason": "",
        "version": 1,
    }
    assert uuid.UUID(message["id"]).version == 7


def test_message_keeps_what_was_sent(say: Say, api: ApiClient, thread_id: str) -> None:
    message = say(**EVERYTHING)

    assert {name: message[name] for name in EVERYTHING} == EVERYTHING
    assert api.get(f"/api/messages/{message['id']}").json() == message
    assert api.get(f"/api/threads/{thread_id}/messages").json()["results"] == [message]


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool", "function"])
def test_every_role_is_taken(say: Say, role: str) -> None:
    assert say(role=role)["role"] == role


@pytest.mark.parametrize("content", [None, "", " ", "\n", "x" * 200_000])
def test_content_is_kept_as_it_came(say: Say, api: ApiClient, content: str | None) -> None:
    message = say(content=content)

    assert api.get(f"/api/messages/{message['id']}").json()["content"] == content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("role", "wizard"),
        ("role", "User"),
        ("role", None),
        ("role", 1),
        ("content", 5),
        ("content", ["x"]),
        ("parts", {}),
        ("parts", "text"),
        ("external_id", ""),
        ("external_id", "x" * 256),
        ("status", "done"),
        ("provider", "x" * 51),
        ("model", "x" * 101),
        ("usage", []),
        ("usage", 5),
        ("finish_reason", None),
        ("created_at", None),
        ("created_at", "2026-01-01"),
        ("created_at", 1767323045),
        ("parent_id", "first"),
        ("parent_id", 1),
        ("id", ""),
        ("position", 7),
        ("thread_id", "01890000-0000-7000-8000-000000000000"),
        ("version", 1),
        ("trashed_at", None),
        ("text", "x"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, thread_id: str, name: str, value: Any) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{thread_id}/messages", {"role": "user", name: value})

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]
    assert snapshot() == before


@pytest.mark.parametrize("part", [{}, {"type": 1}, {"text": "x"}, "text", [], 1])
def test_a_part_that_cannot_be_used_is_named(api: ApiClient, thread_id: str, part: Any) -> None:
    before = snapshot()
    body = {"role": "user", "parts": [{"type": "text"}, part]}

    response = api.post(f"/api/threads/{thread_id}/messages", body)

    assert response.status_code == 400
    assert fields_at_fault(response) == ["parts.1"]
    assert snapshot() == before


def test_a_missing_role_is_named(api: ApiClient, thread_id: str) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{thread_id}/messages", {"content": "x"})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["role"]
    assert snapshot() == before


def test_messages_come_in_the_order_in_which_they_were_accepted(say: Say, api: ApiClient, thread_id: str) -> None:
    for year in (2026, 2020, 2023):
        say(content=str(year), created_at=f"{year}-01-01T00:00:00Z")

    assert texts(api, thread_id) == ["2026", "2020", "2023"]
    assert texts(api, thread_id, "?order=desc") == ["2023", "2020", "2026"]
    positions = [row["position"] for row in api.get(f"/api/threads/{thread_id}/messages").json()["results"]]
    assert positions == [1, 2, 3]


def test_appending_changes_the_thread(say: Say, api: ApiClient, thread_id: str) -> None:
    before = api.get(f"/api/threads/{thread_id}").json()

    say(content="one", created_at="2001-01-01T00:00:00Z")
    message = say(content="two")

    after = api.get(f"/api/threads/{thread_id}").json()
    assert after == {
        **before,
        "message_count": 2,
        "last_position": 2,
        "active_leaf_position": 2,
        "last_message_at": after["updated_at"],
        "updated_at": after["updated_at"],
        "version": 3,
    }
    assert after["updated_at"] >= message["created_at"] > before["updated_at"]


@pytest.mark.parametrize("name", ["id", "external_id"])
def test_ids_are_taken_once_in_a_thread(say: Say, api: ApiClient, thread_id: str, name: str) -> None:
    first = say(id=str(uuid.uuid4()), external_id="m-1")
    before = snapshot()

    response = api.post(
        f"/api/threads/{thread_id}/messages", {"role": "user", name: first[name]}, idempotency_key="another"
    )

    assert response.status_code == 409
    assert problem_of(response)["code"] == "message_exists"
    assert snapshot() == before


def test_an_external_id_belongs_to_its_thread(
    say: Say, api: ApiClient, new_thread: Callable[..., dict[str, Any]]
) -> None:
    say(external_id="m-1")
    other = new_thread()["id"]

    assert api.post(f"/api/threads/{other}/messages", {"role": "user", "external_id": "m-1"}).status_code == 201


def test_a_message_cannot_be_changed(say: Say, api: ApiClient) -> None:
    message = say(content="said")
    before = snapshot()

    statuses = [
        api.send(method, f"/api/messages/{message['id']}", {"content": "unsaid"}).status_code
        for method in ("PUT", "PATCH", "POST")
    ]

    assert statuses == [405, 405, 405]
    assert snapshot() == before


def test_a_thread_without_messages_has_an_empty_list(api: ApiClient, thread_id: str) -> None:
    page = api.get(f"/api/threads/{thread_id}/messages").json()

    assert page == {"next": None, "previous": None, "results": []}


def test_search_across_threads_finds_all_words(
    say: Say, api: ApiClient, new_thread: Callable[..., dict[str, Any]]
) -> None:
    say(content="Rooibos with milk")
    other = new_thread(title="rooibos in a title is not a message")["id"]
    api.post(f"/api/threads/{other}/messages", {"role": "user", "content": "rooibos without"})

    found = {
        words: sorted(row["content"] for row in api.get(f"/api/messages?q={words}").json()["results"])
        for words in ("rooibos", "ROOIBOS%20milk", "milk%20without", "")
    }

    assert found == {
        "rooibos": ["Rooibos with milk", "rooibos without"],
        "ROOIBOS%20milk": ["Rooibos with milk"],
        "milk%20without": [],
        "": [],
    }


def test_the_list_across_threads_holds_every_message(
    say: Say, api: ApiClient, new_thread: Callable[..., dict[str, Any]]
) -> None:
    first = say(content="one")
    other = new_thread()["id"]
    second = api.post(f"/api/threads/{other}/messages", {"role": "user", "content": "two"}).json()

    assert api.get("/api/messages").json()["results"] == [second, first]
