"""`manage.py import_conversations FILE…`"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from transfer.formats.registry import FORMATS, detect_format, read_records
from transfer.importing import ConversationImporter, Outcome, Verdict
from transfer.records import UnreadableFile

PROGRESS_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Import conversations that were exported elsewhere. Running it again changes nothing. "
        "Exit code 1 when anything was refused or a file held nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = "; ".join(f"{entry.name}: {entry.description}" for entry in FORMATS.values())
        parser.add_argument("files", nargs="+", metavar="FILE", type=Path)
        parser.add_argument("--format", choices=["auto", *FORMATS], default="auto", help=f"{known}.")
        parser.add_argument("--organization", metavar="SLUG", help="Needed when there are several.")
        parser.add_argument("--dry-run", action="store_true", help="Tell what would happen, change nothing.")
        parser.add_argument(
            "--invalid-text",
            choices=["refuse", "replace"],
            default="refuse",
            help="What to do with NUL and lone surrogates: refuse the conversation, or put U+FFFD.",
        )
        parser.add_argument("--report", type=Path, metavar="PATH", help="Write every outcome to this file as JSONL.")

    def handle(self, *args: Any, **options: Any) -> None:
        importer = ConversationImporter(
            _organization(options["organization"]).pk,
            dry_run=options["dry_run"],
            replaces_invalid_text=options["invalid_text"] == "replace",
        )
        self.verbosity: int = options["verbosity"]
        self.mark = " (dry run, nothing was written)" if options["dry_run"] else ""
        with _open_report(options["report"]) as report:
            failed = [path for path in options["files"] if not self._import_file(path, importer, options, report)]
        if failed:
            raise CommandError(f"Not everything was imported: see {', '.join(path.name for path in failed)} above.")

    def _import_file(
        self, path: Path, importer: ConversationImporter, options: dict[str, Any], report: IO[str] | None
    ) -> bool:
        """Import one file; returns whether it held something and all of it is in the store now."""
        counts: Counter[Verdict] = Counter()
        messages = 0
        trouble = ""
        try:
            for outcome in self._outcomes(path, importer, options["format"]):
                counts[outcome.verdict] += 1
                messages += outcome.messages
                self._tell(path, outcome, report)
        except (UnreadableFile, OSError) as error:
            trouble = f" Reading stopped: {error}"
        finally:
            importer.record_file(path.name, verdicts=counts, messages=messages)
        summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
        self.stdout.write(f"{path.name}: {summary}; {messages} messages written{self.mark}.{trouble}")
        return bool(counts) and not counts[Verdict.REFUSED] and not trouble

    def _outcomes(self, path: Path, importer: ConversationImporter, name: str) -> Iterator[Outcome]:
        source = detect_format(path) if name == "auto" else FORMATS[name]
        started = shown = time.monotonic()
        for done, outcome in enumerate(importer.run(read_records(path, source)), start=1):
            yield outcome
            now = time.monotonic()
            if now - shown >= PROGRESS_SECONDS:
                shown = now
                self.stderr.write(f"{path.name}: {done} conversations, {done / (now - started):.0f} a second")

    def _tell(self, path: Path, outcome: Outcome, report: IO[str] | None) -> None:
        if report is not None:
            report.write(json.dumps({"file": path.name, **asdict(outcome)}, ensure_ascii=False) + "\n")
        if outcome.verdict is Verdict.REFUSED:
            self.stderr.write(self.style.ERROR(f"{path.name}: refused {outcome.label}: {outcome.reason}"))
        elif self.verbosity > 0:
            self.stdout.write(f"{path.name}: {outcome.verdict} {outcome.label} ({outcome.messages} messages)")


def _organization(slug: str | None) -> Organization:
    organizations = Organization.objects.order_by("slug")
    found = list(organizations.filter(slug=slug) if slug else organizations[:2])
    if len(found) == 1:
        return found[0]
    if slug:
        raise CommandError(f"There is no organization {slug!r}.")
    hint = "name one with --organization." if found else "create one with manage.py create_organization."
    raise CommandError(f"There are {'several' if found else 'no'} organizations: {hint}")


def _open_report(path: Path | None) -> Any:
    """The report file, or a stand-in that is None inside `with`."""
    return nullcontext() if path is None else path.open("w", encoding="utf-8")
