"""Fault 1: kill -9 of the web processes under load.

All of them at random moments, and started again by whoever supervises; and single workers, which the server itself
replaces. Clients repeat what was not answered, with the same `Idempotency-Key`. Nothing acknowledged is absent, and
nothing is stored twice.
"""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.recording import Load
from tests.faults.stage import Stage
from tests.processes import START_TIMEOUT_SECONDS

ROUNDS = 4
WORKERS = 2
WORKER_KILLS = 4
"""Three seconds apart, the oldest worker each time: granian gives up when one dies twice within 5.5 s."""
SEED = 20


@pytest.mark.faults
def test_messages_survive_kills_of_the_server(stage: Stage, report: Report) -> None:
    chance = random.Random(SEED)
    with Load(stage, clients=16) as load:
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.5, 2.5))
            stage.kill()
            stage.start()
        fault_ended = time.monotonic()
        time.sleep(1)
    report(judge(stage, load.record, fault="1 kill -9 of the server", fault_ended=fault_ended, restarts=ROUNDS))


@pytest.mark.slow
def test_messages_survive_a_kill_of_the_server(shared_stage: Stage, report: Report) -> None:
    with Load(shared_stage, clients=4) as load:
        time.sleep(0.5)
        shared_stage.kill()
        shared_stage.start()
    report(judge(shared_stage, load.record, fault="1 kill -9 of the server", restarts=1))


@pytest.mark.faults
def test_a_killed_worker_is_replaced(stage: Stage, report: Report) -> None:
    chance = random.Random(SEED)
    supervisor = stage.server.pid
    with Load(stage, clients=8) as load:
        killed = []
        for _ in range(WORKER_KILLS):
            time.sleep(chance.uniform(3, 4))
            killed.append(stage.kill_worker())
        fault_ended = time.monotonic()
        await_workers(stage, killed)
        time.sleep(1)
    problems = () if stage.server.pid == supervisor else ("the server was replaced",)
    verdict = judge(
        stage,
        load.record,
        fault="1 kill -9 of single workers",
        fault_ended=fault_ended,
        notes=f"{len(killed)} workers killed and replaced by the server",
        problems=problems,
    )
    report(verdict)


def await_workers(stage: Stage, killed: list[int]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while len(alive := set(stage.server.workers()) - set(killed)) < WORKERS:
        assert time.monotonic() < deadline, (alive, stage.server.log())
        time.sleep(0.1)
