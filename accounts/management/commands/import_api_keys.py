"""`manage.py import_api_keys FILE --organization SLUG`: keys of another system, as bcrypt hashes."""

from __future__ import annotations

import csv
import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.key_imports import ForeignKey, UnusableKey, import_key
from core.query import parse_datetime

FIELDS = frozenset({"name", "prefix", "hash", "created_at", "expires_at", "revoked"})
MAX_SHOWN_NAME = 30
WORDS = {"": False, "0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}


class Command(BaseCommand):
    help = "Import API keys of another system from JSON Lines or CSV; importing a file again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            help="*.jsonl or *.csv: name, prefix, hash, and where known created_at, expires_at, revoked.",
        )
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--dry-run", action="store_true", help="Judge every line and store nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']!r}.")
        done: Counter[str] = Counter()
        with transaction.atomic():
            for number, line in _lines(options["file"]):
                outcome = _take(SystemActor(organization.pk), line)
                done["refused" if outcome.startswith("refused") else outcome] += 1
                self.stdout.write(f"line {number}: {outcome}")
            transaction.set_rollback(options["dry_run"])
        total = f"{done['imported']} imported, {done['there already']} there already, {done['refused']} refused."
        self.stdout.write(f"{'Dry run: ' if options['dry_run'] else ''}{total}")
        if done["refused"]:
            raise CommandError("Some lines were refused; correct them and import the file again.")


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield line numbers and what the lines hold: an object, or an exception where a line cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                rows = csv.DictReader(file)
                yield from ((rows.line_num, row) for row in rows)
            else:
                yield from ((number, _parsed(line)) for number, line in enumerate(file, 1) if line.strip())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _take(actor: SystemActor, line: Any) -> str:
    try:
        return "there already" if import_key(actor=actor, foreign=_foreign_key(line)) is None else "imported"
    except UnusableKey as error:
        return f"refused: {error}"


def _foreign_key(line: Any) -> ForeignKey:
    if not isinstance(line, dict):
        raise UnusableKey("The line is not a JSON object.")
    if unknown := [str(name) for name in line if name not in FIELDS]:
        # Where the first line of a file is no header, a hash stands in the place of a name.
        named = sorted(name for name in unknown if name.isidentifier() and len(name) <= MAX_SHOWN_NAME)
        raise UnusableKey(f"{len(unknown)} fields are not known here: {', '.join(named) or 'is there a header?'}")
    texts = {name: line.get(name) for name in ("name", "prefix", "hash")}
    if missing := [name for name, text in texts.items() if not isinstance(text, str) or not text]:
        raise UnusableKey(f"Missing, or not a text: {', '.join(missing)}.")
    return ForeignKey(
        name=str(texts["name"]),
        prefix=str(texts["prefix"]),
        hash=str(texts["hash"]),
        created_at=_moment(line, "created_at"),
        expires_at=_moment(line, "expires_at"),
        is_revoked=_flag(line.get("revoked")),
    )


def _moment(line: dict[str, Any], name: str) -> datetime | None:
    text = line.get(name)
    if text is None or text == "":
        return None
    try:
        return parse_datetime(text)
    except (TypeError, ValueError):
        raise UnusableKey(f"{name} is not a date and time with an offset, such as 2026-01-02T03:04:05Z.") from None


def _flag(value: Any) -> bool:
    found = value if isinstance(value, bool) else WORDS.get(str(value or "").lower())
    if found is None:
        raise UnusableKey("revoked is neither true nor false.")
    return found
