"""`manage.py purge_trash`: erase for good what has lain in the trash long enough."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization
from conversations.models import Feedback, Message, Thread
from conversations.services import purge_trash


class Command(BaseCommand):
    help = "Erase threads, messages and feedback that were deleted long ago. Each leaves a tombstone, nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", metavar="SLUG", help="Only this organization.")
        parser.add_argument(
            "--days",
            type=int,
            default=settings.TRASH_RETENTION_DAYS,
            help="Spare what was deleted within so many days (TRASH_RETENTION_DAYS unless given).",
        )
        parser.add_argument("--dry-run", action="store_true", help="Count what would be erased, change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 0:
            raise CommandError("--days takes a number from 0.")
        before = timezone.now() - timedelta(days=options["days"])
        organizations = Organization.objects.order_by("slug")
        if options["organization"]:
            organizations = organizations.filter(slug=options["organization"])
            if not organizations:
                raise CommandError(f"There is no organization {options['organization']!r}.")
        erased: Counter[str] = Counter()
        for organization in organizations:
            if options["dry_run"]:
                erased.update(_count(organization.pk, before))
            else:
                erased.update(purge_trash(organization_id=organization.pk, trashed_before=before))
        self._report(erased, "would be erased" if options["dry_run"] else "erased")

    def _report(self, erased: Counter[str], verb: str) -> None:
        for table, count in sorted(erased.items()):
            self.stdout.write(f"{table}: {count} {verb}")
        if not erased:
            self.stdout.write("The trash holds nothing that old.")


def _count(organization_id: UUID, before: datetime) -> Counter[str]:
    """What `purge_trash` would erase."""
    old = {"organization_id": organization_id, "trashed_at__lt": before}
    inside = {"organization_id": organization_id, "thread__trashed_at__lt": before}
    single = Message.objects.filter(**old, purged_at=None, thread__trashed_at=None)
    counts = {
        Thread._meta.label: Thread.objects.filter(**old).count(),
        Message._meta.label: Message.objects.filter(**inside).count() + single.count(),
        Feedback._meta.label: Feedback.objects.filter(**old).count(),
    }
    return Counter({label: count for label, count in counts.items() if count})
