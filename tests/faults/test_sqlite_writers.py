"""Fault 4: sixteen processes write to one thread at once.

On SQLite they queue at the gate (`core.sqlite.gate`): nobody is told that the database is locked, and nobody waits for
two seconds. PostgreSQL queues them at the row of the thread; there the same load only has to be right.
The fast form runs in every suite already: `tests/concurrency/test_appending.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.concurrency.stage import assert_all_there
from tests.faults.conftest import MakeStage, Report
from tests.faults.verdict import Verdict
from tests.processes import finished, start

PROCESSES = 16
APPENDS = 100
WORST_WAIT_SECONDS = 2.0


@pytest.mark.faults
def test_sixteen_writers_wait_their_turn(make_stage: MakeStage, report: Report) -> None:
    stage = make_stage(serve=False)
    database = stage.database
    environment = {**database.env, "DEBUG": "0"}
    run = finished(start("-m", "tests.concurrency.appenders", str(PROCESSES), str(APPENDS), "writers", env=environment))

    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    acknowledged = {content: place for each in told["results"] for content, place in each["positions"].items()}
    assert_all_there(database, told["thread"], acknowledged)
    longest = max(each["longest"] for each in told["results"])
    rate = PROCESSES * APPENDS / told["seconds"]
    problems = [f"a writer waited {longest:.1f} s"] if longest >= WORST_WAIT_SECONDS else []
    locked = run.stderr.count("database is locked")
    report(
        Verdict(
            fault="4 sixteen writer processes on one thread",
            database=stage.vendor,
            acknowledged=len(acknowledged),
            worst_wait_ms=round(longest * 1000),
            notes=f"{locked} × database is locked, {rate:.0f} appends/s",
            problems=tuple(problems),
        )
    )
