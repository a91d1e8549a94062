"""`manage.py load_demo`: two organizations with their conversations, into a database that does not have them."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts.models import Organization

ORGANIZATIONS = ("quant", "cibc")
FIXTURE = "demo"


class Command(BaseCommand):
    help = "Load the fixture `demo` with its search index, unless one of its organizations is there already."

    def handle(self, *args: Any, **options: Any) -> None:
        """Loading the fixture again would take back what was done to its conversations since."""
        with transaction.atomic():
            if Organization.objects.filter(slug__in=ORGANIZATIONS).exists():
                self.stdout.write("The demo organizations are there already.")
                return
            call_command("loaddata", FIXTURE, stdout=self.stdout)
            call_command("index_messages", stdout=self.stdout)
