"""What of a request reads from a replica."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, router, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from accounts.models import ApiKey, Membership, User
from agents_app.models import Agent
from conversations.models import Message, Thread
from core.replicas import reading_alias, replication_lag, scope_aliases
from core.replicas.middleware import ReplicaMiddleware
from core.replicas.positions import Position
from core.replicas.routing import ReplicaRouter, reading, scope_opened
from ledger.models import AuditEntry

REPLICA = "replica1"


@pytest.fixture(autouse=True)
def _replica(settings: Settings) -> None:
    settings.REPLICAS = (REPLICA,)
    settings.DATABASE_ROUTERS = ["core.replicas.routing.ReplicaRouter"]


def to_replica() -> str:
    return REPLICA


def test_without_a_reading_everything_is_the_primarys() -> None:
    assert (reading_alias(), scope_aliases()) == ("default", ("default",))
    assert router.db_for_read(Thread) == "default"
    assert router.db_for_write(Thread) == "default"


def test_rows_of_tenants_are_read_from_the_replica_and_the_rest_from_the_primary() -> None:
    with reading(to_replica):
        found = {model: router.db_for_read(model) for model in (Thread, Message, Agent, AuditEntry)}
        others = {model: router.db_for_read(model) for model in (ApiKey, Membership, User)}
    assert set(found.values()) == {REPLICA}
    assert set(others.values()) == {"default"}
    assert reading_alias() == "default"


def test_database_is_chosen_once_and_not_before_the_first_question() -> None:
    asked: list[str] = []

    def choose() -> str:
        asked.append("asked")
        return REPLICA

    with reading(choose) as current:
        assert (asked, current.replica) == ([], None)
        assert [reading_alias(), reading_alias()] == [REPLICA, REPLICA]
    assert (asked, current.replica) == (["asked"], REPLICA)


def test_reads_after_a_write_are_the_primarys() -> None:
    with reading(to_replica):
        assert router.db_for_read(Thread) == REPLICA
        assert router.db_for_write(Thread) == "default"
        assert (router.db_for_read(Thread), scope_aliases()) == ("default", ("default",))


def test_reads_inside_a_transaction_are_the_primarys(db: None) -> None:
    """The transaction of the test itself is taken for that of a scope, which writes nothing."""
    with reading(to_replica) as current:
        assert reading_alias() == "default"
        with current.inside_scope():
            assert reading_alias() == REPLICA
            with transaction.atomic():
                assert (reading_alias(), router.db_for_read(Thread)) == ("default", "default")
            assert reading_alias() == REPLICA


def test_scope_is_opened_on_both_servers() -> None:
    with reading(to_replica):
        assert scope_aliases() == ("default", REPLICA)
        with scope_opened():
            assert reading_alias() == REPLICA


def test_row_of_a_database_that_a_command_named_stays_there() -> None:
    row = Thread()
    row._state.db = "fresh"
    with reading(to_replica):
        assert ReplicaRouter().db_for_read(Thread, instance=row) is None
        assert ReplicaRouter().db_for_write(Thread, instance=row) is None
        assert ReplicaRouter().allow_relation(row, Thread()) is None
        assert reading_alias() == REPLICA


def test_row_that_a_replica_showed_is_changed_on_the_primary() -> None:
    row, agent = Thread(), Agent()
    row._state.db = REPLICA
    assert router.db_for_write(Thread, instance=row) == "default"
    assert router.allow_relation(row, agent) is True


def test_nothing_is_migrated_on_a_replica() -> None:
    assert (router.allow_migrate(REPLICA, "conversations"), router.allow_migrate("default", "conversations")) == (
        False,
        True,
    )


def answering(*statuses: int) -> tuple[Callable[[HttpRequest], HttpResponse], list[str]]:
    """A view that reads and answers with one status after the other, and the databases that it read from."""
    aliases: list[str] = []

    def answer(request: HttpRequest) -> HttpResponse:
        aliases.append(reading_alias())
        return HttpResponse(status=statuses[len(aliases) - 1])

    return answer, aliases


def through(get_response: Callable[[HttpRequest], HttpResponse], request: HttpRequest) -> HttpResponse:
    wanted: list[Position | None] = []

    def choose(position: Position | None) -> str:
        wanted.append(position)
        return REPLICA

    response = ReplicaMiddleware(get_response, choose)(request)
    response.wanted = wanted  # type: ignore[attr-defined]
    return response


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_request_reads_from_the_replica(method: str) -> None:
    view, aliases = answering(200)
    response = through(view, RequestFactory().generic(method, "/api/threads"))
    assert (response.status_code, aliases) == (200, [REPLICA])
    assert "Parley-Written-At" not in response


def test_request_that_fails_on_a_replica_is_made_again_on_the_primary() -> None:
    view, aliases = answering(503, 200)
    response = through(view, RequestFactory().get("/api/threads"))
    assert (response.status_code, aliases) == (200, [REPLICA, "default"])


def test_request_that_fails_on_the_primary_is_not_made_again() -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=503)

    assert through(answer, RequestFactory().get("/api/threads")).status_code == 503


def test_caller_says_how_far_it_wants_to_see() -> None:
    view, _aliases = answering(200)
    response = through(view, RequestFactory().get("/api/threads", headers={"Parley-Read-After": "2-1/A0"}))
    assert response.wanted == [Position(2, 0x1_0000_00A0)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("reads", "wanted"), [("any", [Position(1, 16)]), ("current", [None])])
def test_cookie_is_enough_only_where_reads_may_be_old(
    settings: Settings, reads: str, wanted: list[Position | None]
) -> None:
    settings.REPLICA_READS = reads
    request = RequestFactory().get("/admin/")
    request.COOKIES["parley_written_at"] = "1-0/10"
    assert through(answering(200)[0], request).wanted == wanted  # type: ignore[attr-defined]


def test_position_that_cannot_be_read_is_refused() -> None:
    view, aliases = answering(200)
    response = through(view, RequestFactory().get("/api/threads", headers={"Parley-Read-After": "soon"}))
    assert (response.status_code, response["Content-Type"], aliases) == (400, "application/problem+json", [])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no log to name a place of")
@pytest.mark.parametrize(("status", "is_told"), [(201, True), (302, True), (409, False)])
def test_write_tells_its_place(db: None, status: int, is_told: bool) -> None:
    view, aliases = answering(status)
    request = RequestFactory().post("/api/threads")
    request.COOKIES["sessionid"] = "x"
    response = through(view, request)
    assert aliases == ["default"]
    assert ("Parley-Written-At" in response, "parley_written_at" in response.cookies) == (is_told, is_told)


def test_without_replicas_there_is_no_lag(settings: Settings) -> None:
    settings.REPLICAS = ()
    assert replication_lag() == []
