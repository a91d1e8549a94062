"""Deleting moves to the trash: gone from every list, read and search, until it is restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import REQUIRED, make_through
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

Say = Callable[..., dict[str, Any]]


@pytest.fixture
def conversation(api: ApiClient) -> dict[str, str]:
    """A thread of two messages with feedback, every one of which speaks of rooibos."""
    thread = make_through(api, "/api/threads", {**REQUIRED, "title": "Rooibos"})["id"]
    first, second = (
        make_through(api, f"/api/threads/{thread}/messages", {"role": "user", "content": f"rooibos {text}"})["id"]
        for text in ("one", "two")
    )
    feedback = make_through(api, f"/api/messages/{first}/feedback", {"rating": 1})["id"]
    return {"thread": thread, "first": first, "second": second, "feedback": feedback}


def visible(api: ApiClient, ids: dict[str, str]) -> dict[str, Any]:
    """What can be seen of the conversation, at every address that could show it."""
    reads = {
        "thread": f"/api/threads/{ids['thread']}",
        "messages of the thread": f"/api/threads/{ids['thread']}/messages",
        "all messages of the thread": f"/api/threads/{ids['thread']}/messages?branches=all",
        "first": f"/api/messages/{ids['first']}",
        "second": f"/api/messages/{ids['second']}",
        "feedback of first": f"/api/messages/{ids['first']}/feedback",
        "feedback": f"/api/feedback/{ids['feedback']}",
        "threads": "/api/threads",
        "threads found": "/api/threads?q=rooibos",
        "threads found by first": "/api/threads?q=one",
        "messages": "/api/messages",
        "messages found": "/api/messages?q=rooibos",
        "all feedback": "/api/feedback",
    }
    names = {value: name for name, value in ids.items()}
    seen: dict[str, Any] = {}
    for name, path in reads.items():
        response = api.get(path)
        if response.status_code == 404:
            seen[name] = None
        else:
            rows = response.json().get("results", [response.json()])
            seen[name] = [names[row["id"]] for row in rows]
    return seen


EVERYTHING = {
    "thread": ["thread"],
    "messages of the thread": ["first", "second"],
    "all messages of the thread": ["first", "second"],
    "first": ["first"],
    "second": ["second"],
    "feedback of first": ["feedback"],
    "feedback": ["feedback"],
    "threads": ["thread"],
    "threads found": ["thread"],
    "threads found by first": ["thread"],
    "messages": ["second", "first"],
    "messages found": ["second", "first"],
    "all feedback": ["feedback"],
}


def test_before_anything_is_deleted_all_is_seen(api: ApiClient, conversation: dict[str, str]) -> None:
    assert visible(api, conversation) == EVERYTHING


def test_a_thread_in_the_trash_hides_all_that_hangs_on_it(api: ApiClient, conversation: dict[str, str]) -> None:
    response = api.delete(f"/api/threads/{conversation['thread']}")

    assert (response.status_code, response.content) == (204, b"")
    seen = visible(api, conversation)
    assert seen == {name: None if EVERYTHING[name] and seen[name] is None else [] for name in EVERYTHING}
    hidden = [name for name, rows in seen.items() if rows is None]
    assert hidden == list(EVERYTHING)[:7]


def test_a_restored_thread_is_as_it_was(api: ApiClient, conversation: dict[str, str]) -> None:
    before = api.get(f"/api/threads/{conversation['thread']}").json()
    api.delete(f"/api/threads/{conversation['thread']}")

    response = api.post(f"/api/threads/{conversation['thread']}/restore")

    after = response.json()
    assert response.status_code == 200
    assert after == {**before, "version": after["version"], "updated_at": after["updated_at"]}
    assert after["version"] == before["version"] + 2
    assert visible(api, conversation) == EVERYTHING


def test_a_message_in_the_trash_is_gone_with_its_feedback(api: ApiClient, conversation: dict[str, str]) -> None:
    assert api.delete(f"/api/messages/{conversation['first']}").status_code == 204

    assert visible(api, conversation) == {
        **EVERYTHING,
        "messages of the thread": ["second"],
        "all messages of the thread": ["second"],
        "first": None,
        "feedback of first": None,
        "feedback": None,
        "threads found by first": [],
        "messages": ["second"],
        "messages found": ["second"],
        "all feedback": [],
    }
    assert api.get(f"/api/threads/{conversation['thread']}").json()["message_count"] == 1


def test_a_restored_message_is_back_in_its_place(api: ApiClient, conversation: dict[str, str]) -> None:
    before = api.get(f"/api/messages/{conversation['first']}").json()
    api.delete(f"/api/messages/{conversation['first']}")

    restored = api.post(f"/api/messages/{conversation['first']}/restore").json()

    assert restored == {**before, "version": 3}
    assert visible(api, conversation) == EVERYTHING
    thread = api.get(f"/api/threads/{conversation['thread']}").json()
    assert (thread["message_count"], thread["last_position"]) == (2, 2)


def test_a_position_is_not_given_twice(api: ApiClient, conversation: dict[str, str]) -> None:
    api.delete(f"/api/messages/{conversation['second']}")

    message = make_through(api, f"/api/threads/{conversation['thread']}/messages", {"role": "user"})

    assert message["position"] == 3


def test_deleting_a_message_does_not_break_the_branch(say: Say, api: ApiClient, thread_id: str) -> None:
    first, second, third = (say(content=text) for text in "abc")
    other = say(content="d", parent_id=second["id"])

    api.delete(f"/api/messages/{second['id']}")

    shown = api.get(f"/api/threads/{thread_id}/messages").json()["results"]
    assert [row["content"] for row in shown] == ["a", "d"]
    assert other["parent_id"] == second["id"]
    assert api.get(f"/api/messages/{third['id']}").status_code == 200
    assert first["parent_id"] is None


def test_feedback_goes_to_the_trash_and_back(api: ApiClient, conversation: dict[str, str]) -> None:
    before = api.get(f"/api/feedback/{conversation['feedback']}").json()

    assert api.delete(f"/api/feedback/{conversation['feedback']}").status_code == 204
    gone = visible(api, conversation)
    restored = api.post(f"/api/feedback/{conversation['feedback']}/restore").json()

    assert gone == {**EVERYTHING, "feedback of first": [], "feedback": None, "all feedback": []}
    assert restored == {**before, "version": 3, "updated_at": restored["updated_at"]}
    assert visible(api, conversation) == EVERYTHING


def test_feedback_cannot_be_restored_onto_a_message_in_the_trash(api: ApiClient, conversation: dict[str, str]) -> None:
    api.delete(f"/api/feedback/{conversation['feedback']}")
    api.delete(f"/api/messages/{conversation['first']}")
    before = snapshot()

    response = api.post(f"/api/feedback/{conversation['feedback']}/restore")

    assert response.status_code == 404
    assert snapshot() == before


def test_a_message_cannot_be_restored_into_a_thread_in_the_trash(api: ApiClient, conversation: dict[str, str]) -> None:
    api.delete(f"/api/messages/{conversation['first']}")
    api.delete(f"/api/threads/{conversation['thread']}")
    before = snapshot()

    response = api.post(f"/api/messages/{conversation['first']}/restore")

    assert response.status_code == 404
    assert snapshot() == before


def test_a_message_that_was_deleted_alone_stays_in_the_trash(api: ApiClient, conversation: dict[str, str]) -> None:
    api.delete(f"/api/messages/{conversation['first']}")
    api.delete(f"/api/threads/{conversation['thread']}")

    api.post(f"/api/threads/{conversation['thread']}/restore")

    assert visible(api, conversation)["messages of the thread"] == ["second"]


def test_the_trash_can_be_listed(api: ApiClient, conversation: dict[str, str]) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada"})["id"]
    make_through(api, "/api/agents", {"name": "Bob"})
    other = make_through(api, "/api/threads", REQUIRED)["id"]
    api.delete(f"/api/messages/{conversation['second']}")
    api.delete(f"/api/threads/{other}")
    api.delete(f"/api/agents/{agent}")

    listed = {
        path: [row["id"] for row in api.get(path).json()["results"]]
        for path in (
            "/api/threads?trashed=true",
            "/api/threads?trashed=false",
            f"/api/threads/{conversation['thread']}/messages?trashed=true",
            "/api/agents?trashed=true",
        )
    }

    assert list(listed.values()) == [[other], [conversation["thread"]], [conversation["second"]], [agent]]


@pytest.mark.parametrize("kind", ["threads", "messages", "agents", "feedback"])
def test_deleting_twice_and_restoring_twice_is_a_404(api: ApiClient, conversation: dict[str, str], kind: str) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada"})["id"]
    row = {**conversation, "message": conversation["first"], "agent": agent}[kind.removesuffix("s")]
    first = api.delete(f"/api/{kind}/{row}")
    before = snapshot()
    again = api.delete(f"/api/{kind}/{row}")

    assert (first.status_code, again.status_code) == (204, 404)
    assert snapshot() == before
    restored = api.post(f"/api/{kind}/{row}/restore")
    before = snapshot()
    twice = api.post(f"/api/{kind}/{row}/restore")
    assert (restored.status_code, twice.status_code) == (200, 404)
    assert problem_of(twice)["code"] == "not_found"
    assert snapshot() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/threads/{thread}", {"title": "x"}),
        ("PUT", "/api/threads/{thread}", REQUIRED),
        ("POST", "/api/threads/{thread}/messages", {"role": "user"}),
        ("POST", "/api/messages/{first}/feedback", {"rating": 1}),
        ("PATCH", "/api/feedback/{feedback}", {"rating": 0}),
        ("DELETE", "/api/feedback/{feedback}", None),
        ("DELETE", "/api/messages/{first}", None),
    ],
)
def test_nothing_in_the_trash_can_be_changed(
    api: ApiClient, conversation: dict[str, str], method: str, path: str, body: Any
) -> None:
    api.delete(f"/api/threads/{conversation['thread']}")
    before = snapshot()

    response = api.send(method, path.format(**conversation), body, if_match="*")

    assert response.status_code == 404
    assert snapshot() == before


def test_a_title_changed_before_deleting_is_found_after_restoring(api: ApiClient, conversation: dict[str, str]) -> None:
    thread = conversation["thread"]
    api.patch(f"/api/threads/{thread}", {"title": "Chamomile"})
    api.delete(f"/api/threads/{thread}")
    api.post(f"/api/threads/{thread}/restore")

    found = [row["id"] for row in api.get("/api/threads?q=chamomile").json()["results"]]

    assert found == [thread]
