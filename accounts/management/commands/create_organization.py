"""`manage.py create_organization SLUG`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.organizations import found_organization
from core.errors import DomainError
from ledger.models import PLATFORM


class Command(BaseCommand):
    help = "Create an organization."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="Short name: letters, digits, hyphens, underscores; at most 63.")
        parser.add_argument("--name", default="", help="Full name; the slug unless given.")
        parser.add_argument("--exist-ok", action="store_true", help="Succeed when the organization is there already.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug: str = options["slug"]
        if options["exist_ok"] and Organization.objects.filter(slug=slug).exists():
            self.stdout.write(f"Organization {slug} is there already.")
            return
        try:
            found_organization(actor=SystemActor(PLATFORM), fields={"slug": slug, "name": options["name"] or slug})
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(self.style.SUCCESS(f"Created organization {slug}."))
