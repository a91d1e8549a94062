"""System C, a conversation memory: ordered history, cascades, sessions by their own name."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection, models

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages
from tests.client import ApiClient
from tests.systems.plans import plan_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_c5_history_is_in_order_whatever_the_clock_says(actor: SystemActor, thread: Thread, api: ApiClient) -> None:
    for hour in (5, 3, 3, 4):
        append_messages(
            actor=actor,
            thread_id=thread.pk,
            messages=[{"role": "user", "content": str(hour)}],
            now=MOMENT.replace(hour=hour),
        )

    history = api.get(f"/api/sessions/{thread.pk}/messages").json()["results"]

    assert [row["content"] for row in history] == ["5", "3", "3", "4"]
    assert [row["position"] for row in history] == [1, 2, 3, 4]
    assert [row["created_at"] for row in history] == [f"2026-01-02T0{hour}:04:05.000000Z" for hour in (5, 3, 3, 4)]


def test_c5_history_is_read_by_an_index(actor: SystemActor, thread: Thread) -> None:
    append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user"}] * 200)

    plan = plan_of(Message.objects.of_thread(thread).active().in_order()[:50])

    indexes = {"sqlite": "INDEX sqlite_autoindex_conversations_message_", "postgresql": "message_position_unique"}
    assert indexes[connection.vendor] in plan.text
    assert (plan.scans, plan.sorts) == ([], [])


def test_c5_times_of_messages_know_their_zone() -> None:
    field = Message._meta.get_field("created_at")

    kinds = {"sqlite": "datetime", "postgresql": "timestamp with time zone"}
    assert isinstance(field, models.DateTimeField)
    assert field.db_type(connection) == kinds[connection.vendor]
    assert Message(created_at=MOMENT).created_at.utcoffset() is not None


def test_c9_messages_go_with_their_session(actor: SystemActor, thread: Thread, api: ApiClient) -> None:
    messages = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user"}] * 3)

    api.delete(f"/api/sessions/{thread.pk}")
    hidden = [api.get(f"/api/messages/{message.pk}").status_code for message in messages]
    Thread.objects.filter(organization_id=actor.organization_id, pk=thread.pk).delete()

    assert hidden == [404, 404, 404]
    assert Message.objects.filter(organization_id=actor.organization_id).count() == 0


def test_c13_sessions_are_listed(api: ApiClient) -> None:
    made = [api.post("/api/sessions", {"title": title, "metadata": {"n": title}}).json() for title in ("one", "two")]

    response = api.get("/api/sessions")

    assert response.status_code == 200
    assert response.json() == {"next": None, "previous": None, "results": made[::-1]}
    assert api.get("/api/sessions?limit=1&offset=1").json()["results"] == made[:1]
