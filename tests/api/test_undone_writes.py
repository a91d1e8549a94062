"""A write that the database undoes and wants again is carried out again, once in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.models import Organization
from accounts.services import create_api_key
from conversations.models import Message
from tests.client import ApiClient

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite undoes nothing: one writes at a time"),
]

THREAD = {"agent_type": "chat", "model": "m", "provider": "p"}
UNDO = """
CREATE SEQUENCE undone_writes;
CREATE FUNCTION undo_writes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A sequence keeps its value when the transaction does not.
    IF nextval('undone_writes') <= {times} THEN
        RAISE EXCEPTION 'try again' USING ERRCODE = '{sqlstate}';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER undo_writes BEFORE INSERT ON conversations_message FOR EACH ROW EXECUTE FUNCTION undo_writes();
"""


@pytest.fixture
def api(transactional_db: None, organization: Organization) -> ApiClient:
    return ApiClient(create_api_key(organization=organization, name="tests")[1])


@pytest.fixture
def undo() -> Iterator[Any]:
    def make(times: int, sqlstate: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(UNDO.format(times=times, sqlstate=sqlstate))

    yield make
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER undo_writes ON conversations_message")
        cursor.execute("DROP FUNCTION undo_writes; DROP SEQUENCE undone_writes")


def stored(thread_id: str) -> list[tuple[int, str | None]]:
    rows = Message.objects.filter(thread_id=thread_id).order_by("position")
    return list(rows.values_list("position", "content"))


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k"}], ids=["plain", "keyed"])
def test_a_write_that_was_undone_is_carried_out_again(
    api: ApiClient, undo: Any, sqlstate: str, headers: dict[str, str]
) -> None:
    thread_id = api.post("/api/threads", THREAD).json()["id"]
    undo(2, sqlstate)

    response = api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "content": "once"}, **headers)

    assert (response.status_code, response.json()["position"]) == (201, 1)
    assert stored(thread_id) == [(1, "once")]


def test_a_write_that_is_undone_for_ever_is_unavailable(api: ApiClient, undo: Any) -> None:
    thread_id = api.post("/api/threads", THREAD).json()["id"]
    undo(1000, "40001")

    response = api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "content": "never"})

    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert stored(thread_id) == []
