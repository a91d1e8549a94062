"""`row_security`: put the policies of the second wall into the database, take them out, or tell what is missing."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from core import row_policies
from core.management.commands.migrate import migration_lock


class Command(BaseCommand):
    """Runs what there is to run under the lock of migrations; `migrate` does the same as `--enable` at its end."""

    help = "Keep the policies of row-level security in a PostgreSQL database."

    def add_arguments(self, parser: CommandParser) -> None:
        act = parser.add_mutually_exclusive_group(required=True)
        act.add_argument("--enable", action="store_true", help="Add the role, privileges and policies it lacks.")
        act.add_argument("--disable", action="store_true", help="Take policies and privileges away; the role stays.")
        act.add_argument("--check", action="store_true", help="Fail when something is missing.")
        parser.add_argument("--dry-run", action="store_true", help="Only print the statements.")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=tuple(connections))

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise CommandError("Row-level security needs PostgreSQL.")
        if options["check"]:
            self._check(row_policies.faults(connection))
            return
        with migration_lock(connection):
            groups = (row_policies.removing if options["disable"] else row_policies.lacking)(connection)
            for statements in groups:
                self.stdout.write("\n".join(f"{statement};" for statement in statements))
                if not options["dry_run"]:
                    row_policies.carry_out(connection, statements)
        if not groups:
            self.stdout.write("There is nothing to do.")

    def _check(self, faults: list[str]) -> None:
        if faults:
            raise CommandError("\n".join(faults))
        self.stdout.write("Every table has its policies.")
