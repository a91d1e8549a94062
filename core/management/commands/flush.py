"""`flush` that reaches what guards or hangs on the models' tables without being a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

GUARD_PREFIX = "append_only_"
"""How the triggers are named that keep rows from being deleted. Emptying every table is the one time they step back."""

Quote = Callable[[str], str]
Statements = tuple[list[str], list[str]]


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["interactive"] and not self._is_confirmed(connection):
            self.stdout.write("Nothing was deleted.")
            return
        # The search index refers to threads; PostgreSQL truncates a table only together with those that refer to it.
        silent = {"allow_cascade": True, "interactive": False, "inhibit_post_migrate": True}
        with guards_down(connection):
            super().handle(**{**options, **silent})
        if not options.get("inhibit_post_migrate", False):
            emit_post_migrate_signal(options["verbosity"], options["interactive"], connection.alias)

    def _is_confirmed(self, connection: BaseDatabaseWrapper) -> bool:
        """Asked before the transaction begins: nobody waits for a lock while the operator thinks."""
        name = connection.settings_dict["NAME"]
        answer = input(f"Every row in the database {name}, the audit trail too, will be deleted. Type yes to go on: ")
        return answer == "yes"


@contextmanager
def guards_down(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Run the block in a transaction without the triggers that guard rows; they are back when it commits."""
    statements_for = _for_postgresql if connection.vendor == "postgresql" else _for_sqlite
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        down, up = statements_for(cursor, connection.ops.quote_name)
        for statement in down:
            cursor.execute(statement)
        yield
        for statement in up:
            cursor.execute(statement)


def _for_sqlite(cursor: Any, quote: Quote) -> Statements:
    """SQLite cannot silence a trigger: each is dropped and made again from its own text."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    guards = [(name, sql) for name, sql in cursor.fetchall() if name.startswith(GUARD_PREFIX)]
    return [f"DROP TRIGGER {quote(name)}" for name, _ in guards], [sql for _, sql in guards]


def _for_postgresql(cursor: Any, quote: Quote) -> Statements:
    cursor.execute(
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE pg_table_is_visible(c.oid) AND t.tgenabled <> 'D' AND starts_with(t.tgname, %s)",
        [GUARD_PREFIX],
    )
    guards = [(quote(table), quote(name)) for table, name in cursor.fetchall()]
    down = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in guards]
    return down, [f"ALTER TABLE {table} ENABLE TRIGGER {name}" for table, name in guards]
