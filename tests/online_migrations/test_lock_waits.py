"""Locks on PostgreSQL: a migration gives up soon, says who is in its way, and tries again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, OperationalError, connection, models
from django.db.models import Q

from core.integrity import checks
from core.online_migrations import AddConstraintOnline, AddFieldOnline, AddIndexOnline
from core.online_migrations.indexes import invalid_indexes
from core.online_migrations.lock_waits import Patience, lock_timeout, pause_after
from tests.databases import connected
from tests.online_migrations.steps import Release
from tests.processes import finished, start_manage

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one lock, behind its gate")

INDEX = models.Index(fields=["organization", "role"], name="message_by_role")


@contextmanager
def in_use(url: str, table: str = "conversations_message") -> Iterator[psycopg.Connection[Any]]:
    """A transaction that reads a table and does not end."""
    with psycopg.connect(url) as holder:
        holder.execute(f"SELECT 1 FROM {table} LIMIT 1")
        yield holder
        if not holder.closed:
            holder.rollback()


def test_column_waits_for_the_table_and_tells_who_uses_it(release: Release, database: str) -> None:
    told: list[str] = []
    with in_use(database) as holder:

        def tell(text: str) -> None:
            told.append(text)
            if len(told) == 2:
                holder.rollback()

        operation = AddFieldOnline("message", "mood", models.TextField(null=True))
        Patience(timeout_ms=20, total_seconds=60, tell=tell).run(release.connection, lambda: release.migrate(operation))
        process = holder.info.backend_pid
    assert [re.sub(r"\d+(\.\d+)? s", "… s", text) for text in told] == [
        f"waiting for a lock on conversations_message, which process {process} of the database uses "
        f"(idle in transaction for … s); try {number} in … s"
        for number in (2, 3)
    ]
    assert list(release.rows("message").values_list("mood", flat=True)) == [None] * 3


def test_migration_gives_up_after_its_total_and_leaves_nothing(release: Release, database: str) -> None:
    operation = AddFieldOnline("message", "mood", models.TextField(null=True))
    patience = Patience(timeout_ms=20, total_seconds=0.1)
    with in_use(database), pytest.raises(CommandError) as refusal:
        patience.run(release.connection, lambda: release.migrate(operation))
    assert re.match(r"Gave up after 0\.1 seconds and 1 tries to lock conversations_message, which", str(refusal.value))
    release.migrate(operation)


def test_other_errors_are_not_tried_again(release: Release) -> None:
    def work() -> None:
        with release.connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(OperationalError):
        Patience(total_seconds=60).run(release.connection, work)
    release.connection.close()


def test_timeout_holds_inside_alone(release: Release) -> None:
    def current() -> str:
        with release.connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            found: str = cursor.fetchone()[0]
            return found

    before = current()
    with lock_timeout(release.connection, 1234):
        inside = current()
    assert (before, inside, current()) == ("0", "1234ms", "0")


def test_index_waits_for_old_transactions_without_being_built_anew(release: Release, database: str) -> None:
    """It stands in nobody's way, so the short limit is not for it."""
    with in_use(database) as holder:
        ending = threading.Timer(0.5, holder.rollback)
        ending.start()
        Patience(timeout_ms=20, total_seconds=0).run(
            release.connection, lambda: release.migrate(AddIndexOnline("message", INDEX))
        )
        ending.join()
    assert invalid_indexes(release.connection) == []


def test_invalid_index_is_found_and_built_anew(release: Release) -> None:
    with release.connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY message_by_role ON conversations_message (role)")
    found = list(checks()["indexes"](release.connection.alias))
    before = invalid_indexes(release.connection)
    release.migrate(AddIndexOnline("message", INDEX))
    assert [(each.row, before) for each in found] == [("message_by_role", ["message_by_role"])]
    assert invalid_indexes(release.connection) == []
    assert list(checks()["indexes"](release.connection.alias)) == []


def test_migrate_warns_of_an_invalid_index(release: Release, capsys: pytest.CaptureFixture[str]) -> None:
    with release.connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY by_hand ON conversations_message (role)")
    call_command("migrate", database=release.connection.alias, verbosity=0)
    warning = "The index by_hand is invalid: nothing uses it. Drop it, or run REINDEX INDEX by_hand.\n"
    assert capsys.readouterr().err == warning


def test_check_that_was_added_and_not_proved_is_proved(release: Release) -> None:
    with release.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE conversations_message ADD CONSTRAINT given CHECK (role <> '') NOT VALID")
    check = models.CheckConstraint(condition=~Q(role=""), name="given")
    release.migrate(AddConstraintOnline("message", check))
    with release.connection.cursor() as cursor:
        cursor.execute("SELECT convalidated FROM pg_constraint WHERE conname = 'given'")
        assert cursor.fetchone() == (True,)


@pytest.mark.slow
def test_migrate_waits_for_a_table_and_goes_on(database: str) -> None:
    """The command itself, over a table that somebody reads until it has said so."""
    with connected(database) as found:
        call_command("migrate", "conversations", "0002", database=found.alias, verbosity=0)
    with in_use(database, "conversations_thread"):
        process = start_manage("migrate", "--lock-timeout", "50", env={"DATABASE_URL": database})
        assert process.stdout is not None
        before = _until(process.stdout, "waiting")
    after = process.stdout.read()
    assert finished(process).returncode == 0
    assert "Applying conversations.0003_thread_domain...waiting for a lock on conversations_thread, which" in before
    assert "Applying conversations.0003_thread_domain... OK" in after


def _until(output: IO[str], text: str) -> str:
    """What a process writes up to the line that holds a text, or all of it."""
    lines: list[str] = []
    while text not in "".join(lines) and (line := output.readline()):
        lines.append(line)
    return "".join(lines)


def test_pauses_grow_to_a_limit() -> None:
    assert [0.5 <= pause_after(1) <= 1.0, 5.0 <= pause_after(50) <= 10.0] == [True, True]
