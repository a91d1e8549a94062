"""Feedback on messages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Feedback
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

Say = Callable[..., dict[str, Any]]


@pytest.fixture
def message_id(say: Say) -> str:
    return str(say(content="judge me")["id"])


def give(api: ApiClient, message_id: str, **fields: Any) -> dict[str, Any]:
    return make_through(api, f"/api/messages/{message_id}/feedback", fields)


def test_feedback_has_exactly_these_members(api: ApiClient, message_id: str) -> None:
    feedback = give(api, message_id, rating=1)

    assert {name: value for name, value in feedback.items() if name not in ("id", "created_at", "updated_at")} == {
        "message_id": message_id,
        "rating": 1,
        "comment": "",
        "payload": None,
        "version": 1,
        "trashed_at": None,
    }
    assert api.get(f"/api/feedback/{feedback['id']}").json() == feedback


@pytest.mark.parametrize(
    "fields",
    [
        {"rating": -1},
        {"rating": 0},
        {"rating": 1, "comment": "  kept as it is \n"},
        {"comment": "only words"},
        {"payload": {"stars": 5, "tags": ["a", None]}},
        {"payload": []},
        {"payload": None},
        {"payload": 0},
    ],
)
def test_feedback_keeps_what_was_sent(api: ApiClient, message_id: str, fields: dict[str, Any]) -> None:
    feedback = give(api, message_id, **fields)

    read = api.get(f"/api/feedback/{feedback['id']}").json()
    assert {name: read[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({}, ["non_field_errors"]),
        ({"comment": ""}, ["non_field_errors"]),
        ({"rating": None}, ["non_field_errors"]),
        ({"rating": 2}, ["rating"]),
        ({"rating": -2}, ["rating"]),
        ({"rating": True}, ["rating"]),
        ({"rating": "1"}, ["rating"]),
        ({"rating": 1.0}, ["rating"]),
        ({"rating": 1, "comment": None}, ["comment"]),
        ({"rating": 1, "comment": "x" * 100_001}, ["comment"]),
        ({"rating": 1, "message_id": str(uuid.uuid4())}, ["message_id"]),
        ({"rating": 1, "created_by": "me"}, ["created_by"]),
    ],
)
def test_feedback_that_cannot_be_used_is_named(
    api: ApiClient, message_id: str, fields: dict[str, Any], at_fault: list[str]
) -> None:
    before = snapshot()

    response = api.post(f"/api/messages/{message_id}/feedback", fields)

    assert response.status_code == 400
    assert fields_at_fault(response) == at_fault
    assert snapshot() == before


def test_feedback_comes_newest_first_for_one_message_and_for_all(api: ApiClient, say: Say, message_id: str) -> None:
    first = give(api, message_id, rating=1)
    second = give(api, message_id, rating=-1)
    elsewhere = give(api, say()["id"], rating=0)

    assert api.get(f"/api/messages/{message_id}/feedback").json()["results"] == [second, first]
    assert api.get("/api/feedback").json()["results"] == [elsewhere, second, first]
    assert api.get("/api/feedback?order=asc").json()["results"] == [first, second, elsewhere]


def test_patch_changes_what_it_names(api: ApiClient, message_id: str) -> None:
    feedback = give(api, message_id, rating=1, comment="good")

    changed = api.patch(f"/api/feedback/{feedback['id']}", {"rating": -1}).json()

    assert changed == {**feedback, "rating": -1, "version": 2, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > feedback["updated_at"]


def test_feedback_does_not_change_its_message_or_thread(api: ApiClient, thread_id: str, message_id: str) -> None:
    before = [api.get(path).content for path in (f"/api/threads/{thread_id}", f"/api/messages/{message_id}")]

    give(api, message_id, rating=1)

    assert [api.get(path).content for path in (f"/api/threads/{thread_id}", f"/api/messages/{message_id}")] == before


def test_an_id_is_taken_once(api: ApiClient, message_id: str) -> None:
    feedback = give(api, message_id, rating=1)
    before = snapshot()

    response = api.post(
        f"/api/messages/{message_id}/feedback", {"rating": 0, "id": feedback["id"]}, idempotency_key="another"
    )

    assert response.status_code == 409
    assert problem_of(response)["code"] == "feedback_exists"
    assert snapshot() == before


def test_feedback_remembers_who_gave_it(browser: Client, alice: User, api: ApiClient, message_id: str) -> None:
    by_key = give(api, message_id, rating=1)
    by_alice = browser.post(f"/api/messages/{message_id}/feedback", {"rating": 1}, content_type="application/json")

    creators = dict(Feedback.objects.values_list("id", "created_by_id"))

    assert creators == {uuid.UUID(by_key["id"]): None, uuid.UUID(by_alice.json()["id"]): alice.pk}
