"""Many writers, one thread: positions 1 … n, none lost, none doubled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.concurrency.stage import Database, assert_all_there
from tests.processes import finished, start

PROCESSES = 16
APPENDS = 25

pytestmark = pytest.mark.slow


def test_sixteen_processes_append_to_one_thread(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        database = Database(fresh_database)
        database.migrate()
        run = finished(
            start("-m", "tests.concurrency.appenders", str(PROCESSES), str(APPENDS), env={**database.env, "DEBUG": "0"})
        )
        assert run.returncode == 0, run.stderr
        told: dict[str, Any] = json.loads(run.stdout)
        acknowledged = {content: place for each in told["results"] for content, place in each["positions"].items()}
        assert len(acknowledged) == PROCESSES * (APPENDS + APPENDS // 5 * 2)
        assert_all_there(database, told["thread"], acknowledged)
    longest = max(each["longest"] for each in told["results"])
    rate = PROCESSES * APPENDS / told["seconds"]
    print(f"\n{PROCESSES} processes: {rate:.0f} appends a second, the longest took {longest:.2f} s")
    assert longest < 30
