"""A page by the short way says what a page by the long way says, whatever the rows hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import JSONField, Value

from accounts.actors import SystemActor
from accounts.models import Domain
from agents_app.services import create_agent
from conversations.models import Message, Thread
from core.query import parse_datetime
from tests.client import ApiClient
from tests.fast.comparing import alike, by_long_way
from tests.fast.conftest import Append
from tests.fast.values import HARD_DOCUMENTS, HARD_MOMENTS, HARD_TEXTS
from tests.json_values import same_json

NAMES = ("threads", "conversations", "sessions")
JSON_NULL = Value(None, JSONField())
DOCUMENT_COLUMNS = ("metadata", "artifact_data")


def hard_messages() -> list[dict[str, Any]]:
    """One message for each value that is easily spoiled, and some that leave out what others have."""
    moments = [{"created_at": parse_datetime(text)} for text in HARD_MOMENTS]
    texts: list[dict[str, Any]] = [
        {"content": text, "provider": "p", "model": (text or "")[:50]} for text in HARD_TEXTS
    ]
    documents = [dict.fromkeys(DOCUMENT_COLUMNS, value) for value in HARD_DOCUMENTS]
    return [
        {},
        *moments,
        *texts,
        *documents,
        {"metadata": JSON_NULL, "artifact_data": JSON_NULL},
        {"metadata": JSON_NULL, "parts": None, "usage": None},
        {"parts": []},
        {"parts": [{"type": "text", "text": text} for text in HARD_TEXTS]},
        {"parts": [{"type": "", "value": document} for document in HARD_DOCUMENTS]},
        {"usage": {"input_tokens": 2**70, "cost": 1e-9, 'a "key"': None}},
        {"external_id": 'id "1"\\', "status": "failed", "finish_reason": "100%"},
    ]


@pytest.fixture
def hard_thread(make_thread: Callable[..., Thread], append: Append) -> Thread:
    thread = make_thread()
    append(thread, hard_messages())
    return thread


@pytest.fixture
def hard_threads(actor: SystemActor, make_thread: Callable[..., Thread], append: Append) -> list[Thread]:
    """Threads with every value in every column, two of which changed at the same moment."""
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    texts = [{"title": text, "provider": text or "p", "agent_type": "%s"} for text in HARD_TEXTS]
    documents = [{"metadata": document} for document in (*HARD_DOCUMENTS, JSON_NULL)]
    owned = [{"agent_id": agent.pk, "external_id": text} for text in HARD_TEXTS if text and text.strip()]
    threads = [make_thread(**fields) for fields in (*texts, *documents, *owned)]
    moments = [parse_datetime(text) for text in HARD_MOMENTS]
    for index, thread in enumerate(threads):
        at = moments[index % len(moments)]
        Thread.objects.filter(pk=thread.pk).update(created_at=at, updated_at=at, archived_at=at if index % 2 else None)
    append(threads[0], [{}, {}, {"parent_id": None}])
    append(threads[1], [{}])
    return threads


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_messages_with_hard_values_are_shown_alike(api: ApiClient, hard_thread: Thread, name: str, order: str) -> None:
    page = alike(api, f"/api/{name}/{hard_thread.pk}/messages?limit=1000&order={order}")

    assert len(page["results"]) == len(hard_messages())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_threads_with_hard_values_are_shown_alike(
    api: ApiClient, hard_threads: list[Thread], name: str, order: str
) -> None:
    page = alike(api, f"/api/{name}?limit=1000&order={order}")

    assert len(page["results"]) == len(hard_threads)


def test_hard_values_come_back_as_they_were_given(api: ApiClient, hard_thread: Thread) -> None:
    """Both ways could be wrong alike; this compares the short one with what was stored."""
    rows = alike(api, f"/api/threads/{hard_thread.pk}/messages?limit=1000")["results"]
    texts, documents = rows[1 + len(HARD_MOMENTS) :], rows[1 + len(HARD_MOMENTS) + len(HARD_TEXTS) :]
    moments = [datetime.fromisoformat(row["created_at"]) for row in rows[1:]]

    assert [row["content"] for row in texts[: len(HARD_TEXTS)]] == list(HARD_TEXTS)
    assert same_json([row["metadata"] for row in documents[: len(HARD_DOCUMENTS)]], list(HARD_DOCUMENTS))
    assert moments[: len(HARD_MOMENTS)] == [parse_datetime(text) for text in HARD_MOMENTS]
    assert {len(row["created_at"]) for row in rows} == {27}


def test_threads_whose_leaf_was_chosen_are_shown_alike(
    api: ApiClient, make_thread: Callable[..., Thread], append: Append
) -> None:
    empty, straight, chosen = make_thread(), make_thread(), make_thread()
    append(straight, [{}, {}])
    leaf = append(chosen, [{}, {}, {}])[1]
    api.patch(f"/api/threads/{chosen.pk}", {"active_leaf_id": str(leaf.pk)})

    page = alike(api, "/api/threads")

    leaves = {row["id"]: (row["last_position"], row["active_leaf_position"]) for row in page["results"]}
    assert leaves == {str(empty.pk): (0, 0), str(straight.pk): (2, 2), str(chosen.pk): (3, 2)}


@pytest.mark.parametrize("name", NAMES)
def test_no_threads_are_shown_alike(api: ApiClient, name: str) -> None:
    assert alike(api, f"/api/{name}") == {"next": None, "previous": None, "results": []}


def test_an_empty_thread_is_shown_alike(api: ApiClient, thread: Thread) -> None:
    page = alike(api, f"/api/threads/{thread.pk}/messages", is_plain=False)

    assert page == {"next": None, "previous": None, "results": []}


def test_a_thread_whose_messages_all_lie_in_the_trash_is_shown_alike(
    api: ApiClient, thread: Thread, append: Append
) -> None:
    for message in append(thread, [{}, {}]):
        api.delete(f"/api/messages/{message.pk}")

    assert alike(api, f"/api/threads/{thread.pk}/messages", is_plain=False)["results"] == []


def test_lists_leave_out_what_lies_in_the_trash(
    api: ApiClient, make_thread: Callable[..., Thread], append: Append
) -> None:
    kept, thrown = make_thread(), make_thread()
    rows = append(kept, [{}, {}, {}, {}])
    api.delete(f"/api/messages/{rows[1].pk}")
    api.delete(f"/api/threads/{thrown.pk}")

    threads = alike(api, "/api/threads")["results"]
    messages = alike(api, f"/api/threads/{kept.pk}/messages")["results"]

    assert [row["id"] for row in threads] == [str(kept.pk)]
    assert [row["parent_id"] for row in messages] == [None, str(rows[1].pk), str(rows[2].pk)]


def test_the_parents_of_several_trashed_messages_are_found_by_the_long_way(
    api: ApiClient, thread: Thread, append: Append
) -> None:
    rows = append(thread, [{}, {}, {}, {}, {}, {}])
    for message in (rows[1], rows[3]):
        api.delete(f"/api/messages/{message.pk}")

    page = alike(api, f"/api/threads/{thread.pk}/messages", is_plain=False)

    parents = [None, str(rows[1].pk), str(rows[3].pk), str(rows[4].pk)]
    assert [row["parent_id"] for row in page["results"]] == parents


def test_a_parent_that_is_gone_for_good_is_nobody(api: ApiClient, thread: Thread, append: Append) -> None:
    """As for a moment while a thread is erased: from its end, batch by batch."""
    append(thread, [{}, {}, {}])
    Message.objects.filter(thread_id=thread.pk, position=2).delete()

    page = alike(api, f"/api/threads/{thread.pk}/messages")

    assert [(row["position"], row["parent_id"]) for row in page["results"]] == [(1, None), (3, None)]


@pytest.mark.parametrize(
    "query", ["", "?order=desc", "?limit=2", "?limit=2&order=desc", "?branches=all", "?branches=active"]
)
def test_a_thread_with_branches_is_shown_by_the_long_way(
    api: ApiClient, thread: Thread, append: Append, query: str
) -> None:
    rows = append(thread, [{}, {}, {}])
    append(thread, [{"parent_id": rows[0].pk}, {}])

    page = alike(api, f"/api/threads/{thread.pk}/messages{query}", is_plain=False)

    positions = [1, 2, 3, 4, 5] if "all" in query else [1, 4, 5]
    expected = positions[::-1] if "desc" in query else positions
    assert [row["position"] for row in page["results"]] == (expected[:2] if "limit" in query else expected)


def test_a_key_of_a_domain_sees_its_own_threads_by_the_short_way(
    api: ApiClient, narrowed: ApiClient, house: Domain, make_thread: Callable[..., Thread], append: Append
) -> None:
    inside, outside = make_thread(), make_thread()
    Thread.objects.filter(pk=inside.pk).update(domain=house)
    for thread in (inside, outside):
        append(thread, [{}, {}, {}])

    seen = [[row["id"] for row in alike(client, "/api/threads")["results"]] for client in (narrowed, api)]
    page = alike(narrowed, f"/api/threads/{inside.pk}/messages?limit=2")
    behind = alike(narrowed, page["next"])
    missing = narrowed.get(f"/api/threads/{outside.pk}/messages")

    assert seen == [[str(inside.pk)], [str(outside.pk), str(inside.pk)]]
    assert [row["position"] for row in page["results"] + behind["results"]] == [1, 2, 3]
    assert missing.status_code == 404
    assert len(alike(api, f"/api/threads/{outside.pk}/messages")["results"]) == 3


def test_a_stranger_sees_nothing_by_either_way(stranger: ApiClient, thread: Thread, append: Append) -> None:
    append(thread, [{}])

    assert alike(stranger, "/api/threads")["results"] == []
    assert stranger.get(f"/api/threads/{thread.pk}/messages").status_code == 404
    assert by_long_way(stranger, f"/api/threads/{thread.pk}/messages")[0] == 404


def test_rows_that_changed_at_the_same_moment_keep_one_order(
    api: ApiClient, make_thread: Callable[..., Thread]
) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    threads = [make_thread() for _ in range(4)]
    Thread.objects.update(updated_at=moment)
    Thread.objects.filter(pk=threads[1].pk).update(updated_at=moment + timedelta(microseconds=1))

    page = alike(api, "/api/threads?order=asc")

    first = sorted(str(thread.pk) for thread in threads if thread is not threads[1])
    assert [row["id"] for row in page["results"]] == [*first, str(threads[1].pk)]


def test_messages_of_many_threads_are_told_apart(
    api: ApiClient, make_thread: Callable[..., Thread], append: Append
) -> None:
    threads = [make_thread() for _ in range(3)]
    for thread in threads:
        append(thread, [{"content": str(thread.pk)}] * 2)

    for thread in threads:
        rows = alike(api, f"/api/threads/{thread.pk}/messages")["results"]
        assert [(row["thread_id"], row["content"]) for row in rows] == [(str(thread.pk),) * 2] * 2
    assert Message.objects.count() == 6
