"""A database that the bench fills is one that the services could have filled."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.forms.models import model_to_dict

from accounts.actors import SystemActor
from accounts.models import Organization
from bench import corpus
from bench.seed_parley import threads, write_messages, write_threads
from conversations.models import Message, Thread
from conversations.search import matching
from conversations.services import append_messages, create_thread
from core.integrity import checks

MESSAGES = 100
OWN = ("id", "thread", "created_at", "updated_at", "last_message_at", "title", "metadata", "content", "artifact_data")
"""What differs from thread to thread and message to message by intention."""


def columns(row: Model) -> dict[str, Any]:
    shown = {field.name: field.value_from_object(row) for field in row._meta.concrete_fields}
    return {name: value for name, value in {**model_to_dict(row), **shown}.items() if name not in OWN}


def seed(organization: Organization) -> None:
    ids = corpus.thread_ids(MESSAGES)
    write_threads(threads(organization.pk, ids, corpus.MESSAGES_PER_THREAD, first=0))
    write_messages(organization.pk, corpus.said(MESSAGES))


def test_rows_are_those_that_appending_leaves(organization: Organization) -> None:
    seed(organization)
    actor = SystemActor(organization.pk)
    fields = {"agent_type": "chat", "model": "gpt-4o-mini", "provider": "openai"}
    served = create_thread(actor=actor, fields=fields)
    for body in corpus.bodies(corpus.MESSAGES_PER_THREAD):
        append_messages(actor=actor, thread_id=served.pk, messages=[body])
    served.refresh_from_db()

    seeded = Thread.objects.get(organization=organization, pk=corpus.thread_id(0))
    assert columns(seeded) == columns(served)
    assert [columns(row) for row in in_order(seeded)] == [columns(row) for row in in_order(served)]


def in_order(thread: Thread) -> list[Message]:
    return list(Message.objects.of_thread(thread).order_by("position"))


def test_nothing_is_out_of_order_and_everything_is_found(organization: Organization) -> None:
    seed(organization)
    assert [finding for check in checks().values() for finding in check("default")] == []
    for row in Message.objects.filter(organization=organization):
        found = matching(str(row.content), organization_id=organization.pk, column="id")
        assert Message.objects.filter(organization=organization, pk=row.pk, id__in=found).exists()


def test_titles_are_found(organization: Organization) -> None:
    seed(organization)
    found = matching("thread 1", organization_id=organization.pk, column="thread_id")
    [thread] = Thread.objects.filter(organization=organization, id__in=found)
    assert thread.pk == corpus.thread_id(1)
