"""System D's tests of messages, by their names, over Parley's routes and services."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages, purge_threads
from tests.client import ApiClient

MEMBERS = {"id", "thread_id", "role", "content", "artifact_data", "metadata", "created_at"}


@pytest.fixture
def path(thread: Thread) -> str:
    return f"/api/threads/{thread.pk}/messages"


def say(api: ApiClient, path: str, **fields: Any) -> dict[str, Any]:
    response = api.post(path, {"role": "user", **fields})
    assert response.status_code == 201, response.content
    message: dict[str, Any] = response.json()
    return message


def test_create_message_via_api(api: ApiClient, thread: Thread, path: str) -> None:
    response = api.post(path, {"role": "user", "content": "Hello"})

    assert response.status_code == 201
    message = response.json()
    assert message.keys() >= MEMBERS
    assert (message["thread_id"], message["role"], message["content"]) == (str(thread.pk), "user", "Hello")
    assert (message["artifact_data"], message["metadata"]) == (None, None)
    assert len(message["id"]) == 36


def test_create_message_with_artifact(api: ApiClient, path: str) -> None:
    artifact = {"type": "code", "language": "python", "content": "print('hi')\n", "lines": [1, 2.5, None, True]}

    message = say(api, path, role="assistant", content=None, artifact_data=artifact)

    assert message["artifact_data"] == artifact
    assert message["content"] is None
    assert api.get(f"/api/messages/{message['id']}").json()["artifact_data"] == artifact


def test_create_message_with_metadata(api: ApiClient, path: str) -> None:
    metadata = {"tokens": 42, "nested": {"list": ["a", {"b": None}]}}

    message = say(api, path, metadata=metadata)

    assert message["metadata"] == metadata
    assert api.get(path).json()["results"][0]["metadata"] == metadata


def test_create_message_thread_not_found(api: ApiClient) -> None:
    response = api.post(f"/api/threads/{uuid.uuid4()}/messages", {"role": "user", "content": "Hello"})

    assert response.status_code == 404
    assert Message.objects.count() == 0


def test_create_message_missing_role(api: ApiClient, path: str) -> None:
    response = api.post(path, {"content": "Hello"})

    assert response.status_code == 400
    assert response.json()["errors"].keys() == {"role"}
    assert Message.objects.count() == 0


def test_list_messages(api: ApiClient, path: str) -> None:
    said = [say(api, path, content=text) for text in ("First", "Second", "Third")]

    response = api.get(path)

    assert response.status_code == 200
    assert response.json()["results"] == said


def test_list_messages_empty_thread(api: ApiClient, path: str) -> None:
    response = api.get(path)

    assert response.status_code == 200
    assert response.json()["results"] == []


def test_delete_message(api: ApiClient, path: str) -> None:
    kept = say(api, path, content="Kept")
    deleted = say(api, path, content="Deleted")

    response = api.delete(f"/api/messages/{deleted['id']}")

    assert response.status_code == 204
    assert api.get(path).json()["results"] == [kept]


def test_delete_message_not_found(api: ApiClient) -> None:
    assert api.delete(f"/api/messages/{uuid.uuid4()}").status_code == 404


def test_delete_thread_cascades_messages(api: ApiClient, actor: SystemActor, thread: Thread, path: str) -> None:
    messages = [say(api, path, content=str(number)) for number in range(3)]

    api.delete(f"/api/threads/{thread.pk}")
    gone = [api.get(f"/api/messages/{message['id']}").status_code for message in messages]
    erased = purge_threads(organization_id=actor.organization_id, thread_ids=[thread.pk])

    assert gone == [404, 404, 404]
    assert Message.objects.count() == 0
    assert (erased["conversations.Message"], erased["conversations.Thread"]) == (3, 1)


def test_message_service_create(actor: SystemActor, thread: Thread) -> None:
    fields = {"role": "assistant", "content": "By the service", "artifact_data": {"a": 1}, "metadata": {"b": 2}}

    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[fields])

    stored = Message.objects.get(pk=message.pk)
    assert (stored.thread_id, stored.position, stored.role, stored.content) == (
        thread.pk,
        1,
        "assistant",
        "By the service",
    )
    assert (stored.artifact_data, stored.metadata) == ({"a": 1}, {"b": 2})


def test_message_service_list_order(actor: SystemActor, thread: Thread) -> None:
    moment = timezone.now()
    for number in range(3):
        append_messages(
            actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": str(number)}], now=moment
        )

    listed = Message.objects.visible_to(actor).of_thread(thread).in_order()

    assert [(message.position, message.content) for message in listed] == [(1, "0"), (2, "1"), (3, "2")]
