"""`manage.py create_api_key --organization SLUG --name NAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization
from accounts.services import create_api_key


class Command(BaseCommand):
    help = "Create an API key and print it, alone, on standard output. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS", help="Never, unless given.")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']!r}.")
        if not options["name"].strip() or len(options["name"]) > 255:
            raise CommandError("A name has 1 to 255 characters.")
        days: int | None = options["expires_in_days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--expires-in-days takes a number from 1 to 36500.")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        key, text = create_api_key(organization=organization, name=options["name"], expires_at=expires_at)
        self.stdout.write(text)
        self.stderr.write(f"Key {key.name} of {organization.slug} is made; it cannot be shown again.")
