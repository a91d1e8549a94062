"""Times leave the API in UTC, with microseconds and `Z`, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents_app.models import Agent
from conversations.models import Feedback, Message, Thread
from tests.api.conftest import Shelf, make_through
from tests.client import ApiClient

FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def times_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every member whose name says that it is a time."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("_at") and inner is not None:
                yield f"{path}/{name}", inner
            else:
                yield from times_of(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from times_of(inner, f"{path}/{index}")


@pytest.mark.parametrize("microsecond", [0, 1, 500000, 999999])
def test_every_time_has_the_same_form(api: ApiClient, shelf: Shelf, microsecond: int) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, microsecond, tzinfo=UTC)
    for model in (Agent, Thread, Feedback):
        model.objects.update(created_at=moment, updated_at=moment)
    Message.objects.update(created_at=moment)
    Thread.objects.update(archived_at=moment, last_message_at=moment)
    paths = [
        f"/api/agents/{shelf.agent}",
        f"/api/agents/{shelf.agent}/persona",
        "/api/agents",
        f"/api/threads/{shelf.thread}",
        "/api/threads",
        "/api/threads?trashed=true",
        f"/api/threads/{shelf.thread}/messages",
        f"/api/messages/{shelf.message}",
        f"/api/feedback/{shelf.feedback}",
    ]

    found = [(path, where, time) for path in paths for where, time in times_of(api.get(path).json())]

    assert {where.rpartition("/")[2] for _path, where, _time in found} == {
        "created_at",
        "updated_at",
        "archived_at",
        "last_message_at",
        "trashed_at",
    }
    assert [item for item in found if not FORM.fullmatch(item[2])] == []
    expected = f"2026-01-02T03:04:05.{microsecond:06}Z"
    assert {time for _path, where, time in found if not where.endswith("trashed_at")} == {expected}


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.100000Z"),
        ("2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05.123456Z"),
        ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05.000000Z"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05.000000Z"),
        ("2026-01-02 03:04:05-08:00", "2026-01-02T11:04:05.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40.000000Z"),
    ],
)
def test_the_time_of_a_source_comes_back_in_utc(api: ApiClient, thread_id: str, sent: str, answered: str) -> None:
    message = make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user", "created_at": sent})

    assert message["created_at"] == answered
    assert api.get(f"/api/messages/{message['id']}").json()["created_at"] == answered


def test_times_of_arrival_are_now(api: ApiClient, thread_id: str) -> None:
    before = timezone.now()

    message = make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user"})

    created = datetime.fromisoformat(message["created_at"])
    assert before - timedelta(seconds=1) < created < timezone.now()
    assert created.utcoffset() == timedelta(0)


def test_a_process_in_another_zone_answers_the_same(
    api: ApiClient, thread_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/threads/{thread_id}"
    before = api.get(path).content

    with timezone.override("Asia/Kathmandu"):
        assert api.get(path).content == before
