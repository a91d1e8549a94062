"""`manage.py index_messages`: make rows findable that `loaddata` or a restored copy brought in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.models import Organization
from conversations.services import index_missing

REPORT_EVERY = 10_000


class Command(BaseCommand):
    help = "Put titles and messages that the search index lacks into it. Running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        added = reported = 0
        for organization in Organization.objects.order_by("slug"):
            for count in index_missing(organization_id=organization.pk):
                added += count
                if added - reported >= REPORT_EVERY:
                    self.stderr.write(f"{added} documents indexed so far")
                    reported = added
        self.stdout.write(f"{added} documents were added to the search index.")
