"""What an append by the short way refuses or hands on: as the long way does, with nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.actors import SystemActor
from accounts.models import Domain, IdempotencyRecord
from conversations.models import Message, Thread
from conversations.services import MessageExists, append_plainly
from core.ids import uuid7
from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.fast.conftest import Append
from tests.fast.ways import long_way, short_way

KINDS = ("messages", "messages/batch")


def body_of(kind: str, *messages: dict[str, Any]) -> dict[str, Any]:
    listed = [{"role": "user", **fields} for fields in messages]
    return listed[0] if kind == "messages" else {"messages": listed}


def refused_alike(api: ApiClient, address: str, body: Any, **headers: str) -> dict[str, Any]:
    """POST by the way it takes and by the long way; both answer the same problem and change nothing."""
    before = snapshot()
    found = problem_of(api.post(address, body, **headers))
    with long_way():
        assert problem_of(api.post(address, body, **headers)) == found
    assert snapshot() == before
    return found


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["alone", "with a key"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_id_is_refused_alike(
    api: ApiClient, thread: Thread, append: Append, kind: str, key: dict[str, str]
) -> None:
    [taken] = append(thread, [{"content": "first"}])
    body = body_of(kind, {"content": "other", "id": str(taken.pk)})

    problem = refused_alike(api, f"/api/threads/{thread.pk}/{kind}", body, **key)

    assert (problem["status"], problem["code"]) == (409, "message_exists")
    assert IdempotencyRecord.objects.count() == 0


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}], ids=["alone", "with a key"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_external_id_is_refused_alike(
    api: ApiClient, thread: Thread, append: Append, kind: str, key: dict[str, str]
) -> None:
    append(thread, [{"external_id": "mine"}])
    body = body_of(kind, {"content": "new", "external_id": "mine"}, {"content": "never stored"})

    problem = refused_alike(api, f"/api/threads/{thread.pk}/{kind}", body, **key)

    assert (problem["status"], problem["code"]) == (409, "message_exists")


def test_an_id_of_another_organization_is_taken_too(api: ApiClient, stranger: ApiClient, thread: Thread) -> None:
    theirs = stranger.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"}).json()["id"]
    taken = stranger.post(f"/api/threads/{theirs}/messages", {"role": "user"}).json()["id"]

    problem = refused_alike(api, f"/api/threads/{thread.pk}/messages", {"role": "user", "id": taken})

    assert problem["code"] == "message_exists"


def test_an_external_id_twice_in_a_batch_is_refused_alike(api: ApiClient, thread: Thread) -> None:
    body = body_of("messages/batch", {"external_id": "mine", "content": "a"}, {"external_id": "mine", "content": "b"})

    assert refused_alike(api, f"/api/threads/{thread.pk}/messages/batch", body)["code"] == "message_exists"


def test_an_id_twice_in_a_batch_is_refused_alike(api: ApiClient, thread: Thread) -> None:
    one = str(uuid4())
    body = body_of("messages/batch", {"id": one}, {"id": one.upper()})

    problem = refused_alike(api, f"/api/threads/{thread.pk}/messages/batch", body)

    assert problem["errors"] == {"messages": ["Two messages of the batch have the same id."]}


def test_the_same_external_id_in_another_thread_is_free(api: ApiClient, make_thread: Callable[..., Thread]) -> None:
    for thread in (make_thread(), make_thread()):
        with short_way():
            response = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "external_id": "mine"})
        assert response.status_code == 201


@pytest.mark.parametrize("name", ["threads", "conversations", "sessions"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whose", ["missing", "foreign", "trashed", "no id"])
def test_a_thread_that_is_not_there_is_refused_alike(
    api: ApiClient, stranger: ApiClient, thread: Thread, name: str, kind: str, whose: str
) -> None:
    if whose == "trashed":
        api.delete(f"/api/threads/{thread.pk}")
    thread_id = {"missing": str(uuid4()), "no id": "first"}.get(whose, str(thread.pk))
    client = stranger if whose == "foreign" else api

    problem = refused_alike(client, f"/api/{name}/{thread_id}/{kind}", body_of(kind, {"content": "x"}))

    assert (problem["status"], problem["code"]) == (404, "not_found")


WRONG: dict[str, Any] = {
    "empty": {},
    "a list": [],
    "role": {"role": "robot"},
    "surplus": {"role": "user", "text": "x"},
    "parent": {"role": "user", "parent_id": "018f0000-0000-7000-8000-00000000000a"},
    "envelope": {"messages": [{"role": "user"}], "more": 1},
    "no messages": {"messages": []},
    "null": {"messages": [None]},
    "second": {"messages": [{"role": "user"}, {"role": "robot", "content": 1}]},
    "too many": {"messages": [{"role": "user"}] * 1001},
    "second parent": {"messages": [{"role": "user"}, {"role": "user", "parent_id": str(uuid4())}]},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_wrong_body_is_refused_alike(api: ApiClient, thread: Thread, body: Any, kind: str) -> None:
    assert refused_alike(api, f"/api/threads/{thread.pk}/{kind}", body)["status"] == 400


def test_a_longest_batch_is_appended_plainly(api: ApiClient, thread: Thread) -> None:
    with short_way():
        response = api.post(f"/api/threads/{thread.pk}/messages/batch", {"messages": [{"role": "user"}] * 1000})

    assert (response.status_code, len(response.json()["messages"])) == (201, 1000)
    assert Message.objects.count() == 1000


def places(response: Any) -> list[tuple[int, str | None]]:
    document = response.json()
    return [(each["position"], each["parent_id"]) for each in document.get("messages", [document])]


@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_that_shows_an_earlier_leaf_goes_on_from_there(
    api: ApiClient, make_thread: Callable[..., Thread], append: Append, kind: str
) -> None:
    found = []
    for way in (None, long_way):
        thread = make_thread()
        rows = append(thread, [{}, {}, {}])
        api.patch(f"/api/threads/{thread.pk}", {"active_leaf_id": str(rows[1].pk)})
        if way is None:
            response = api.post(f"/api/threads/{thread.pk}/{kind}", body_of(kind, {}))
        else:
            with way():
                response = api.post(f"/api/threads/{thread.pk}/{kind}", body_of(kind, {}))
        thread.refresh_from_db()
        [(position, parent)] = places(response)
        found.append((position, parent == str(rows[1].pk), thread.active_path, thread.active_leaf))

    assert found == [(4, True, [[1, 2], [4, None]], None)] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_branch_is_gone_on_with_by_the_short_way(
    api: ApiClient, thread: Thread, append: Append, kind: str
) -> None:
    rows = append(thread, [{}, {}, {}])
    [leaf] = append(thread, [{"parent_id": rows[0].pk}])

    with short_way():
        response = api.post(f"/api/threads/{thread.pk}/{kind}", body_of(kind, {}))

    thread.refresh_from_db()
    assert places(response) == [(5, str(leaf.pk))]
    assert thread.active_path == [[1, 1], [4, None]]


def test_an_answer_to_a_message_in_the_trash_names_it(api: ApiClient, thread: Thread, append: Append) -> None:
    last = append(thread, [{}, {}])[-1]
    api.delete(f"/api/messages/{last.pk}")
    found = []
    for way in (short_way, long_way):
        with way():
            found += places(api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"}))

    thread.refresh_from_db()
    assert found[0] == (3, str(last.pk))
    assert found[1][0] == 4
    assert (thread.last_position, thread.message_count) == (4, 3)


def test_a_key_of_a_domain_appends_to_its_own_threads_alone(
    narrowed: ApiClient, house: Domain, make_thread: Callable[..., Thread]
) -> None:
    inside, outside = make_thread(), make_thread()
    Thread.objects.filter(pk=inside.pk).update(domain=house)

    made = narrowed.post(f"/api/threads/{inside.pk}/messages", {"role": "user"})
    refused = refused_alike(narrowed, f"/api/threads/{outside.pk}/messages", {"role": "user"})

    assert (made.status_code, refused["status"]) == (201, 404)


def test_the_service_takes_nobody_who_is_narrowed(actor: SystemActor, house: Domain, thread: Thread) -> None:
    narrowed = SystemActor(actor.organization_id, domain_id=house.pk)

    assert append_plainly(actor=narrowed, thread_id=thread.pk, messages=[{"role": "user"}]) is None
    assert Message.objects.count() == 0


def test_a_refused_append_leaves_the_transaction_usable(actor: SystemActor, thread: Thread, append: Append) -> None:
    [taken] = append(thread, [{}])
    assert connection.in_atomic_block

    for messages in ([{"id": taken.pk, "role": "user"}], [{"role": "user"}, {"id": taken.pk, "role": "user"}]):
        with pytest.raises(MessageExists):
            append_plainly(actor=actor, thread_id=thread.pk, messages=messages)

    assert append_plainly(actor=actor, thread_id=uuid7(), messages=[{"role": "user"}]) is None
    stored = append_plainly(actor=actor, thread_id=thread.pk, messages=[{"role": "user"}])
    assert stored is not None
    assert [row["position"] for row in stored.rows] == [2]
    assert Message.objects.count() == 2
