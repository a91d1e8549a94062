"""`manage.py rotate_secrets`: move the secrets of integrations under the first of `SECRETS_KEYS`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from agents_app.rotation import Rotated, count_by_key, rotate_secrets
from core.secrets import known_key_ids


class Command(BaseCommand):
    help = "Encrypt the secrets of integrations with the first key. It may be interrupted and run again at any time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Count by key, change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0 if options["dry_run"] else self._rotate()
        stored: Counter[str] = Counter()
        for organization in Organization.objects.order_by("slug"):
            stored.update(count_by_key(organization_id=organization.pk))
        self._report(stored)
        if unreadable:
            raise CommandError(f"{unreadable} integrations could not be read; they are as they were.")

    def _rotate(self) -> int:
        """Rotate everything and return how many rows could not be read."""
        total = Rotated()
        for organization in Organization.objects.order_by("slug"):
            for done in rotate_secrets(organization_id=organization.pk):
                total.add(done)
                self.stderr.write(f"{total.moved.total()} integrations encrypted anew so far")
        for key, count in sorted(total.moved.items()):
            self.stdout.write(f"{count} moved from key {key}")
        return total.unreadable.total()

    def _report(self, stored: Counter[str]) -> None:
        """What lies under which key; a row under a key that is not there ends the command with an error."""
        first, *others = known_key_ids()
        self.stdout.write(f"key {first}: {stored[first]} (the first: it encrypts)")
        for key in others:
            what = "to be moved" if stored[key] else "not needed any more: SECRETS_KEYS may do without it"
            self.stdout.write(f"key {key}: {stored[key]} ({what})")
        missing = {key: count for key, count in sorted(stored.items()) if key not in (first, *others)}
        for key, count in missing.items():
            self.stdout.write(f"key {key}: {count} (MISSING: put it back into SECRETS_KEYS)")
        left = stored.total() - stored[first]
        if missing:
            raise CommandError(f"{sum(missing.values())} integrations need a key that SECRETS_KEYS does not hold.")
        self.stdout.write(f"{left} integrations are left under other keys than the first.")
