"""The links of pages: both ways write the same ones, take each other's, and refuse the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from conversations.models import Thread
from core.pagination import Cursor
from tests.client import ApiClient
from tests.fast.comparing import alike, answer_of, by_long_way, round_trip
from tests.fast.conftest import Append
from tests.fast.ways import short_way

COUNT = 5
LIMITS = range(1, COUNT + 2)


@pytest.fixture
def talk(thread: Thread, append: Append) -> Thread:
    """A thread of five messages outside the trash."""
    append(thread, [{"content": str(index)} for index in range(COUNT)])
    return thread


@pytest.fixture
def holed(api: ApiClient, thread: Thread, append: Append) -> Thread:
    """A thread with messages in the trash: at the beginning, in the middle, at the end."""
    rows = append(thread, [{}] * (COUNT + 4))
    for index in (0, 3, 4, COUNT + 3):
        api.delete(f"/api/messages/{rows[index].pk}")
    return thread


@pytest.fixture
def threads(make_thread: Callable[..., Thread]) -> list[str]:
    """The ids of five threads, newest first; three of them changed at the same moment, in a year long past."""
    rows = [make_thread() for _ in range(COUNT)]
    moment = timezone.now().replace(year=1, microsecond=0)
    for index, row in enumerate(rows):
        at = moment + timedelta(microseconds=max(0, index - 2))
        Thread.objects.filter(pk=row.pk).update(updated_at=at)
    found = Thread.objects.in_recent_order().values_list("pk", flat=True)
    return [str(pk) for pk in found]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", LIMITS)
def test_walking_messages_there_and_back_sees_each_once(api: ApiClient, talk: Thread, limit: int, order: str) -> None:
    there, back = round_trip(api, f"/api/threads/{talk.pk}/messages?order={order}&limit={limit}")

    expected = [str(row.pk) for row in talk.messages.order_by("position" if order == "asc" else "-position")]
    assert (there, back) == (expected, expected)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", LIMITS)
def test_walking_past_the_trash_there_and_back_sees_each_once(
    api: ApiClient, holed: Thread, limit: int, order: str
) -> None:
    there, back = round_trip(api, f"/api/threads/{holed.pk}/messages?order={order}&limit={limit}", is_plain=False)

    kept = holed.messages.active().order_by("position" if order == "asc" else "-position")
    expected = [str(row.pk) for row in kept]
    assert len(expected) == COUNT
    assert (there, back) == (expected, expected)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", LIMITS)
def test_walking_threads_there_and_back_sees_each_once(
    api: ApiClient, threads: list[str], limit: int, order: str
) -> None:
    there, back = round_trip(api, f"/api/threads?order={order}&limit={limit}")

    expected = threads if order == "desc" else threads[::-1]
    assert (there, back) == (expected, expected)


@pytest.mark.parametrize("address", ["/api/conversations", "/api/sessions", "/api/v1/threads", "/api/threads/"])
def test_links_lead_to_the_address_that_was_asked(api: ApiClient, threads: list[str], address: str) -> None:
    page = alike(api, f"{address}?limit=2")

    assert page["next"].startswith(f"http://testserver{address}?cursor=")
    assert [row["id"] for row in alike(api, page["next"])["results"]] == threads[2:4]


def test_links_under_names_of_sessions_lead_on(api: ApiClient, talk: Thread) -> None:
    for name in ("conversations", "sessions"):
        there, back = round_trip(api, f"/api/{name}/{talk.pk}/messages?limit=2")
        assert (len(there), back) == (COUNT, there)


def test_an_id_in_capitals_is_the_same_list(api: ApiClient, talk: Thread) -> None:
    page = alike(api, f"/api/threads/{str(talk.pk).upper()}/messages?limit=2")
    cursor = page["next"].partition("cursor=")[2].partition("&")[0]

    behind = alike(api, f"/api/threads/{talk.pk}/messages?limit=2&cursor={cursor}")

    assert [row["position"] for row in behind["results"]] == [3, 4]


def test_a_page_that_became_empty_is_shown_alike(api: ApiClient, talk: Thread, append: Append) -> None:
    behind = alike(api, f"/api/threads/{talk.pk}/messages?limit={COUNT - 1}")["next"]
    last = talk.messages.get(position=COUNT)
    api.delete(f"/api/messages/{last.pk}")

    page = alike(api, behind, is_plain=False)

    assert page == {"next": None, "previous": None, "results": []}


def test_a_cursor_at_the_ends_of_what_it_may_hold_is_taken_alike(api: ApiClient, talk: Thread) -> None:
    for position in (0, 1, COUNT, 2**15, 2**31 - 1):
        for is_backward in (False, True):
            cursor = Cursor(f"conversations.message/{talk.pk}/asc", is_backward, (position,)).encode()
            alike(api, f"/api/threads/{talk.pk}/messages?cursor={cursor}", is_plain=False)


def cursor_of(*values: object, made_for: str = "conversations.thread//desc") -> str:
    return Cursor(made_for, False, values).encode()


MOMENT = "2026-01-02T03:04:05.000000Z"
QUERIES = {
    "no number": "limit=x",
    "nothing": "limit=0",
    "too many": "limit=1001",
    "negative": "limit=-1",
    "empty limit": "limit=",
    "twice": "limit=1&limit=1",
    "unknown order": "order=up",
    "empty order": "order=",
    "unknown parameter": "limits=1",
    "NUL": "cursor=%00",
    "empty cursor": "cursor=",
    "no base64": "cursor=!!!",
    "no JSON": "cursor=AAAA",
    "of another list": f"cursor={cursor_of(1, made_for='conversations.message//desc')}",
    "of the other direction": f"cursor={cursor_of(MOMENT, str(uuid4()), made_for='conversations.thread//asc')}",
    "too short": f"cursor={cursor_of(MOMENT)}",
    "too long": f"cursor={cursor_of(MOMENT, str(uuid4()), 1)}",
    "no time": f"cursor={cursor_of('yesterday', str(uuid4()))}",
    "no id": f"cursor={cursor_of(MOMENT, 'x')}",
    "null": f"cursor={cursor_of(None, None)}",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_wrong_parameter_is_refused_alike(api: ApiClient, thread: Thread, query: str) -> None:
    with short_way():
        found = answer_of(api.get(f"/api/threads?{query}"))

    assert found[0] == 400
    assert found == by_long_way(api, f"/api/threads?{query}")


@pytest.mark.parametrize("position", [-1, 2**31, 1.0, "1", None, True, [1]], ids=repr)
def test_a_wrong_position_in_a_cursor_is_refused_alike(api: ApiClient, talk: Thread, position: object) -> None:
    cursor = cursor_of(position, made_for=f"conversations.message/{talk.pk}/asc")
    address = f"/api/threads/{talk.pk}/messages?cursor={cursor}"

    with short_way():
        found = answer_of(api.get(address))

    assert found[0] == 400
    assert found == by_long_way(api, address)


WHOSE = ("missing", "foreign", "trashed", "no id")


def reach(whose: str, api: ApiClient, stranger: ApiClient, talk: Thread) -> tuple[ApiClient, str]:
    """A client and the address of messages that are not there for it."""
    if whose == "trashed":
        api.delete(f"/api/threads/{talk.pk}")
    name = {"missing": str(uuid4()), "no id": "first"}.get(whose, str(talk.pk))
    return stranger if whose == "foreign" else api, f"/api/threads/{name}/messages"


@pytest.mark.parametrize("query", ["", "?limit=2", "?order=desc", "?branches=all", "?trashed=true"])
@pytest.mark.parametrize("whose", WHOSE)
def test_the_messages_of_a_thread_that_is_not_there_are_refused_alike(
    api: ApiClient, stranger: ApiClient, talk: Thread, whose: str, query: str
) -> None:
    client, address = reach(whose, api, stranger, talk)

    found = answer_of(client.get(f"{address}{query}"))

    assert found[0] == 404
    assert found == by_long_way(client, f"{address}{query}")


@pytest.mark.parametrize("query", ["limit=x", "order=up", "cursor=x"])
@pytest.mark.parametrize("whose", WHOSE[:-1])
def test_a_wrong_parameter_tells_nothing_about_the_thread(
    api: ApiClient, stranger: ApiClient, talk: Thread, whose: str, query: str
) -> None:
    """Parameters are read before rows are looked for: the answer is that for a thread of one's own."""
    own = answer_of(api.get(f"/api/threads/{talk.pk}/messages?{query}"))
    client, address = reach(whose, api, stranger, talk)

    assert own[0] == 400
    assert answer_of(client.get(f"{address}?{query}")) == own


@pytest.mark.parametrize(
    "query", ["count=true", "offset=1", "q=words", "provider=openai", "format=json", "archived=false"]
)
def test_another_parameter_takes_the_long_way(api: ApiClient, threads: list[str], query: str) -> None:
    page = alike(api, f"/api/threads?limit=2&{query}", is_plain=False)

    assert len(page["results"]) == (0 if "words" in query else 2)


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/plain, */*", "text/html"])
def test_the_short_way_follows_what_is_accepted(api: ApiClient, threads: list[str], accept: str) -> None:
    response = api.get("/api/threads", accept=accept)

    assert response.status_code == 200
    assert response["Content-Type"] == ("text/html; charset=utf-8" if accept == "text/html" else "application/json")
