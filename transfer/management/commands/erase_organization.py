"""`manage.py erase_organization SLUG`"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organization
from transfer.erasing import count_organization, erase_organization


class Command(BaseCommand):
    help = "Erase an organization and everything that belongs to it, for good, and tell table by table what went."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--confirm", metavar="SLUG", help="The slug once more; without it nothing is erased.")
        parser.add_argument("--dry-run", action="store_true", help="Count what would be erased, change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["slug"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['slug']!r}.")
        if not options["dry_run"] and options["confirm"] != organization.slug:
            raise CommandError(f"This cannot be undone: repeat the name with --confirm {organization.slug}.")
        counts = count_organization(organization) if options["dry_run"] else erase_organization(organization)
        verb = "would be erased" if options["dry_run"] else "erased"
        for table, count in sorted(counts.items()):
            self.stdout.write(f"{table}: {count} {verb}")
