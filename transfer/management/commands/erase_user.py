"""`manage.py erase_user USERNAME`"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from transfer.erasing import erase_user


class Command(BaseCommand):
    help = "Erase a person for good and tell table by table what went. What they made stays with its organization."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--confirm", metavar="USERNAME", help="The name once more; without it nothing is erased.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        if options["confirm"] != user.username:
            raise CommandError(f"This cannot be undone: repeat the name with --confirm {user.username}.")
        for table, count in sorted(erase_user(user).items()):
            self.stdout.write(f"{table}: {count} {'emptied' if table.count('.') > 1 else 'erased'}")
