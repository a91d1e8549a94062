"""A conversation that says one word everywhere, and where the admin shows it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from conversations.models import Feedback, Message, Thread
from conversations.services import append_messages, create_feedback, create_thread
from ledger.models import AuditEntry
from tests.admin.canaries import CANARY, body
from tests.admin.conftest import FEEDBACK, MESSAGES, THREADS, message_page, thread_page

REASON = "Support case 4711"


@pytest.fixture
def secret(actor: SystemActor) -> Thread:
    return secret_thread(actor)


def secret_thread(actor: SystemActor, word: str = CANARY) -> Thread:
    """A thread that says the word in every place where something can be said."""
    said = {word: word}
    fields = {"title": word, "metadata": said, "external_id": word, "agent_type": "chat", "model": "m", "provider": "p"}
    thread = create_thread(actor=actor, fields=fields)
    texts = {"content": word, "artifact_data": said, "metadata": said, "usage": said, "external_id": word}
    parts = [{"type": kind, "text": f"{word} {kind}"} for kind in ("text", "reasoning", "code", "other")]
    message = {"role": "user", **texts, "parts": parts}
    row = append_messages(actor=actor, thread_id=thread.pk, messages=[message])[0]
    create_feedback(actor=actor, message_id=row.pk, fields={"rating": 1, "comment": word, "payload": said})
    return Thread.objects.get(pk=thread.pk)


def pages_of(thread: Thread) -> dict[str, str]:
    message, feedback = Message.objects.get(thread=thread), Feedback.objects.get(message__thread=thread)
    return {
        "thread list": reverse(THREADS),
        "message list": reverse(MESSAGES),
        "feedback list": reverse(FEEDBACK),
        "thread": thread_page(thread),
        "tree": thread_page(thread, "?branches=all"),
        "message": message_page(message),
        "feedback": reverse("admin:conversations_feedback_change", args=[feedback.pk]),
    }


EVERYWHERE = {"thread list", "message list", "feedback list", "thread", "tree", "message", "feedback"}


def telling(client: Client, thread: Thread, word: str = CANARY) -> set[str]:
    """The pages that say the word."""
    return {name for name, address in pages_of(thread).items() if word in body(client.get(address))}


def reveal(client: Client, thread: Thread, reason: str = REASON) -> Any:
    return client.post(reverse("admin:conversations_thread_reveal", args=[thread.pk]), {"reason": reason}, follow=True)


def entries() -> list[tuple[str, str, UUID | None, str, str]]:
    rows = AuditEntry.objects.filter(action__startswith="content.").order_by("sequence")
    return [(each.action, each.actor_label, each.subject_id, each.subject_label, each.reason) for each in rows]
