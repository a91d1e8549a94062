"""The same calls reported by many processes at once count once."""

from __future__ import annotations

import json

import pytest
from pytest_django import DjangoDbBlocker

from tests.concurrency.stage import Database
from tests.processes import finished, start

PROCESSES = 8
CALLS = 60

pytestmark = pytest.mark.slow


def test_calls_that_eight_processes_report_count_once(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        database = Database(fresh_database)
        database.migrate()
        run = finished(
            start("-m", "tests.ledger.reporters", str(PROCESSES), str(CALLS), env={**database.env, "DEBUG": "0"})
        )

    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    stored = dict(result["stored"])
    assert len(result["stored"]) == len(stored) == CALLS
    assert result["told"] == [stored] * PROCESSES
