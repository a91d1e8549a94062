"""Fault 3: kill -9 of PostgreSQL and its restart under load.

The server that Parley runs on stays up: it answers 503 with `Retry-After` as long as there is no database, within the
time that a request may wait for a connection, and works again by itself. A short form is in `test_database_faults`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from tests.faults.clusters import Cluster, new_clusters
from tests.faults.conftest import MakeStage, Report
from tests.faults.judging import judge
from tests.faults.recording import Load
from tests.faults.stage import Stage

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="kills a PostgreSQL")

FAULT = "3 kill -9 of PostgreSQL"
ROUNDS = 4
SEED = 3
LONG_OUTAGE_SECONDS = 20
LONGEST_ANSWER_SECONDS = 12
"""The wait for a connection is 5 s by default; an answer may need two, and the machine is shared."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with new_clusters(1) as (made,):
        made.initialize().start()
        yield made


def outage_problems(stage: Stage) -> tuple[str, ...]:
    """What is wrong with the answers while there is no database."""
    found: list[str] = []
    for path, kind in (("/api/threads", "application/problem+json"), ("/admin/", "text/html; charset=utf-8")):
        started = time.monotonic()
        cookie = {"cookie": f"sessionid={'a' * 32}"} if path == "/admin/" else {}
        status, headers, body = stage.send("GET", path, **cookie)
        seconds = time.monotonic() - started
        if (status, headers.get("content-type"), headers.get("retry-after")) != (503, kind, "1"):
            found.append(f"{path} answered {status} {headers} {body[:300]!r}")
        if seconds > LONGEST_ANSWER_SECONDS:
            found.append(f"{path} took {seconds:.1f} s")
    return tuple(found)


@pytest.mark.faults
def test_messages_survive_kills_of_the_database(cluster: Cluster, make_stage: MakeStage, report: Report) -> None:
    stage, chance = make_stage(url=cluster.url), random.Random(SEED)
    with Load(stage, clients=8) as load:
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(1.0, 2.5))
            cluster.kill()
            time.sleep(chance.uniform(0.0, 2.0))
            cluster.start()
        time.sleep(2)
        cluster.kill()
        problems = outage_problems(stage)
        time.sleep(LONG_OUTAGE_SECONDS)
        cluster.start()
        fault_ended = time.monotonic()
        time.sleep(6)
    notes = f"{ROUNDS} kills, then {LONG_OUTAGE_SECONDS} s away"
    report(judge(stage, load.record, fault=FAULT, fault_ended=fault_ended, notes=notes, problems=problems))
