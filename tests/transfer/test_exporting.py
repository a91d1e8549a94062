"""Threads as JSONL and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import JSONField, Value
from django.test.utils import CaptureQueriesContext

from accounts.actors import MemberActor, SystemActor
from accounts.models import User
from agents_app.services import create_agent
from conversations.models import Message, Thread
from conversations.services import append_messages, create_feedback, trash_feedback, trash_message, trash_thread
from transfer import exporting
from transfer.exporting import CSV_COLUMNS, export_csv, export_jsonl

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
TIME = "2026-01-02T03:04:05.000006Z"
JSON_NULL = Value(None, JSONField())

MakeThread = Callable[..., Thread]


def append(thread: Thread, *messages: dict[str, Any]) -> list[Message]:
    entries = [{"role": "user", "content": "hello", **message} for message in messages]
    return append_messages(actor=SystemActor(thread.organization_id), thread_id=thread.pk, messages=entries, now=MOMENT)


def lines(*threads: Thread) -> list[dict[str, Any]]:
    chosen = Thread.objects.filter(pk__in=[thread.pk for thread in threads])
    return [json.loads(line) for line in b"".join(export_jsonl(chosen)).splitlines()]


def cells(*threads: Thread) -> list[dict[str, str]]:
    chosen = Thread.objects.filter(pk__in=[thread.pk for thread in threads])
    return list(csv.DictReader(io.StringIO(b"".join(export_csv(chosen)).decode(), newline="")))


def test_jsonl_holds_every_field_of_a_thread(make_thread: MakeThread, actor: SystemActor) -> None:
    agent = create_agent(actor=actor, fields={"name": "Guide"})
    thread = make_thread(title="Zürich", agent_id=agent.pk, metadata={"a": [1, None]}, external_id="x:1")
    Thread.objects.filter(pk=thread.pk).update(created_at=MOMENT, updated_at=MOMENT, archived_at=MOMENT)

    assert lines(thread) == [
        {
            "parley": 1,
            "organization": "acme",
            "agent": {"id": str(agent.pk), "slug": "guide", "name": "Guide"},
            "id": str(thread.pk),
            "title": "Zürich",
            "agent_type": "chat",
            "model": "gpt-test",
            "provider": "openai",
            "status": "idle",
            "metadata": {"a": [1, None]},
            "external_id": "x:1",
            "created_by_id": None,
            "last_position": 0,
            "message_count": 0,
            "last_message_at": None,
            "active_leaf": None,
            "version": 1,
            "archived_at": TIME,
            "trashed_at": None,
            "created_at": TIME,
            "updated_at": TIME,
            "messages": [],
        }
    ]


def test_jsonl_holds_every_field_of_a_message(thread: Thread) -> None:
    fields = {
        "role": "assistant",
        "content": "a\u2028b\n🙂",
        "parts": [{"type": "text", "text": "a"}],
        "artifact_data": 12345678901234567890123456789,
        "metadata": {},
        "usage": {"input_tokens": 1},
        "external_id": "m1",
        "status": "failed",
        "provider": "p",
        "model": "m",
        "finish_reason": "stop",
    }
    message = append(thread, fields)[0]

    assert lines(thread)[0]["messages"] == [
        {
            **fields,
            "id": str(message.pk),
            "position": 1,
            "parent_position": 0,
            "created_at": TIME,
            "version": 1,
        }
    ]


def test_jsonl_keeps_null_apart_from_missing_and_empty(thread: Thread) -> None:
    columns = ("content", "parts", "artifact_data", "metadata", "usage")
    append(
        thread,
        {"content": None},
        {"content": "", **dict.fromkeys(columns[1:], JSON_NULL)},
        {"parts": [], "artifact_data": "", "metadata": {}, "usage": {}},
    )

    found = [{name: each[name] for name in columns if name in each} for each in lines(thread)[0]["messages"]]

    assert found == [
        {"content": None},
        {"content": "", **dict.fromkeys(columns[1:])},
        {"content": "hello", "parts": [], "artifact_data": "", "metadata": {}, "usage": {}},
    ]


def test_jsonl_holds_all_branches_in_order_of_position(thread: Thread) -> None:
    first = append(thread, {}, {})[0]
    append(thread, {"parent_id": first.pk}, {}, {"parent_id": None})

    messages = lines(thread)[0]["messages"]

    assert [(each["position"], each["parent_position"]) for each in messages] == [
        (1, 0),
        (2, 1),
        (3, 1),
        (4, 3),
        (5, 0),
    ]


def test_jsonl_holds_feedback_with_its_message(thread: Thread, alice: User, actor: SystemActor) -> None:
    message, _other = append(thread, {}, {})
    member = MemberActor(organization_id=thread.organization_id, user_id=alice.pk, label="alice")
    kept = create_feedback(actor=member, message_id=message.pk, fields={"rating": 1, "comment": "ok"}, now=MOMENT)
    null = create_feedback(actor=actor, message_id=message.pk, fields={"payload": JSON_NULL}, now=MOMENT)
    gone = create_feedback(actor=actor, message_id=message.pk, fields={"rating": 0})
    trash_feedback(actor=actor, feedback_id=gone.pk)

    times = {"version": 1, "created_at": TIME, "updated_at": TIME}
    assert [each.get("feedback") for each in lines(thread)[0]["messages"]] == [
        [
            {"id": str(kept.pk), "rating": 1, "comment": "ok", "created_by_id": str(alice.pk), **times},
            {"id": str(null.pk), "rating": None, "comment": "", "created_by_id": None, **times, "payload": None},
        ],
        None,
    ]


def test_export_leaves_out_deleted_messages_but_not_chosen_threads(thread: Thread, actor: SystemActor) -> None:
    messages = append(thread, {}, {}, {})
    trash_message(actor=actor, message_id=messages[1].pk)
    trash_thread(actor=actor, thread_id=thread.pk)

    line = lines(thread)[0]

    assert [each["position"] for each in line["messages"]] == [1, 3]
    assert (line["trashed_at"] is None, line["message_count"], line["last_position"]) == (False, 2, 3)
    assert [row["position"] for row in cells(thread)] == ["1", "3"]


def test_export_lists_threads_by_id_in_portions(make_thread: MakeThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "THREADS_AT_ONCE", 2)
    monkeypatch.setattr(exporting, "MESSAGES_AT_ONCE", 2)
    threads = [make_thread(title=str(number)) for number in range(5)]
    for number, thread in enumerate(threads[1:], 1):
        append(thread, *[{}] * number)

    found = [(line["title"], [each["position"] for each in line["messages"]]) for line in lines(*threads)]

    assert found == [(str(number), list(range(1, number + 1))) for number in range(5)]


def test_export_holds_few_messages_at_a_time(thread: Thread) -> None:
    append(thread, *[{"content": "x" * 1000}] * 200)

    pieces = list(export_jsonl(Thread.objects.all()))

    assert max(len(piece) for piece in pieces) < 25 * 1500
    assert len(json.loads(b"".join(pieces))["messages"]) == 200


def test_export_stops_at_the_messages_the_thread_had(thread: Thread) -> None:
    append(thread, {})
    pieces = export_jsonl(Thread.objects.all())
    beginning = next(pieces)

    append(thread, {})
    line = json.loads(beginning + b"".join(pieces))

    assert (line["last_position"], [each["position"] for each in line["messages"]]) == (1, [1])


def test_export_costs_the_same_queries_at_one_message_and_at_three(thread: Thread) -> None:
    counts: list[int] = []
    for more in (1, 2):
        append(thread, *[{}] * more)
        with CaptureQueriesContext(connection) as found:
            list(export_jsonl(Thread.objects.all()))
        counts.append(len(found))

    assert counts == [5, 5]


def test_export_of_nothing_is_empty(db: None) -> None:
    assert b"".join(export_jsonl(Thread.objects.all())) == b""
    assert b"".join(export_csv(Thread.objects.all())).decode() == ",".join(CSV_COLUMNS) + "\r\n"


def test_csv_holds_a_message_in_a_row(make_thread: MakeThread) -> None:
    thread = make_thread(title='Say "hi", ü')
    message = append(
        thread,
        {
            "content": "two\nlines, 🙂",
            "parts": [{"ü": 1}],
            "usage": {"a": 1},
            "model": "m",
            "provider": "p",
            "finish_reason": "stop",
        },
    )[0]

    assert cells(thread) == [
        {
            "organization": "acme",
            "thread_id": str(thread.pk),
            "thread_title": 'Say "hi", ü',
            "position": "1",
            "parent_position": "0",
            "message_id": str(message.pk),
            "role": "user",
            "created_at": TIME,
            "provider": "p",
            "model": "m",
            "status": "completed",
            "finish_reason": "stop",
            "content": "two\nlines, 🙂",
            "parts": '[{"ü": 1}]',
            "artifact_data": "",
            "metadata": "",
            "usage": '{"a": 1}',
        }
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_cell_never_starts_a_formula(make_thread: MakeThread, start: str) -> None:
    text = f"{start}1+cmd|' /C calc'!A0"
    thread = make_thread(title=text)
    append(thread, {"content": text, "model": text, "artifact_data": -1})

    row = cells(thread)[0]

    assert [row[name] for name in ("thread_title", "content", "model")] == [f"'{text}"] * 3
    assert row["artifact_data"] == "'-1"


@pytest.mark.parametrize("text", ["a=1", " =1", "'=1", "1-2", ""])
def test_csv_cell_that_starts_no_formula_is_kept(thread: Thread, text: str) -> None:
    append(thread, {"content": text})

    assert cells(thread)[0]["content"] == text
