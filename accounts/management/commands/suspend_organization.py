"""`manage.py suspend_organization SLUG [--resume]`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.organizations import resume_organization, suspend_organization
from core.errors import NotFound


class Command(BaseCommand):
    help = "Let nobody of an organization in, people and keys, until it is resumed. Nothing is erased."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--resume", action="store_true", help="Let them in again.")

    def handle(self, *args: Any, **options: Any) -> None:
        slug: str = options["slug"]
        organization = Organization.objects.filter(slug=slug).first()
        if organization is None:
            raise CommandError(f"There is no organization {slug!r}.")
        change = resume_organization if options["resume"] else suspend_organization
        actor = SystemActor(organization.pk)
        try:
            change(actor=actor, organization_id=organization.pk)
        except NotFound:
            state = "not suspended" if options["resume"] else "suspended already"
            raise CommandError(f"Organization {slug} is {state}.") from None
        verb = "Resumed" if options["resume"] else "Suspended"
        self.stdout.write(self.style.SUCCESS(f"{verb} organization {slug}."))
