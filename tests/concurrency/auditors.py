"""Processes that change one organization under audit; prints how long the longest change took, as JSON.

DATABASE_URL=… python -m tests.concurrency.auditors PROCESSES CHANGES
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import django

from tests.concurrency.forking import in_processes

if TYPE_CHECKING:
    from accounts.actors import SystemActor


def change_much(actor: SystemActor, number: int, changes: int) -> float:
    """Create an agent and change it, one change after the other; return the longest in seconds."""
    from agents_app.services import create_agent, update_agent

    agent = create_agent(actor=actor, fields={"name": f"agent {number}"})
    longest = 0.0
    for turn in range(changes - 1):
        started = time.monotonic()
        update_agent(actor=actor, agent_id=agent.pk, changes={"description": f"{number}-{turn}"})
        longest = max(longest, time.monotonic() - started)
    return longest


def main(processes: int, changes: int) -> None:
    from accounts.actors import SystemActor
    from accounts.models import Organization

    # Made without the service, so that the processes race for the beginning of the chain too.
    actor = SystemActor(Organization.objects.create(slug="acme", name="Acme").pk)
    longest = in_processes(processes, lambda number: change_much(actor, number, changes))
    print(json.dumps({"longest": max(longest)}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
