"""Units of work are repeated when the database undid them, and never when they may have been done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import Error, IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from core import retries
from core.retries import carry_out, unit_of_work

on_postgresql = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] == "core.sqlite", reason="SQLite lets one writer in at a time"
)

CUT_OFF_AT_COMMIT = """
CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER cut_off AFTER INSERT ON done DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION cut_off();
"""


@pytest.fixture
def work(fresh_connection: BaseDatabaseWrapper) -> Iterator[Work]:
    with fresh_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE done (attempt integer)")
    yield Work(fresh_connection)


class Work:
    """A unit of work that writes down its attempts, on a connection of its own, and meets trouble in the first ones."""

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self.database = database
        self.attempts = 0

    def unit(self, trouble: Callable[[], None], *, times: int) -> Callable[[], int]:
        def work() -> int:
            self.attempts += 1
            self.execute("INSERT INTO done VALUES (%s)", self.attempts)
            if self.attempts <= times:
                trouble()
            return self.attempts

        return work

    def carry_out(self, trouble: Callable[[], None], *, times: int) -> int:
        return carry_out(self.unit(trouble, times=times), using=self.database.alias)

    def execute(self, sql: str, *parameters: int) -> None:
        with self.database.cursor() as cursor:
            cursor.execute(sql, parameters or None)

    def fail(self, state: str) -> None:
        """Let the database report an error by its SQLSTATE."""
        self.execute(f"DO $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '{state}'; END $$")

    def cut_off(self) -> None:
        """Let the server end the connection that the unit works on."""
        self.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def elsewhere(self, sql: str) -> None:
        """Carry out a statement on another connection, which commits."""
        found: dict[str, Any] = self.database.settings_dict
        with psycopg.connect(
            host=found["HOST"], port=found["PORT"] or None, user=found["USER"], dbname=found["NAME"]
        ) as other:
            other.execute(sql)

    def done(self) -> list[int]:
        with self.database.cursor() as cursor:
            cursor.execute("SELECT attempt FROM done ORDER BY attempt")
            return [row[0] for row in cursor.fetchall()]


def test_unit_without_trouble_is_carried_out_once(work: Work) -> None:
    assert work.carry_out(lambda: None, times=0) == 1
    assert work.done() == [1]


def test_refused_unit_is_not_repeated(work: Work) -> None:
    work.execute("CREATE UNIQUE INDEX done_once ON done (attempt)")

    with pytest.raises(IntegrityError):
        work.carry_out(lambda: work.execute("INSERT INTO done VALUES (%s)", work.attempts), times=9)

    assert (work.attempts, work.done()) == (1, [])


@on_postgresql
@pytest.mark.parametrize("state", sorted(retries.UNDONE))
def test_undone_unit_is_repeated_until_it_is_done(work: Work, state: str) -> None:
    assert work.carry_out(lambda: work.fail(state), times=3) == 4
    assert work.done() == [4]


@on_postgresql
def test_unit_that_is_always_undone_is_given_up(work: Work) -> None:
    with pytest.raises(Error):
        work.carry_out(lambda: work.fail(retries.DEADLOCK), times=99)

    assert (work.attempts, work.done()) == (retries.ATTEMPTS, [])


@on_postgresql
def test_rivals_under_serializable_isolation_are_both_done(work: Work) -> None:
    work.execute("INSERT INTO done VALUES (100)")

    def unit() -> None:
        work.attempts += 1
        work.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        work.execute("SELECT * FROM done")
        if work.attempts == 1:
            work.elsewhere("UPDATE done SET attempt = attempt + 10")
        work.execute("UPDATE done SET attempt = attempt + 1")

    carry_out(unit, using=work.database.alias)

    assert (work.attempts, work.done()) == (2, [111])


@on_postgresql
def test_unit_cut_off_before_its_commit_is_repeated(work: Work) -> None:
    assert work.carry_out(work.cut_off, times=2) == 3
    assert work.done() == [3]


@on_postgresql
def test_unit_cut_off_in_its_commit_is_not_repeated(work: Work) -> None:
    work.execute(CUT_OFF_AT_COMMIT)

    with pytest.raises(Error):
        work.carry_out(lambda: None, times=0)

    assert work.attempts == 1


@on_postgresql
def test_unit_inside_a_transaction_is_left_to_whoever_began_it(work: Work) -> None:
    def outer() -> int:
        return work.carry_out(lambda: work.fail(retries.DEADLOCK), times=2)

    assert carry_out(outer, using=work.database.alias) == 3
    assert work.done() == [3]


@pytest.mark.django_db
def test_decorated_function_is_atomic_and_keeps_its_name() -> None:
    @unit_of_work
    def add(one: int, *, other: int) -> int:
        assert connection.in_atomic_block
        return one + other

    with transaction.atomic():
        depth = len(connection.savepoint_ids)
        assert add(1, other=2) == 3
        assert len(connection.savepoint_ids) == depth
    assert add.__name__ == "add"
