"""Processes that add people to one organization; prints what stands there afterwards as JSON.

DATABASE_URL=… python -m tests.concurrency.joiners PROCESSES PEOPLE
"""

from __future__ import annotations

import json
import os
import sys

import django

from tests.concurrency.forking import in_processes


def main(processes: int, people: int) -> None:
    from accounts.actors import SystemActor
    from accounts.models import Membership, Organization
    from accounts.services.memberships import add_membership
    from accounts.services.users import create_user
    from ledger.models import AuditEntry

    organization = Organization.objects.create(slug="acme", name="Acme")
    actor = SystemActor(organization.pk)

    def add(number: int) -> int:
        for each in range(people):
            user = create_user(actor=actor, username=f"person-{number}-{each}", password="x" * 20)
            add_membership(actor=actor, user=user, role="member")
        return people

    in_processes(processes, add)
    entries = AuditEntry.objects.filter(organization_id=organization.pk).order_by("sequence")
    sequences = list(entries.values_list("sequence", flat=True))
    members = Membership.objects.filter(organization=organization).count()
    print(json.dumps({"members": members, "entries": len(sequences), "sequences": sequences}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
