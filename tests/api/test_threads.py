"""Threads: what they take, what they answer, how they change."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import REQUIRED, make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

NewThread = Callable[..., dict[str, Any]]

SERVER_MADE = ("id", "created_at", "updated_at")


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_thread_has_exactly_these_members(new_thread: NewThread) -> None:
    thread = new_thread()

    assert without(thread, *SERVER_MADE) == {
        **REQUIRED,
        "agent_id": None,
        "domain_id": None,
        "title": None,
        "status": "idle",
        "metadata": {},
        "external_id": None,
        "message_count": 0,
        "last_position": 0,
        "active_leaf_position": 0,
        "last_message_at": None,
        "version": 1,
        "archived_at": None,
        "trashed_at": None,
    }
    assert uuid.UUID(thread["id"]).version == 7


def test_thread_keeps_what_was_sent(new_thread: NewThread, api: ApiClient) -> None:
    sent = {"id": str(uuid.uuid4()), "title": "  Two blanks  ", "metadata": {"a": [1, None]}, "external_id": "chat-1"}

    thread = new_thread(**sent)

    assert {name: thread[name] for name in sent} == sent
    assert api.get(f"/api/threads/{thread['id']}").json() == thread


@pytest.mark.parametrize("title", [None, "", "   ", "x" * 255])
def test_titles_are_kept_apart(new_thread: NewThread, api: ApiClient, title: str | None) -> None:
    thread = new_thread(title=title)

    assert api.get(f"/api/threads/{thread['id']}").json()["title"] == title


@pytest.mark.parametrize("name", ["agent_type", "model", "provider"])
def test_a_required_field_may_not_be_missing(api: ApiClient, name: str) -> None:
    before = snapshot()

    response = api.post("/api/threads", without(REQUIRED, name))

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", "x" * 256),
        ("title", 1),
        ("agent_type", "x" * 51),
        ("agent_type", ""),
        ("agent_type", " "),
        ("agent_type", None),
        ("model", "x" * 101),
        ("model", 5),
        ("provider", "x" * 51),
        ("provider", ["openai"]),
        ("metadata", None),
        ("external_id", "x" * 256),
        ("external_id", ""),
        ("id", "1"),
        ("id", None),
        ("id", "{12345678-1234-1234-1234-123456789ab}"),
        ("agent_id", "nobody"),
        ("archived", True),
        ("active_leaf_id", "01890000-0000-7000-8000-000000000000"),
        ("status", "busy"),
        ("version", 7),
        ("message_count", 3),
        ("created_at", "2026-01-01T00:00:00Z"),
        ("trashed_at", None),
        ("organization", "acme"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, name: str, value: Any) -> None:
    before = snapshot()

    response = api.post("/api/threads", {**REQUIRED, name: value})

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]
    assert snapshot() == before


@pytest.mark.parametrize("name", ["id", "external_id"])
def test_ids_are_taken_once(new_thread: NewThread, api: ApiClient, name: str) -> None:
    first = new_thread(external_id="chat-1", id=str(uuid.uuid4()))
    before = snapshot()

    response = api.post("/api/threads", {**REQUIRED, name: first[name]}, idempotency_key="another")

    assert response.status_code == 409
    assert problem_of(response)["code"] == "thread_exists"
    assert snapshot() == before


def test_an_external_id_belongs_to_its_organization(new_thread: NewThread, stranger: ApiClient) -> None:
    new_thread(external_id="chat-1")

    assert stranger.post("/api/threads", {**REQUIRED, "external_id": "chat-1"}).status_code == 201


def test_an_agent_supplies_the_required_fields(api: ApiClient) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada", "agent_type": "coder", "model": "m1", "provider": "p1"})

    thread = make_through(api, "/api/threads", {"agent_id": agent["id"], "model": "m2"})

    assert [thread[name] for name in ("agent_id", "agent_type", "model", "provider")] == [
        agent["id"],
        "coder",
        "m2",
        "p1",
    ]


def test_an_agent_without_model_leaves_it_required(api: ApiClient) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada", "provider": "p1"})
    before = snapshot()

    response = api.post("/api/threads", {"agent_id": agent["id"]})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["model"]
    assert snapshot() == before


@pytest.mark.parametrize(
    "change",
    [
        {"title": "New"},
        {"title": None},
        {"metadata": {"k": "v"}},
        {"model": "other"},
        {"external_id": "chat-9"},
        {"title": "New", "provider": "other"},
    ],
)
def test_patch_changes_what_it_names_and_nothing_else(
    new_thread: NewThread, api: ApiClient, change: dict[str, Any]
) -> None:
    thread = new_thread(title="Old", metadata={"a": 1})

    response = api.patch(f"/api/threads/{thread['id']}", change)

    changed = response.json()
    assert response.status_code == 200
    assert without(changed, "updated_at") == without({**thread, **change, "version": 2}, "updated_at")
    assert changed["updated_at"] > thread["updated_at"]
    assert api.get(f"/api/threads/{thread['id']}").json() == changed


@pytest.mark.parametrize(
    "change", [{"id": str(uuid.uuid4())}, {"title": "x" * 256}, {"archived": "yes"}, {"model": ""}]
)
def test_patch_that_cannot_be_used_changes_nothing(
    new_thread: NewThread, api: ApiClient, change: dict[str, Any]
) -> None:
    thread = new_thread()
    before = snapshot()

    response = api.patch(f"/api/threads/{thread['id']}", change)

    assert response.status_code == 400
    assert fields_at_fault(response) == list(change)
    assert snapshot() == before


def test_archiving_sets_a_time_and_clears_it(new_thread: NewThread, api: ApiClient) -> None:
    path = f"/api/threads/{new_thread()['id']}"

    archived = api.patch(path, {"archived": True}).json()
    still = api.patch(path, {"archived": True}).json()
    back = api.patch(path, {"archived": False}).json()

    assert archived["archived_at"] is not None
    assert still["archived_at"] == archived["archived_at"]
    assert back["archived_at"] is None


def test_put_replaces_the_whole(new_thread: NewThread, api: ApiClient) -> None:
    thread = new_thread(title="Old", metadata={"a": 1}, external_id="chat-1")
    new = {"agent_type": "t", "model": "m", "provider": "p"}

    replaced = api.put(f"/api/threads/{thread['id']}", new, if_match='"v1"').json()

    expected = {**thread, **new, "title": None, "metadata": {}, "external_id": None, "version": 2}
    assert without(replaced, "updated_at") == without(expected, "updated_at")


def test_put_needs_what_a_new_thread_needs(new_thread: NewThread, api: ApiClient) -> None:
    thread = new_thread()
    before = snapshot()

    response = api.put(f"/api/threads/{thread['id']}", {"title": "New"}, if_match='"v1"')

    assert response.status_code == 400
    assert fields_at_fault(response) == ["agent_type", "model", "provider"]
    assert snapshot() == before


def test_a_thread_of_an_agent_outlives_it(api: ApiClient) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada", "model": "m", "provider": "p"})
    thread = make_through(api, "/api/threads", {"agent_id": agent["id"]})

    api.delete(f"/api/agents/{agent['id']}")

    assert api.get(f"/api/threads/{thread['id']}").json() == thread


def test_an_agent_in_the_trash_takes_no_threads(api: ApiClient) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada", "model": "m", "provider": "p"})
    api.delete(f"/api/agents/{agent['id']}")
    before = snapshot()

    response = api.post("/api/threads", {"agent_id": agent["id"]})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["agent_id"]
    assert snapshot() == before


@pytest.mark.parametrize(
    "pk",
    [
        "{01890000-0000-7000-8000-000000000000}",
        "urn:uuid:01890000-0000-7000-8000-000000000000",
        "01890000000070008000000000000000",
        "\u0660\u0661890000-0000-7000-8000-000000000000",
        "0x890000-0000-7000-8000-000000000000",
        "01890000-0000-7000-8000-000000000000 ",
    ],
)
def test_an_id_has_one_spelling(api: ApiClient, pk: str) -> None:
    make_through(api, "/api/threads", {**REQUIRED, "id": "01890000-0000-7000-8000-000000000000"})

    assert api.get(f"/api/threads/{pk}").status_code == 404
    assert api.post("/api/threads", {**REQUIRED, "id": pk}).status_code == 400
    assert api.get(f"/api/threads?agent_id={pk}").status_code == 400


def test_upper_case_ids_find_the_same_row(api: ApiClient) -> None:
    thread = make_through(api, "/api/threads", {**REQUIRED, "id": "0189ABCD-0000-7000-8000-00000000000F"})

    assert thread["id"] == "0189abcd-0000-7000-8000-00000000000f"
    assert api.get("/api/threads/0189ABCD-0000-7000-8000-00000000000F").json() == thread
