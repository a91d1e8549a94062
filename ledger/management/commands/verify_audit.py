"""`manage.py verify_audit`: is the audit trail as it was written?"""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from ledger.models import PLATFORM, AuditChain
from ledger.services.chains import FIRST_HASH
from ledger.services.completeness import all_chains, verify_completeness
from ledger.services.verifying import Finding, verify_chain, verify_expected

PROGRESS_SECONDS = 2.0
PLATFORM_NAME = "(platform)"

_EXPECTED = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


class Command(BaseCommand):
    help = (
        "Check the audit trail: every entry against its hash, its place and the entry before it. "
        "Tells each finding with organization, entry and kind; exit code 1 when there are any."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--organization", metavar="SLUG", help=f"Only the chain of this organization; {PLATFORM_NAME} for the rest."
        )
        parser.add_argument(
            "--head", action="store_true", help="Print SLUG SEQUENCE:HASH of every chain, to be kept elsewhere."
        )
        parser.add_argument(
            "--expect",
            metavar="SEQUENCE:HASH",
            help="Compare the chain of --organization with what --head printed earlier.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.shown = time.monotonic()
        only = None if options["organization"] is None else _organization_id(options["organization"])
        if options["head"]:
            self._print_heads(only)
            return
        count = 0
        for finding in self._findings(only, options["expect"]):
            name = name_of(finding.organization_id)
            self.stdout.write(f"{name} {finding.sequence} {finding.kind}: {finding.message}")
            count += 1
        if count:
            raise CommandError(f"The audit trail is not as it was written: findings {count}.")
        self.stdout.write(self.style.SUCCESS("The audit trail is as it was written."))

    def _findings(self, only: UUID | None, expected: str | None) -> Iterator[Finding]:
        if expected is not None:
            if only is None:
                raise CommandError("--expect is about one chain: name it with --organization.")
            yield from _compare(only, expected)
        chains = all_chains() if only is None else iter([only])
        yield from chain.from_iterable(map(self._verify, chains))
        yield from verify_completeness(only)

    def _verify(self, organization_id: UUID) -> Iterator[Finding]:
        def progress(done: int, total: int) -> None:
            now = time.monotonic()
            if now - self.shown >= PROGRESS_SECONDS:
                self.shown = now
                self.stderr.write(f"{name_of(organization_id)}: {done} of {total or 'unknown'} entries")

        return verify_chain(organization_id, progress=progress)

    def _print_heads(self, only: UUID | None) -> None:
        chains = AuditChain.objects.order_by("organization_id")
        if only is not None:
            chains = chains.filter(organization_id=only)
        for head in chains.iterator():
            self.stdout.write(f"{name_of(head.organization_id)} {head.last_sequence}:{head.last_hash}")
        if only is not None and not chains.exists():
            self.stdout.write(f"{name_of(only)} 0:{FIRST_HASH}")


def _compare(organization_id: UUID, expected: str) -> Iterator[Finding]:
    match = _EXPECTED.fullmatch(expected)
    if match is None:
        raise CommandError("--expect takes SEQUENCE:HASH as --head prints it.")
    return verify_expected(organization_id, sequence=int(match[1]), digest=match[2])


def _organization_id(name: str) -> UUID:
    """The id of an organization by its slug, or by its id: one that is erased has no slug any more."""
    if name == PLATFORM_NAME:
        return PLATFORM
    found: UUID | None = _organizations().filter(slug=name).values_list("pk", flat=True).first()
    if found is not None:
        return found
    try:
        return UUID(name)
    except ValueError:
        raise CommandError(f"There is no organization {name!r}.") from None


def name_of(organization_id: UUID) -> str:
    """The slug of an organization, its id where it is gone."""
    if organization_id == PLATFORM:
        return PLATFORM_NAME
    slug: str | None = _organizations().filter(pk=organization_id).values_list("slug", flat=True).first()
    return slug or str(organization_id)


def _organizations() -> Any:
    return apps.get_model("accounts", "Organization")._default_manager.all()
