"""`manage.py create_api_key --organization SLUG --name NAME`."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Organization, User
from accounts.permissions import ORGANIZATION_PERMISSIONS
from accounts.services import create_api_key
from core.errors import DomainError
from core.networks import parse_network


class Command(BaseCommand):
    help = "Create an API key and print it, alone, on standard output. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="What the key is for.")
        parser.add_argument("--user", metavar="USERNAME", help="Make it a personal key of this member.")
        parser.add_argument(
            "--permissions", metavar="CODES", help="Narrow it to these codes, comma-separated; all unless given."
        )
        parser.add_argument("--read-only", action="store_true", help="Narrow it to reading.")
        parser.add_argument(
            "--networks",
            default="",
            metavar="NETWORKS",
            help="Where it works, for instance 192.0.2.0/24,2001:db8::/32.",
        )
        parser.add_argument("--expires-in-days", type=int, metavar="DAYS", help="Never, unless given.")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            raise CommandError(f"There is no organization {options['organization']!r}.")
        if not options["name"].strip() or len(options["name"]) > 255:
            raise CommandError("A name has 1 to 255 characters.")
        try:
            key, text = create_api_key(
                organization=organization,
                name=options["name"],
                user=_user(options["user"]),
                permissions=_permissions(options["permissions"]),
                is_read_only=options["read_only"],
                allowed_networks=_networks(options["networks"]),
                expires_at=_expiry(options["expires_in_days"]),
            )
        except DomainError as error:
            raise CommandError(" ".join(each for found in error.errors.values() for each in found)) from None
        self.stdout.write(text)
        self.stderr.write(f"Key {key.name} of {organization.slug} is made; it cannot be shown again.")


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _user(name: str | None) -> User | None:
    if name is None:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user


def _permissions(text: str | None) -> list[str] | None:
    if text is None:
        return None
    codes = _words(text)
    if unknown := sorted({*codes} - ORGANIZATION_PERMISSIONS):
        raise CommandError(f"No key can hold {', '.join(unknown)}.")
    return codes


def _networks(text: str) -> list[str]:
    try:
        return [str(parse_network(word)) for word in _words(text)]
    except ValueError as error:
        raise CommandError(str(error)) from None


def _expiry(days: int | None) -> datetime | None:
    if days is not None and not 1 <= days <= 36_500:
        raise CommandError("--expires-in-days takes a number from 1 to 36500.")
    return None if days is None else timezone.now() + timedelta(days=days)
