"""`manage.py sync_roles`: the permissions and the built-in roles, as the code has them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from accounts.roles import sync_roles


class Command(BaseCommand):
    help = "Bring permissions and built-in roles in step with the catalogue; `migrate` does it too."

    def handle(self, *args: Any, **options: Any) -> None:
        written = sync_roles()
        self.stdout.write(f"{written.permissions} permissions and {written.roles} roles written.")
