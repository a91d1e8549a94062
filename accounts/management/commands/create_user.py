"""`manage.py create_user USERNAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.memberships import add_membership
from accounts.services.users import create_user, make_password
from core.errors import DomainError
from ledger.models import PLATFORM


class Command(BaseCommand):
    help = "Create a person and print their password, alone, on standard output. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--email", default="", help="They may log in with it as well.")
        parser.add_argument("--organization", metavar="SLUG", help="They join it.")
        parser.add_argument("--role", metavar="SLUG", help="Their role there; member unless given.")
        parser.add_argument("--staff", action="store_true", help="Let them into the admin, as far as their role goes.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["role"] and not options["organization"]:
            raise CommandError("--role needs an --organization.")
        password = make_password()
        try:
            self._create(password, options)
        except DomainError as error:
            reasons = [reason for each in error.errors.values() for reason in each]
            raise CommandError(" ".join(reasons) or error.detail) from None
        self.stdout.write(password)
        self.stderr.write(f"User {options['username']} is made; the password cannot be shown again.")

    @transaction.atomic
    def _create(self, password: str, options: dict[str, Any]) -> None:
        slug: str | None = options["organization"]
        actor = SystemActor(PLATFORM if slug is None else _organization_id(slug))
        user = create_user(
            actor=actor,
            username=options["username"],
            password=password,
            email=options["email"],
            is_staff=options["staff"],
        )
        if slug is not None:
            add_membership(actor=actor, user=user, role=options["role"] or "member")


def _organization_id(slug: str) -> UUID:
    found: UUID | None = Organization.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no organization {slug!r}.")
    return found
