"""`manage.py purge_idempotency_records`: forget answers older than the retention time."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.models import IdempotencyRecord, Organization
from accounts.services import purge_idempotency_records


class Command(BaseCommand):
    help = "Delete the kept answers of repeated requests that are older than IDEMPOTENCY_RETENTION_DAYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Count what would be deleted, change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        before = timezone.now() - timedelta(days=settings.IDEMPOTENCY_RETENTION_DAYS)
        deleted = 0
        for organization_id in Organization.objects.values_list("id", flat=True):
            if options["dry_run"]:
                records = IdempotencyRecord.objects.filter(organization_id=organization_id)
                deleted += records.made_before(before).count()
            else:
                deleted += purge_idempotency_records(organization_id=organization_id, made_before=before)
        verb = "would be deleted" if options["dry_run"] else "deleted"
        self.stdout.write(f"{deleted} records {verb}.")
