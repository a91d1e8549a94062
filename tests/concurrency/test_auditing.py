"""Many writers, one chain: entries 1 … n, each sealed with the one before."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from pytest_django import DjangoDbBlocker

from ledger.models import AuditEntry
from tests.concurrency.stage import Database
from tests.databases import connected
from tests.processes import finished, manage, start

PROCESSES = 8
CHANGES = 25

pytestmark = pytest.mark.slow


def test_eight_processes_write_one_chain(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        database = Database(fresh_database)
        database.migrate()
        run = finished(
            start("-m", "tests.concurrency.auditors", str(PROCESSES), str(CHANGES), env={**database.env, "DEBUG": "0"})
        )
        assert run.returncode == 0, run.stderr
        with connected(database.url) as connection:
            entries = AuditEntry.objects.using(connection.alias).order_by("sequence").values_list("sequence", "action")
            sequences, actions = zip(*entries, strict=True)
        verified = manage("verify_audit", env=database.env)
    assert list(sequences) == list(range(1, PROCESSES * CHANGES + 1))
    assert Counter(actions) == {"agent.created": PROCESSES, "agent.updated": PROCESSES * (CHANGES - 1)}
    assert (verified.returncode, verified.stdout) == (0, "The audit trail is as it was written.\n")
    print(f"\n{PROCESSES} processes: the longest audited change took {json.loads(run.stdout)['longest']:.2f} s")
