"""Processes that report the same calls at the same time; prints the ids each was told, as JSON.

DATABASE_URL=… python -m tests.ledger.reporters PROCESSES CALLS
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import TYPE_CHECKING

import django

from tests.concurrency.forking import in_processes

if TYPE_CHECKING:
    from accounts.actors import SystemActor

BATCH = 7


def report_all(actor: SystemActor, number: int, calls: int) -> dict[str, str]:
    """Report the calls in an order of one's own, a batch at a time; return the ids of the records by external id."""
    from ledger.services import UsageReport, record_usage_batch

    order = random.Random(number).sample(range(calls), calls)
    told: dict[str, str] = {}
    for start in range(0, calls, BATCH):
        reports = [
            UsageReport(
                provider="p", model="m", input_tokens=call, output_tokens=0, cost_units=1, external_id=f"{call}"
            )
            for call in order[start : start + BATCH]
        ]
        told |= {str(row.external_id): str(row.pk) for row in record_usage_batch(actor=actor, reports=reports)}
    return told


def main(processes: int, calls: int) -> None:
    from accounts.actors import SystemActor
    from accounts.services import create_organization
    from ledger.models import UsageRecord

    actor = SystemActor(create_organization(slug="acme").pk)
    told = in_processes(processes, lambda number: report_all(actor, number, calls))
    stored = UsageRecord.objects.visible_to(actor).values_list("external_id", "pk")
    print(json.dumps({"told": told, "stored": [[external_id, str(pk)] for external_id, pk in stored]}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
