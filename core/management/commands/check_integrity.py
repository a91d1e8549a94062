"""`manage.py check_integrity`: is everything in the database as it must be?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from core.integrity import Check, checks

DEFAULT_LIMIT = 100


class Command(BaseCommand):
    help = "Check what the database does not enforce itself. Tells every row at fault; exit code 1 when there are any."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS")
        parser.add_argument(
            "--limit", type=int, default=DEFAULT_LIMIT, help=f"Rows told for each check; {DEFAULT_LIMIT} unless given."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        counts = {
            name: self._run(name, check, options["database"], options["limit"]) for name, check in checks().items()
        }
        found = sum(counts.values())
        if found:
            told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
            raise CommandError(f"Problems found: {found} ({told}).")
        self.stdout.write(self.style.SUCCESS(f"Nothing is wrong: {', '.join(counts)}."))

    def _run(self, name: str, check: Check, using: str, limit: int) -> int:
        """Tell what a check finds, up to the limit, and return how much it found."""
        count = 0
        for count, finding in enumerate(check(using), start=1):
            if count <= limit:
                self.stdout.write(f"{name}: {finding.row}: {finding.message}")
        if count > limit:
            self.stdout.write(f"{name}: and {count - limit} more.")
        return count
