"""SQL past Django's cursors: its parameters, its errors, and who hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from core import telemetry
from core.fast.statements import Statement, connection_of
from tests.databases import connected, server_url
from tests.fast.values import HARD_TEXTS
from tests.fast.ways import IS_POSTGRESQL, on_postgresql

ECHO = Statement("SELECT CAST(%s AS text)")
SLUGS = Statement("SELECT slug FROM accounts_organization ORDER BY slug")
RENAME = Statement("UPDATE accounts_organization SET name = %s WHERE slug = %s RETURNING name")
DOUBLE = Statement("INSERT INTO accounts_organization SELECT * FROM accounts_organization WHERE slug = %s")

both_ways = pytest.mark.parametrize("is_watched", [False, True], ids=["to the driver", "through Django"])
"""Parameters are written by the driver on one way and by Django's cursor on the other."""


@pytest.fixture
def watched(is_watched: bool) -> Iterator[None]:
    if not is_watched:
        yield
        return
    with CaptureQueriesContext(connection):
        yield


@both_ways
@pytest.mark.parametrize("text", HARD_TEXTS, ids=lambda text: ascii(text)[:20])
def test_a_parameter_arrives_as_it_is(db: None, watched: None, text: str | None) -> None:
    assert ECHO.rows((text,)) == [(text,)]


@both_ways
@pytest.mark.parametrize(
    ("sql", "parameters", "value"),
    [
        ("SELECT 'a%%b'", (), "a%b"),
        ("SELECT '%%s'", (), "%s"),
        ("SELECT '%%' || CAST(%s AS text)", ("s",), "%s"),
        ("SELECT '%%%%' || CAST(%s AS text) || '%%'", ("x",), "%%x%"),
    ],
    ids=["one", "in front of an s", "in front of a parameter", "several"],
)
def test_a_doubled_percent_sign_is_one(
    db: None, watched: None, sql: str, parameters: tuple[str, ...], value: str
) -> None:
    assert Statement(sql).rows(parameters) == [(value,)]


@both_ways
def test_a_statement_without_rows_returns_none(organization: Organization, watched: None) -> None:
    assert Statement("DELETE FROM accounts_organization WHERE slug = %s").rows(("nobody",)) == []
    assert Statement("UPDATE accounts_organization SET name = %s WHERE slug = %s").rows(("New", "acme")) == []
    assert RENAME.rows(("Newer", "acme")) == [("Newer",)]
    organization.refresh_from_db()
    assert organization.name == "Newer"


@both_ways
def test_many_runs_the_statement_for_each_row(
    organization: Organization, other_organization: Organization, watched: None
) -> None:
    rename = Statement("UPDATE accounts_organization SET name = %s WHERE slug = %s")

    rename.many([("100%", "acme"), ("%s", "rival")])
    rename.many([])

    assert dict(Organization.objects.values_list("slug", "name")) == {"acme": "100%", "rival": "%s"}


@both_ways
def test_errors_are_those_of_django(organization: Organization, watched: None) -> None:
    unknown = OperationalError if connection.vendor == "sqlite" else ProgrammingError
    with pytest.raises(unknown), transaction.atomic():
        Statement("SELECT 1 FROM no_such_table").rows(())
    with pytest.raises(IntegrityError), transaction.atomic():
        DOUBLE.rows(("acme",))
    with pytest.raises(IntegrityError), transaction.atomic():
        DOUBLE.many([("acme",)])
    assert SLUGS.rows(()) == [("acme",)]


@on_postgresql
@both_ways
def test_a_value_that_cannot_be_read_is_an_error_of_data(db: None, watched: None) -> None:
    with pytest.raises(DataError), transaction.atomic():
        Statement("SELECT %s::uuid").rows(("no uuid",))


@both_ways
def test_a_broken_transaction_takes_no_more_statements(organization: Organization, watched: None) -> None:
    with pytest.raises(TransactionManagementError), transaction.atomic():
        transaction.set_rollback(True)
        RENAME.rows(("New", "acme"))
    with pytest.raises(TransactionManagementError), transaction.atomic():
        transaction.set_rollback(True)
        RENAME.many([("New", "acme")])

    organization.refresh_from_db()
    assert organization.name == "Acme"


def test_a_rolled_back_transaction_takes_its_statements_along(organization: Organization) -> None:
    with transaction.atomic():
        RENAME.rows(("New", "acme"))
        transaction.set_rollback(True)

    organization.refresh_from_db()
    assert organization.name == "Acme"


def test_statements_are_seen_by_who_captures_queries(organization: Organization) -> None:
    with CaptureQueriesContext(connection) as captured:
        ECHO.rows(("seen",))
        Statement("UPDATE accounts_organization SET name = %s").many([("a",), ("b",)])

    assert len(captured) == 2
    assert "seen" in captured.captured_queries[0]["sql"]


def test_statements_are_seen_by_wrappers(organization: Organization) -> None:
    seen: list[tuple[str, Any, bool]] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params, many))
        return execute(sql, params, many, context)

    rows = [("a", "acme"), ("b", "acme")]
    rename = Statement("UPDATE accounts_organization SET name = %s WHERE slug = %s")
    with connection.execute_wrapper(wrapper):
        ECHO.rows(("x",))
        rename.many(rows)
    ECHO.rows(("unseen",))

    assert seen == [(ECHO.sql, ("x",), False), (rename.sql, rows, True)]


def test_a_wrapper_may_refuse_statements(db: None) -> None:
    def refuse(*arguments: Any) -> Any:
        raise PermissionError

    with connection.execute_wrapper(refuse), pytest.raises(PermissionError):
        ECHO.rows(("x",))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that telemetry hears of, when it wants to."""
    names: list[str] = []
    monkeypatch.setattr(telemetry, "tell_slow", lambda name, _seconds: names.append(name))
    monkeypatch.setattr(telemetry, "slow_from_seconds", 0.0)
    return names


def test_statements_are_not_timed_unless_somebody_wants_it(db: None, told: list[str]) -> None:
    ECHO.rows(("x",))

    assert told == []


def test_statements_are_timed_once(db: None, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "observes_statements", True)
    with connection.execute_wrapper(telemetry.timed):
        ECHO.rows(("x",))
        assert told == [ECHO.sql]
        with CaptureQueriesContext(connection):
            ECHO.rows(("x",))
        assert told == [ECHO.sql] * 2


def test_a_statement_that_fails_is_timed_too(db: None, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "observes_statements", True)
    wrong = Statement("SELECT 1 FROM no_such_table")
    with pytest.raises((OperationalError, ProgrammingError)), transaction.atomic():
        wrong.rows(())

    assert wrong.sql in told


def test_a_statement_opens_the_connection_that_it_needs(fresh_connection: BaseDatabaseWrapper) -> None:
    assert fresh_connection.connection is None

    assert ECHO.rows(("x",), using=fresh_connection.alias) == [("x",)]


def prepared(fresh: BaseDatabaseWrapper) -> list[str]:
    with fresh.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements ORDER BY statement")
        return [row[0] for row in cursor.fetchall()]


@on_postgresql
def test_statements_are_prepared_by_the_server(django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), connected(server_url("postgres")) as fresh:
        assert prepared(fresh) == []
        for text in ("a", "b"):
            assert ECHO.rows((text,), using=fresh.alias) == [(text,)]

        assert prepared(fresh) == ["SELECT CAST($1 AS text)"]


@on_postgresql
def test_statements_are_not_prepared_where_it_is_forbidden(django_db_blocker: DjangoDbBlocker) -> None:
    variables = {"DATABASE_PREPARED_STATEMENTS": "false"}
    with django_db_blocker.unblock(), connected(server_url("postgres"), **variables) as fresh:
        for text in ("a", "b"):
            assert ECHO.rows((text,), using=fresh.alias) == [(text,)]

        assert prepared(fresh) == []


@on_postgresql
def test_a_prepared_statement_outlives_a_new_column(fresh_connection: BaseDatabaseWrapper, fresh_database: str) -> None:
    """A migration is another session's: the driver does not see it."""
    insert = Statement("INSERT INTO things (name, number) VALUES (%s, %s) RETURNING name")
    with psycopg.connect(fresh_database, autocommit=True) as migration:
        migration.execute("CREATE TABLE things (name text, number int)")
        insert.rows(("a", 1), using=fresh_connection.alias)
        migration.execute("ALTER TABLE things ADD COLUMN more int, ADD CHECK (number < 9)")

        assert insert.rows(("b", 2), using=fresh_connection.alias) == [("b",)]


@on_postgresql
@pytest.mark.parametrize("change", ["name TYPE varchar(100)", "number TYPE bigint"])
def test_a_prepared_statement_outlives_a_column_of_another_type(
    fresh_connection: BaseDatabaseWrapper, fresh_database: str, change: str
) -> None:
    """On this connection the server would refuse it for as long as the connection lives."""
    alias = fresh_connection.alias
    select = Statement("SELECT name, number FROM things WHERE name <> %s")
    with psycopg.connect(fresh_database, autocommit=True) as migration:
        migration.execute("CREATE TABLE things AS SELECT 'a'::varchar(50) AS name, 1 AS number")
        select.rows(("x",), using=alias)
        migration.execute(f"ALTER TABLE things ALTER COLUMN {change}")

        assert [select.rows(("x",), using=alias) for _ in range(2)] == [[("a", 1)]] * 2
        assert len(prepared(fresh_connection)) == 1


@on_postgresql
def test_a_transaction_in_which_a_column_has_another_type_is_the_only_one_that_fails(
    fresh_connection: BaseDatabaseWrapper, fresh_database: str
) -> None:
    alias = fresh_connection.alias
    select = Statement("SELECT name FROM things WHERE name <> %s")
    with psycopg.connect(fresh_database, autocommit=True) as migration:
        migration.execute("CREATE TABLE things AS SELECT 'a'::varchar(50) AS name")
        select.rows(("x",), using=alias)
        migration.execute("ALTER TABLE things ALTER COLUMN name TYPE varchar(100)")
        with pytest.raises(NotSupportedError), transaction.atomic(using=alias):
            select.rows(("x",), using=alias)

        with transaction.atomic(using=alias):
            assert select.rows(("x",), using=alias) == [("a",)]


def test_the_engine_is_known() -> None:
    assert connection.settings_dict["ENGINE"] == ("core.postgresql" if IS_POSTGRESQL else "core.sqlite")


def test_connection_is_the_one_that_django_has_with_and_without_an_event_loop(db: None) -> None:
    async def inside() -> bool:
        return connection_of() is connections["default"]

    assert connection_of() is connections["default"]
    assert asyncio.run(inside())
    assert connection_of() is connections["default"]
