"""Fault 5: the disk of the database is full, and space returns. See `tests/api/test_full_disk.py` for its fast form.

Every refusal is a 507 with `Retry-After`, reads go on, and the same server appends again as soon as there is room. The
server's log lies on the full disk as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.recording import Load
from tests.faults.small_disks import SmallDisk, database_on, small_disk
from tests.faults.stage import Stage

FAULT = "5 disk full"
LONGEST_WAIT_SECONDS = 60


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with small_disk() as mounted:
        yield mounted


@pytest.fixture
def cramped(disk: SmallDisk, tmp_path: Path) -> Iterator[Stage]:
    """A stage on the small disk, on SQLite with its log beside the database."""
    folder = disk.path if connection.vendor == "sqlite" else tmp_path
    with database_on(disk) as url, Stage(url, folder) as stage:
        yield stage


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def state_of(stage: Stage) -> tuple[list[int], str]:
    """The statuses of reads while nothing can be written, and what `/readyz` says of the disk."""
    reads = ["/api/threads?limit=20", "/api/me", "/api/usage", "/healthz"]
    statuses = [stage.send("GET", path)[0] for path in reads]
    return statuses, str(json.loads(stage.send("GET", "/readyz")[2])["checks"]["disk"])


def survive_a_full_disk(stage: Stage, disk: SmallDisk, *, rounds: int, clients: int) -> tuple[Load, float, list[str]]:
    """Fill the disk and clear it, round by round, under load; return the load, the last end and what was wrong."""
    problems: list[str] = []
    with Load(stage, clients=clients) as load:
        for _ in range(rounds):
            time.sleep(1)
            before = load.record.statuses()[507]
            disk.fill()
            wait_until(lambda: load.record.statuses()[507] > before, "no write was refused")  # noqa: B023
            time.sleep(1)
            reads, told = state_of(stage)
            if reads != [200] * len(reads) or told == "ok":
                problems.append(f"while the disk was full reads answered {reads} and /readyz said {told!r}")
            disk.clear()
            cleared = time.monotonic()
            wait_until(lambda: load.record.recovery_after(cleared) is not None, "no write succeeded again")  # noqa: B023
    return load, cleared, problems


@pytest.mark.faults
def test_messages_survive_a_full_disk(cramped: Stage, disk: SmallDisk, report: Report) -> None:
    load, cleared, problems = survive_a_full_disk(cramped, disk, rounds=4, clients=8)
    refused = load.record.statuses()[507]
    report(
        judge(
            cramped,
            load.record,
            fault=FAULT,
            fault_ended=cleared,
            notes=f"filled 4 times, {refused} refusals with 507",
            problems=tuple(problems),
        )
    )
