"""Many messages at once: all or none."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

PREFIXES = ["threads", "conversations", "sessions"]


def batch(api: ApiClient, thread_id: str, messages: Any, **headers: str) -> Any:
    return api.post(f"/api/threads/{thread_id}/messages/batch", {"messages": messages}, **headers)


def stored(api: ApiClient, thread_id: str) -> list[tuple[int, str]]:
    page = api.get(f"/api/threads/{thread_id}/messages?limit=1000").json()
    assert page["next"] is None
    return [(row["position"], row["content"]) for row in page["results"]]


def test_a_batch_is_appended_in_order(api: ApiClient, thread_id: str) -> None:
    api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "content": "before"})

    response = batch(api, thread_id, [{"role": "user", "content": f"m{n}"} for n in range(3)])

    assert response.status_code == 201
    assert list(response.json()) == ["messages"]
    assert [row["position"] for row in response.json()["messages"]] == [2, 3, 4]
    assert stored(api, thread_id) == [(1, "before"), (2, "m0"), (3, "m1"), (4, "m2")]


def test_a_batch_answers_what_reading_shows(api: ApiClient, thread_id: str) -> None:
    made = batch(api, thread_id, [{"role": "user", "metadata": {"a": 1}}, {"role": "tool", "content": ""}]).json()

    assert api.get(f"/api/threads/{thread_id}/messages").json()["results"] == made["messages"]


def test_a_thousand_messages_are_taken(api: ApiClient, thread_id: str) -> None:
    response = batch(api, thread_id, [{"role": "user", "content": str(n)} for n in range(1000)])

    assert response.status_code == 201
    assert stored(api, thread_id) == [(n + 1, str(n)) for n in range(1000)]
    thread = api.get(f"/api/threads/{thread_id}").json()
    assert (thread["message_count"], thread["last_position"], thread["version"]) == (1000, 1000, 2)


def test_a_thousand_and_one_messages_are_refused(api: ApiClient, thread_id: str) -> None:
    before = snapshot()

    response = batch(api, thread_id, [{"role": "user"}] * 1001)

    assert response.status_code == 400
    assert fields_at_fault(response) == ["messages"]
    assert snapshot() == before


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": {}}, {"messages": None}, {"messages": "x"}])
def test_a_batch_without_messages_is_refused(api: ApiClient, thread_id: str, body: Any) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{thread_id}/messages/batch", body)

    assert response.status_code == 400
    assert fields_at_fault(response) == ["messages"]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"role": "wizard"}, "messages.3.role"),
        ({"content": "x"}, "messages.3.role"),
        ({"role": "user", "colour": "red"}, "messages.3.colour"),
        ({"role": "user", "position": 1}, "messages.3.position"),
        ({"role": "user", "parts": [{"type": "text"}, {}]}, "messages.3.parts.1"),
        ({"role": "user", "parent_id": "01890000-0000-7000-8000-000000000000"}, "messages.3.parent_id"),
        ("text", "messages.3"),
        (None, "messages.3"),
        ([], "messages.3"),
    ],
)
def test_one_bad_message_refuses_all_and_is_named_by_its_index(
    api: ApiClient, thread_id: str, message: Any, field: str
) -> None:
    before = snapshot()
    good = {"role": "user", "content": "good"}

    response = batch(api, thread_id, [good, good, good, message, good])

    assert response.status_code == 400
    assert fields_at_fault(response) == [field]
    assert snapshot() == before


def test_every_bad_message_is_named(api: ApiClient, thread_id: str) -> None:
    response = batch(api, thread_id, [{"role": "x"}, {"role": "user"}, {"role": "user", "content": 1}])

    assert fields_at_fault(response) == ["messages.0.role", "messages.2.content"]


def test_text_that_cannot_be_stored_is_pointed_at(api: ApiClient, thread_id: str) -> None:
    before = snapshot()

    response = batch(api, thread_id, [{"role": "user"}, {"role": "user", "content": "a\x00b"}])

    assert response.status_code == 400
    assert fields_at_fault(response) == ["/messages/1/content"]
    assert snapshot() == before


@pytest.mark.parametrize("name", ["id", "external_id"])
def test_two_messages_with_one_id_are_refused(api: ApiClient, thread_id: str, name: str) -> None:
    before = snapshot()
    message = {"role": "user", name: str(uuid.uuid4())}

    response = batch(api, thread_id, [message, message])

    assert response.status_code == (400 if name == "id" else 409)
    problem_of(response)
    assert snapshot() == before


def test_an_id_that_is_taken_refuses_all(api: ApiClient, thread_id: str) -> None:
    taken = batch(api, thread_id, [{"role": "user"}]).json()["messages"][0]["id"]
    before = snapshot()

    response = batch(api, thread_id, [{"role": "user"}, {"role": "user", "id": taken}])

    assert response.status_code == 409
    assert problem_of(response)["code"] == "message_exists"
    assert snapshot() == before


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_name_of_threads_takes_batches(api: ApiClient, thread_id: str, prefix: str) -> None:
    response = api.post(f"/api/{prefix}/{thread_id}/messages/batch", {"messages": [{"role": "user", "content": "x"}]})

    assert response.status_code == 201
    assert stored(api, thread_id) == [(1, "x")]


def test_members_beside_messages_are_refused(api: ApiClient, thread_id: str) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{thread_id}/messages/batch", {"messages": [{"role": "user"}], "atomic": False})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["atomic"]
    assert snapshot() == before


def test_a_batch_into_the_trash_is_a_404(api: ApiClient, thread_id: str) -> None:
    api.delete(f"/api/threads/{thread_id}")
    before = snapshot()

    response = batch(api, thread_id, [{"role": "user"}])

    assert response.status_code == 404
    assert snapshot() == before


def test_a_repeated_batch_with_ids_of_its_own_is_done_once(api: ApiClient, thread_id: str) -> None:
    messages = [{"role": "user", "id": str(uuid.uuid4()), "content": str(n)} for n in range(3)]
    first = batch(api, thread_id, messages)
    before = snapshot()

    again = batch(api, thread_id, messages)

    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert snapshot() == before
