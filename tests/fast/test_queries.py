"""A compiled query gives what the QuerySet gives that it was made of, for each of its forms and any values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.actors import SystemActor
from accounts.models import Domain
from conversations.api.messages import MessagePagination, ThreadMessagesViewSet, unbranched
from conversations.api.threads import ThreadPagination, ThreadViewSet
from conversations.models import Message, Thread
from core.fast import queries
from core.fast.lists import FastList, _Form
from core.fast.queries import CompiledQuery, Places
from core.fast.statements import Rows
from core.ids import uuid7
from core.query import parse_datetime
from tests.fast.conftest import Append
from tests.fast.values import HARD_MOMENTS

MOMENTS = [parse_datetime(text) for text in HARD_MOMENTS]


def rows_of(queryset: QuerySet[Any]) -> Rows:
    """The rows by the ORM."""
    return list(queryset)


@pytest.fixture
def threads(make_thread: Callable[..., Thread], house: Domain) -> list[Thread]:
    """Threads at the ends of time and in between, half of them in a domain, two at each moment."""
    made = [make_thread() for _ in range(len(MOMENTS) * 2)]
    for index, each in enumerate(made):
        own = {"updated_at": MOMENTS[index // 2], "domain": house if index % 2 else None}
        Thread.objects.filter(pk=each.pk).update(**own)
    return list(Thread.objects.in_recent_order())


def thread_list() -> FastList:
    assert ThreadViewSet.fast_list is not None
    return ThreadViewSet.fast_list


@pytest.mark.parametrize("is_narrowed", [False, True], ids=["", "narrowed"])
@pytest.mark.parametrize("descends", [False, True], ids=["up", "down"])
def test_pages_of_threads_are_those_of_the_queryset(
    actor: SystemActor, threads: list[Thread], house: Domain, descends: bool, is_narrowed: bool
) -> None:
    asker = SystemActor(actor.organization_id, domain_id=house.pk if is_narrowed else None)
    scope = [asker.organization_id, *([house.pk] if is_narrowed else [])]
    visible = Thread.objects.visible_to(asker).active()
    fast = thread_list()
    for edge in (None, *((each.updated_at, each.pk) for each in threads), (MOMENTS[0], UUID(int=0))):
        for limit in (1, 5):
            form = _Form(limit, descends, edge is not None, is_narrowed)
            expected = ThreadPagination.cut(visible, edge, descends=descends, limit=limit)

            found = fast._query.rows(form, [*scope, *(edge or ())])

            assert found == rows_of(fast.shape.select(expected))
            assert len(found) <= limit + 1


@pytest.mark.parametrize("is_narrowed", [False, True], ids=["", "narrowed"])
@pytest.mark.parametrize("descends", [False, True], ids=["up", "down"])
def test_pages_of_messages_are_those_of_the_queryset(
    actor: SystemActor, thread: Thread, append: Append, house: Domain, descends: bool, is_narrowed: bool
) -> None:
    append(thread, [{"content": str(index)} for index in range(5)])
    if is_narrowed:
        Thread.objects.filter(pk=thread.pk).update(domain=house)
    asker = SystemActor(actor.organization_id, domain_id=house.pk if is_narrowed else None)
    scope = [asker.organization_id, *([house.pk] if is_narrowed else []), thread.pk]
    fast = ThreadMessagesViewSet.fast_list
    sizes = []
    for position in (None, 0, 1, 3, 5, 40_000, 2**31 - 1):
        edge = None if position is None else [position]
        expected = MessagePagination.cut(unbranched(asker, thread.pk), edge, descends=descends, limit=2)

        found = fast._query.rows(_Form(2, descends, edge is not None, is_narrowed), [*scope, *(edge or ())])

        assert found == rows_of(fast.shape.select(expected))
        sizes.append(len(found))
    assert sizes == ([3, 0, 0, 2, 3, 3, 3] if descends else [3, 3, 3, 2, 0, 0, 0])


def by_position(_form: Hashable, places: Places) -> QuerySet[Any]:
    """A query that has one place twice, places out of their order, and a constant of its own."""
    thread, position, moment = places.of(UUID), places.of(int), places.of(datetime)
    rows = Message.objects.filter(Q(created_at=moment) | Q(position=position), thread_id=thread, role="user")
    either = rows.filter(Q(position__gte=position) | Q(thread_id=thread))
    return either.order_by("position").values_list("position", Cast("id", TextField()))


def test_a_place_may_be_used_twice_and_in_any_order(thread: Thread, append: Append) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    made = append(thread, [{}, {"created_at": moment}, {"role": "tool", "created_at": moment}, {}])
    query = CompiledQuery(by_position)

    found = query.rows(None, [thread.pk, 4, moment])

    assert [(position, UUID(pk)) for position, pk in found] == [(2, made[1].pk), (4, made[3].pk)]
    assert query.rows(None, [uuid7(), 4, moment]) == []


def test_values_that_stand_for_places_are_values_like_any_other(thread: Thread, append: Append) -> None:
    """Also where they are given in another order than that in which they stand for places."""
    ids, moments, numbers = queries._IDS, queries._MOMENTS, queries._NUMBERS
    made = append(thread, [{"id": each, "created_at": moments[0]} for each in ids[:2]])
    Message.objects.filter(pk=made[0].pk).update(position=numbers[1])

    def build(_form: Hashable, places: Places) -> QuerySet[Any]:
        first, second = places.of(UUID), places.of(UUID)
        low, high = places.of(int), places.of(int)
        rows = Message.objects.filter(id__in=[first, second], position__gte=low, position__lte=high)
        return rows.filter(created_at=places.of(datetime)).order_by("id").values_list(Cast("id", TextField()))

    query = CompiledQuery(build)

    def found(*values: Any) -> list[UUID]:
        return [UUID(pk) for (pk,) in query.rows(None, values)]

    assert found(ids[1], ids[0], 1, numbers[1], moments[0]) == [ids[0], ids[1]]
    assert found(ids[1], ids[7], 1, numbers[0], moments[0]) == [ids[1]]
    assert found(ids[0], ids[0], numbers[1], numbers[7], moments[0]) == [ids[0]]
    assert found(ids[0], ids[1], numbers[0], numbers[0], moments[0]) == []
    assert found(ids[0], ids[1], 1, numbers[1], moments[1]) == []


def test_a_null_of_a_column_is_given_as_none(thread: Thread, append: Append) -> None:
    append(thread, [{}])

    def build(_form: Hashable, places: Places) -> QuerySet[Any]:
        return Message.objects.filter(thread_id=places.of(UUID)).values_list("content", "parent_position")

    assert CompiledQuery(build).rows(None, [thread.pk]) == [(None, None)]


class Counted:
    """Builds a query and counts how often it was asked to."""

    def __init__(self) -> None:
        self.forms: list[Hashable] = []

    def __call__(self, form: Hashable, places: Places) -> QuerySet[Any]:
        self.forms.append(form)
        rows = Thread.objects.filter(organization_id=places.of(UUID))
        return rows.order_by("id").values_list("title")[: int(str(form))]


def test_each_form_is_compiled_once(actor: SystemActor, make_thread: Callable[..., Thread]) -> None:
    for title in ("a", "b", "c"):
        make_thread(title=title)
    build = Counted()
    query = CompiledQuery(build)

    found = [query.rows(form, [actor.organization_id]) for form in (1, 2, 1, 3, 2, 1)]
    empty = query.rows(3, [uuid7()])

    assert [len(rows) for rows in found] == [1, 2, 1, 3, 2, 1]
    assert empty == []
    assert build.forms == [1, 2, 3]


def test_forms_that_are_no_longer_asked_for_are_given_up(
    actor: SystemActor, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr(queries, "MAX_FORMS", 2)
    build = Counted()
    query = CompiledQuery(build)

    for form in (1, 2, 3, 3, 2, 1):
        query.rows(form, [actor.organization_id])

    assert build.forms == [1, 2, 3, 1]


def test_a_query_has_no_more_than_eight_places_of_a_type() -> None:
    places = Places()
    handed_out = [places.of(kind) for kind in (UUID, int, datetime) for _ in range(8)]

    assert len(set(handed_out)) == 24
    for kind in (UUID, int, datetime):
        with pytest.raises(IndexError):
            places.of(kind)


def test_threads_that_compile_at_once_get_the_same(actor: SystemActor, make_thread: Callable[..., Thread]) -> None:
    """The text of a form does not depend on who made it; nothing of a run is kept in the query."""
    make_thread(title="a")
    query = CompiledQuery(Counted())
    compiled: list[tuple[str, Any]] = []
    start = threading.Barrier(4)

    def compile_forms() -> None:
        start.wait()
        for form in range(1, 20):
            statement, plan = query._of_form(form, "default")
            compiled.append((statement.sql, plan))

    workers = [threading.Thread(target=compile_forms) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(compiled) == 4 * 19
    assert len({sql for sql, _plan in compiled}) == 19
    assert {plan for _sql, plan in compiled} == {((True, 0),)}
    assert query.rows(5, [actor.organization_id]) == [("a",)]
