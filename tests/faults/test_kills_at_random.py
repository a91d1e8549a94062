"""Faults 1, 2 and 9 together, at random moments with a fixed seed, under sixteen clients.

The whole server is killed, single workers are killed, clients leave, and every client repeats what was not answered.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from http.client import HTTPException

import pytest

from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.leaving import Leaver
from tests.faults.recording import Load
from tests.faults.stage import Stage

CLIENTS = 16
STEPS = 10
SEED = 4


@pytest.mark.faults
def test_messages_survive_all_of_it(stage: Stage, report: Report) -> None:
    chance = random.Random(SEED)
    threads = [stage.create_thread() for _ in range(3)]
    happened: list[str] = []
    with Load(stage, clients=CLIENTS, threads=threads, timeout=10) as load:
        for _ in range(STEPS):
            time.sleep(chance.uniform(0.2, 1.2))
            what = chance.choice([kill_server, kill_worker, kill_worker, leave])
            what(stage, threads, chance)
            happened.append(what.__name__)
            revive(stage)
        fault_ended = time.monotonic()
        time.sleep(1.5)
        revive(stage)
    counts = ", ".join(f"{happened.count(name)} × {name.replace('_', ' ')}" for name in sorted(set(happened)))
    restarts, stage.restarts = stage.restarts, 0
    verdict = judge(
        stage,
        load.record,
        fault="1 kills and repeats at random",
        fault_ended=fault_ended,
        notes=f"{counts}, {restarts} starts",
    )
    report(verdict)


def kill_server(stage: Stage, threads: list[str], chance: random.Random) -> None:
    stage.kill()


def kill_worker(stage: Stage, threads: list[str], chance: random.Random) -> None:
    if workers := stage.server.workers():
        stage.kill_worker(chance.randrange(len(workers)))


def leave(stage: Stage, threads: list[str], chance: random.Random) -> None:
    leaver = Leaver(stage)
    path = f"/api/threads/{chance.choice(threads)}/messages"
    body = {"role": "user", "content": "half of it"}
    acts: list[Callable[[], object]] = [
        lambda: leaver.in_body(path, body, missing=chance.randint(1, 30), resets=True),
        lambda: leaver.in_answer(path, resets=True),
    ]
    for act in acts:
        try:
            act()
        except (OSError, HTTPException):
            continue


def revive(stage: Stage) -> None:
    """Start the server where it is gone: killed, or given up by itself after too many of its workers died."""
    if not stage.server.is_running():
        stage.kill()
        stage.start()
