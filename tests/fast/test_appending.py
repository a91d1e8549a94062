"""A message that is appended plainly is answered, stored, counted and found like one that took the long way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages, append_plainly
from tests.client import ApiClient
from tests.fast.values import HARD_DOCUMENTS, HARD_MOMENTS, HARD_TEXTS
from tests.fast.ways import IS_POSTGRESQL, long_way, short_way
from tests.json_values import same_json

Way = Callable[[], AbstractContextManager[None]]

COUNTERS = ("last_position", "message_count", "version", "active_leaf", "active_path", "trashed_at")
OWN_COLUMNS = frozenset({"id", "thread_id", "created_at"})
OWN_MEMBERS = frozenset({"id", "thread_id", "parent_id", "created_at"})

ORDINARY: list[dict[str, Any]] = [
    {"role": "user"},
    *({"role": "user", "content": text} for text in HARD_TEXTS),
    *({"role": "tool", "metadata": document, "artifact_data": [document]} for document in HARD_DOCUMENTS),
    *({"role": "system", "content": "then", "created_at": text} for text in HARD_MOMENTS),
    {"role": "assistant", "parts": [{"type": "text", "text": text} for text in HARD_TEXTS]},
    {"role": "assistant", "parts": [], "usage": {}, "metadata": {}},
    {"role": "assistant", "parts": None, "external_id": None},
    {"role": "assistant", "external_id": 'id "1"\\', "provider": "p" * 50, "model": "m" * 100, "finish_reason": "%s"},
    {"role": "developer", "status": "in_progress", "usage": {"tokens": 2**70, "nested": {"a": [None]}}},
    {"role": "user", "metadata": None},
    {"role": "user", "artifact_data": None, "usage": None, "metadata": "null"},
]


def raw_rows(table: str, columns: str = "*", *, order: str) -> list[dict[str, Any]]:
    """Rows as the database holds them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def stored(thread: Thread) -> list[dict[str, Any]]:
    """The rows of a thread's messages, every column; what is each one's own is replaced by whether it is there."""
    rows = raw_rows("conversations_message", order="position")
    own = [row for row in rows if str(row["thread_id"]).replace("-", "") == thread.pk.hex]
    return [{name: name if name in OWN_COLUMNS and value else value for name, value in row.items()} for row in own]


def indexed(thread: Thread) -> list[tuple[int, str]]:
    """Position and words of the thread's documents in the search index."""
    joined = "search_document" if IS_POSTGRESQL else "search_document JOIN search_words ON search_words.rowid = number"
    rows = raw_rows(joined, "search_document.id AS id, words", order="search_document.id")
    positions = {message.pk.hex: message.position for message in thread.messages.all()}
    found = {str(row["id"]).replace("-", ""): str(row["words"]) for row in rows}
    return sorted((place, found[pk]) for pk, place in positions.items() if pk in found)


def shown(response: Any) -> tuple[int, str | None, Any]:
    """The answer without what is each message's own: status, entity tag, members in their order."""
    document = response.json()
    messages = document.get("messages", [document])
    members = [
        {name: name if name in OWN_MEMBERS and value else value for name, value in each.items()} for each in messages
    ]
    return response.status_code, response.headers.get("ETag"), members


def counters(thread: Thread) -> tuple[Any, ...]:
    thread.refresh_from_db()
    return tuple(getattr(thread, name) for name in COUNTERS)


def post(api: ApiClient, thread: Thread, body: Any, *, kind: str = "messages") -> Any:
    response = api.post(f"/api/threads/{thread.pk}/{kind}", body)
    assert response.status_code == 201, response.content
    return response


@pytest.fixture
def twins(make_thread: Callable[..., Thread]) -> tuple[Thread, Thread]:
    return make_thread(), make_thread()


def in_full(body: dict[str, Any]) -> dict[str, Any]:
    """The same message with a time of its own, so that rows can be compared down to it."""
    return {"created_at": "2026-01-02T03:04:05.678Z", **body}


def assert_alike(short: Thread, long: Thread) -> None:
    assert stored(short) == stored(long)
    assert indexed(short) == indexed(long)
    assert counters(short) == counters(long)


def test_single_messages_are_alike(api: ApiClient, twins: tuple[Thread, Thread]) -> None:
    short, long = twins
    for body in ORDINARY:
        with short_way():
            plain = shown(post(api, short, body))
        with long_way():
            assert same_json(list(plain), list(shown(post(api, long, body))))

    assert len(stored(short)) == len(ORDINARY)
    assert_alike(short, long)


def test_times_are_stored_alike(api: ApiClient, twins: tuple[Thread, Thread]) -> None:
    for thread, way in zip(twins, (short_way, long_way), strict=True):
        with way():
            for text in HARD_MOMENTS:
                post(api, thread, {"role": "user", "created_at": text})

    moments = [list(each.messages.order_by("position").values_list("created_at", flat=True)) for each in twins]
    raw = [[row["created_at"] for row in raw_rows("conversations_message", order="thread_id, position")]]
    assert moments[0] == moments[1]
    assert raw[0][: len(HARD_MOMENTS)] == raw[0][len(HARD_MOMENTS) :]


def test_batches_are_alike(api: ApiClient, twins: tuple[Thread, Thread]) -> None:
    short, long = twins
    for batch in ([{"role": "user"}], ORDINARY[1:], [{"role": "user", "content": "last"}] * 3):
        with short_way():
            plain = shown(post(api, short, {"messages": batch}, kind="messages/batch"))
        with long_way():
            assert same_json(list(plain), list(shown(post(api, long, {"messages": batch}, kind="messages/batch"))))

    assert_alike(short, long)
    with short_way():
        post(api, short, {"role": "user"})
    assert list(short.messages.order_by("position").values_list("position", flat=True)) == list(
        range(1, len(ORDINARY) + 5)
    )


def test_a_number_is_answered_as_it_is_stored(api: ApiClient, thread: Thread) -> None:
    """The long way answers what it was given; no database keeps the sign of zero."""
    with short_way():
        made = post(api, thread, {"role": "user", "metadata": [-0.0, 1e16, 1.0]}).json()

    read = api.get(f"/api/messages/{made['id']}").json()
    assert same_json(made["metadata"], [0.0, 1e16, 1.0])
    assert same_json(read, made)


def test_parents_are_named_alike(api: ApiClient, thread: Thread) -> None:
    answers: list[dict[str, Any]] = []
    for way in (short_way, long_way, short_way):
        with way():
            answers.append(post(api, thread, {"role": "user"}).json())
            answers += post(api, thread, {"messages": [{"role": "user"}] * 2}, kind="messages/batch").json()["messages"]

    assert [each["position"] for each in answers] == list(range(1, 10))
    assert [each["parent_id"] for each in answers] == [None, *(each["id"] for each in answers[:-1])]
    assert api.get(f"/api/threads/{thread.pk}/messages").json()["results"] == answers


def test_words_are_found_alike(api: ApiClient, twins: tuple[Thread, Thread]) -> None:
    texts = ["Grüße aus Köln", "under_score e-mail", "漢字かな", "percent % sign", "", " ", 'O\'Brien "quoted"']
    for thread, way in zip(twins, (short_way, long_way), strict=True):
        with way():
            for text in texts:
                post(api, thread, {"role": "user", "content": text})

    for word in ("köln", "KÖLN grüsse", "score", "mail", "漢", "%", "O'Brien", "quoted", "absent"):
        rows = api.get(f"/api/messages?q={quote(word)}").json()["results"]
        by_thread = [sorted(row["position"] for row in rows if row["thread_id"] == str(each.pk)) for each in twins]
        assert by_thread[0] == by_thread[1]
        assert (by_thread[0] == []) is (word == "absent")


@pytest.mark.parametrize("name", ["conversations", "sessions"])
def test_other_names_of_threads_are_alike(api: ApiClient, twins: tuple[Thread, Thread], name: str) -> None:
    answers = []
    for thread, way in zip(twins, (short_way, long_way), strict=True):
        with way():
            one = api.post(f"/api/{name}/{thread.pk}/messages", in_full({"role": "user", "content": "x"}))
            two = api.post(f"/api/{name}/{thread.pk}/messages/batch", {"messages": [in_full({"role": "user"})]})
        parent = f"{name[:-1]}_id"
        assert one.json()[parent] == two.json()["messages"][0][parent] == str(thread.pk)
        answers.append([list(one.json()), list(two.json()["messages"][0]), one.json()["created_at"]])

    assert answers[0] == answers[1]


def test_invalid_text_is_replaced_alike(api: ApiClient, twins: tuple[Thread, Thread]) -> None:
    raw = b'{"role": "user", "content": "a\\u0000b\\ud800", "metadata": {"k": "\\udfff"}}'
    answers = []
    for thread, way in zip(twins, (short_way, long_way), strict=True):
        with way():
            answers.append(api.post(f"/api/threads/{thread.pk}/messages?invalid_text=replace", raw))

    assert [each["Parley-Replaced-Characters"] for each in answers] == ["3", "3"]
    assert shown(answers[0]) == shown(answers[1])
    assert_alike(*twins)


def test_the_answer_carries_the_tag_that_the_message_has(api: ApiClient, thread: Thread) -> None:
    with short_way():
        made = post(api, thread, {"role": "user"})

    again = api.get(f"/api/messages/{made.json()['id']}", if_none_match=made["ETag"])
    assert (made["ETag"], made["Content-Type"], again.status_code) == ('"v1"', "application/json", 304)


def test_a_repeated_append_is_answered_with_the_same_bytes(api: ApiClient, thread: Thread) -> None:
    address = f"/api/threads/{thread.pk}/messages"
    body = {"role": "user", "content": "🦜 %s", "metadata": {"b": 1e16, "a": [1.0]}}
    for path, sent in ((address, body), (f"{address}/batch", {"messages": [body, body]})):
        with short_way():
            first, second = (api.post(path, sent, idempotency_key=f"k{path}") for _ in range(2))

        assert (first.status_code, second.status_code) == (201, 201)
        assert (first.content, first.headers.get("ETag")) == (second.content, second.headers.get("ETag"))
        assert second["Idempotent-Replayed"] == "true"
    assert Message.objects.count() == 3


def test_a_clock_that_went_back_is_met_alike(actor: SystemActor, twins: tuple[Thread, Thread]) -> None:
    """The times of a thread: that of its last message as it was told, that of its change never an earlier one."""
    moments = [datetime(2030, 1, 2, 3, 4, 5, micros, UTC) for micros in (0, 1, 900_000, 0, 10)]
    found: list[list[Any]] = []
    for thread, append in zip(twins, (append_plainly, append_messages), strict=True):
        found.append([])
        for now in moments:
            append(actor=actor, thread_id=thread.pk, messages=[{"role": "user"}], now=now)
            thread.refresh_from_db()
            found[-1].append((thread.updated_at, thread.last_message_at))

    assert found[0] == found[1] == [(max(moments[: at + 1]), now) for at, now in enumerate(moments)]
    assert_alike(*twins)


@pytest.mark.skipif(not IS_POSTGRESQL, reason="a database in memory belongs to one thread")
@pytest.mark.django_db(transaction=True)
def test_both_ways_at_once_leave_no_gap(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    def plainly() -> None:
        post(api, thread, {"role": "user"})

    def at_length() -> None:
        append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user"}] * 2)

    def often(append: Callable[[], None]) -> None:
        try:
            for _ in range(5):
                append()
        finally:
            connection.close()

    writers = [threading.Thread(target=often, args=(append,)) for append in (plainly, at_length, plainly, at_length)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert list(thread.messages.order_by("position").values_list("position", flat=True)) == list(range(1, 31))
    assert counters(thread)[:3] == (30, 30, 21)
