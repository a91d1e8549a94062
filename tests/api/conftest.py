"""What the API's tests find on the stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from accounts.actors import SystemActor
from accounts.models import User
from agents_app.services import create_agent, trash_agent
from conversations.services import (
    append_messages,
    create_feedback,
    create_thread,
    trash_feedback,
    trash_message,
    trash_thread,
)
from tests.client import ApiClient

REQUIRED = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}


@dataclass(frozen=True)
class Shelf:
    """Ids of one row of every kind, and of one of every kind in the trash."""

    agent: str
    thread: str
    message: str
    feedback: str
    trashed_agent: str
    trashed_thread: str
    trashed_message: str
    trashed_feedback: str


@pytest.fixture
def new_thread(api: ApiClient) -> Callable[..., dict[str, Any]]:
    """Create a thread through the API and return it."""
    return lambda **fields: make_through(api, "/api/threads", {**REQUIRED, **fields})


@pytest.fixture
def thread_id(new_thread: Callable[..., dict[str, Any]]) -> str:
    return str(new_thread(title="A thread")["id"])


@pytest.fixture
def say(api: ApiClient, thread_id: str) -> Callable[..., dict[str, Any]]:
    """Append a message to the thread and return it."""
    return lambda **fields: make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user", **fields})


@pytest.fixture
def browser(alice: User) -> Client:
    """A browser in which alice, who has one organization, is logged in."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def shelf(actor: SystemActor) -> Shelf:
    """One row of every kind, and one of every kind in the trash, in the organization of `api`."""
    agents = [create_agent(actor=actor, fields={"name": name}).pk for name in ("Kept", "Thrown away")]
    threads = [create_thread(actor=actor, fields={**REQUIRED, "title": title}).pk for title in ("Kept", "Thrown away")]
    spoken = [{"role": "user", "content": text} for text in ("kept", "thrown away")]
    messages = [row.pk for row in append_messages(actor=actor, thread_id=threads[0], messages=spoken)]
    feedback = [
        create_feedback(actor=actor, message_id=messages[0], fields={"rating": rating}).pk for rating in (1, -1)
    ]
    trash_agent(actor=actor, agent_id=agents[1])
    trash_thread(actor=actor, thread_id=threads[1])
    trash_message(actor=actor, message_id=messages[1])
    trash_feedback(actor=actor, feedback_id=feedback[1])
    return Shelf(*(str(rows[index]) for index in (0, 1) for rows in (agents, threads, messages, feedback)))


def make_through(client: ApiClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST and return the new row; anything but 201 fails the test."""
    response = client.post(path, body)
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()
    return made
