"""`manage.py revoke_api_key PREFIX`."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiKey
from accounts.services import revoke_api_key

WRITTEN_BY_PARLEY = re.compile(r"parley_([a-z2-7]{12})(_.*)?", re.DOTALL)


class Command(BaseCommand):
    help = "Refuse an API key from now on and for good."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prefix", help="The visible beginning of the key, with or without parley_.")
        parser.add_argument("--organization", metavar="SLUG", help="Needed where imported keys share a prefix.")

    def handle(self, *args: Any, **options: Any) -> None:
        match = WRITTEN_BY_PARLEY.fullmatch(options["prefix"])
        keys = ApiKey.objects.filter(prefix=match[1] if match else options["prefix"].rstrip("…"))
        if options["organization"]:
            keys = keys.filter(organization__slug=options["organization"])
        found = list(keys.select_related("organization")[:2])
        if len(found) != 1:
            raise CommandError("Several keys have this prefix." if found else "There is no key with this prefix.")
        [key] = found
        if key.revoked_at is not None:
            self.stdout.write(f"Key {key.name} of {key.organization.slug} was revoked before.")
            return
        revoke_api_key(key=key)
        self.stdout.write(f"Key {key.name} of {key.organization.slug} is revoked.")
