"""Fault 11: a migration of each kind while clients write and read.

The server is the release before: it knows none of the new columns. Each kind is carried out as `migrate` would, and
whoever was kept waiting meanwhile is asked for how long: less than a second more than while nothing is migrated, with
nothing lost and nothing refused.
What SQLite can do only by making a large table anew is measured apart, and told in docs/upgrades.md.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from tests.databases import connected
from tests.faults.conftest import Report
from tests.faults.growing import grow
from tests.faults.judging import judge
from tests.faults.later_release import Step, carry_out, online_steps, remaking_steps, usual_steps
from tests.faults.stage import Stage
from tests.faults.watching import watched
from tests.online_migrations.steps import Release

FAULT = "11 migrations under load"
MESSAGES = 100_000
LONGEST_STALL_SECONDS = 1.0
LONGEST_REMAKE_SECONDS = 20.0
LONGEST_STALL_IN_A_BUSY_SUITE_SECONDS = 5.0
HELD_SECONDS = 5.0

IS_POSTGRESQL = connection.vendor == "postgresql"


@pytest.mark.faults
def test_each_kind_stalls_nobody(stage: Stage, report: Report) -> None:
    steps = [*online_steps(), *usual_steps(), *(remaking_steps() if IS_POSTGRESQL else [])]
    migrate_under_load(stage, report, steps, fault=FAULT, longest=LONGEST_STALL_SECONDS)


@pytest.mark.faults
@pytest.mark.skipif(IS_POSTGRESQL, reason="PostgreSQL makes no table anew; these are among all kinds there")
def test_writers_wait_while_tables_are_made_anew(stage: Stage, report: Report) -> None:
    """For as long as it takes, and all of them are served afterwards; readers go on."""
    steps = [*(step for step in online_steps() if step.name != "Backfill"), *remaking_steps()]
    migrate_under_load(stage, report, steps, fault="11 tables made anew", longest=LONGEST_REMAKE_SECONDS)


@pytest.mark.faults
def test_migration_stalls_nobody_behind_a_long_transaction(stage: Stage, report: Report) -> None:
    """Somebody reads the table and does not end: nobody queues behind the migration, which then gets its turn."""
    told: list[str] = []
    thread = stage.create_thread()
    with connected(stage.database.url, alias="later") as later, watched(stage, thread, clients=4) as watch:
        calm = watch.calm()
        release = Release(later)
        with held(stage):
            step = online_steps()[0]
            took = watch.during("behind a reader", partial(carry_out, release, step, tell=told.append))
        time.sleep(1)
    problems = watch.problems([took], calm=calm, longest=LONGEST_STALL_SECONDS)
    if IS_POSTGRESQL and (told == [] or took.seconds < HELD_SECONDS - 1):
        problems.append(f"the migration did not have to wait: {told}")
    notes = f"{took}, table held for {HELD_SECONDS:.0f} s, got out of the way {len(told)} times; {calm}"
    fault = "11 migration behind a long transaction"
    report(judge(stage, watch.record, fault=fault, notes=notes, problems=tuple(problems)))


@pytest.mark.slow
def test_columns_and_indexes_come_and_go_under_load(shared_stage: Stage, report: Report) -> None:
    """Some of the kinds, on few messages; they are taken back, for others use the stage."""
    steps = [step for step in online_steps() if step.name.startswith(("AddField", "Backfill", "AddIndex"))]
    thread = shared_stage.create_thread()
    with connected(shared_stage.database.url, alias="later") as later:
        release = Release(later)
        states = []
        with watched(shared_stage, thread, clients=4) as watch:
            took, calm = [], watch.calm()
            for step in steps:
                states.append(release.state)
                took.append(watch.during(step.name, partial(carry_out, release, step)))
            for step, state in zip(reversed(steps), reversed(states), strict=True):
                took.append(watch.during(f"{step.name}, back", partial(release.go_back, step.operation, state)))
    problems = watch.problems(took, calm=calm, longest=LONGEST_STALL_IN_A_BUSY_SUITE_SECONDS)
    report(judge(shared_stage, watch.record, fault=FAULT, notes="; ".join(map(str, took)), problems=tuple(problems)))


def migrate_under_load(stage: Stage, report: Report, steps: Sequence[Step], *, fault: str, longest: float) -> None:
    """Carry the steps out one after the other beside a server with many messages, and judge."""
    thread = stage.create_thread()
    message = {"role": "user", "content": "Nothing is lost. " * 30}
    stage.send("POST", f"/api/threads/{thread}/messages", message, idempotency_key="first")
    grow(stage.database, thread, MESSAGES)
    with connected(stage.database.url, alias="later") as later, watched(stage, thread, clients=4) as watch:
        calm = watch.calm()
        release = Release(later)
        took = [watch.during(step.name, partial(carry_out, release, step)) for step in steps]
        time.sleep(1)
    problems = watch.problems(took, calm=calm, longest=longest)
    print("\n" + "\n".join(map(str, [calm, *took])))
    worst = max(took, key=lambda each: max(each.writer, each.reader))
    notes = f"{len(took)} kinds beside {MESSAGES} messages, the worst: {worst}; {calm}"
    report(judge(stage, watch.record, fault=fault, notes=notes, problems=tuple(problems)))


@contextmanager
def held(stage: Stage) -> Iterator[None]:
    """A transaction that reads the messages, and ends only after some seconds."""
    has_read = threading.Event()

    def hold() -> None:
        with closing(driver_connection(stage.database.url)) as holder:
            holder.execute("BEGIN")
            holder.execute("SELECT count(*) FROM conversations_message").fetchone()
            has_read.set()
            time.sleep(HELD_SECONDS)

    worker = threading.Thread(target=hold)
    worker.start()
    has_read.wait()
    try:
        yield
    finally:
        worker.join()


def driver_connection(url: str) -> Any:
    """A connection without a transaction: SQLite's from the product would take the gate, which is for writers."""
    if IS_POSTGRESQL:
        return psycopg.connect(url, autocommit=True)
    return sqlite3.connect(urlsplit(url).path, isolation_level=None)
