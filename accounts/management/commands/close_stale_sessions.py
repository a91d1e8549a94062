"""`manage.py close_stale_sessions`: close the sessions of agents whose heartbeats have stopped."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import AgentSession, Organization
from accounts.services.agent_sessions import close_stale_sessions

MAX_MINUTES = 525_600
"""A year."""


class Command(BaseCommand):
    help = "Close the sessions of agents that sent no heartbeat for SESSION_IDLE_MINUTES; they end with their last one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--idle-minutes", type=int, metavar="N", help="In the place of SESSION_IDLE_MINUTES.")
        parser.add_argument("--dry-run", action="store_true", help="Count what would be closed, change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        minutes = settings.SESSION_IDLE_MINUTES if options["idle_minutes"] is None else options["idle_minutes"]
        if not 1 <= minutes <= MAX_MINUTES:
            raise CommandError(f"--idle-minutes takes a number from 1 to {MAX_MINUTES}.")
        silent_since = timezone.now() - timedelta(minutes=minutes)
        verb = "would be closed" if options["dry_run"] else "closed"
        total = 0
        for organization in Organization.objects.order_by("slug").iterator():
            actor = SystemActor(organization.pk)
            if options["dry_run"]:
                count = AgentSession.objects.visible_to(actor).silent_since(silent_since).count()
            else:
                count = close_stale_sessions(actor=actor, silent_since=silent_since)
            if count:
                self.stdout.write(f"{organization.slug}: {count} {verb}")
            total += count
        self.stdout.write(f"{total} sessions {verb}.")
