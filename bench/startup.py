"""How long Parley takes to start: `manage.py check`, the server, and `make run` in a copy of the sources."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import processes
from bench.plan import Place, Plan, tell
from bench.report import table, verdict
from bench.seeds import ROOT, Seed
from bench.targets import PRODUCTION, NotStarted, answers
from bench.timings import timed
from tests.installation import Installation

HEAD = "| database | act | unit | best | median | goal | verdict |"
FIRST_PAGE = "/admin/login/"
START_SECONDS = 90
GOALS = {"manage.py check": 1.0, "make run to the first page": 60.0}
"""Processor seconds of the one, seconds on the clock of the other."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start; `unit` says whether the seconds are those of the clock or of the processor."""

    database: str
    act: str
    unit: str
    seconds: float

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def starts(plan: Plan, place: Place) -> Iterator[Start]:
    seed = Seed("parley", 0)
    place.store.prepare(seed)
    url = place.store.fresh_copy(seed).url
    for number in range(1, plan.rounds + 1):
        tell(f"{place.database}, starts, round {number}")
        checked = timed([sys.executable, "manage.py", "check"], env={**PRODUCTION, "DATABASE_URL": url})
        yield Start(place.database, "manage.py check", "processor s", checked.cpu_seconds)
        yield Start(place.database, "server to the first page", "s", _serve(plan, url))
        if place.database == "sqlite":
            yield Start(place.database, "make run to the first page", "s", _make_run())


def _serve(plan: Plan, url: str) -> float:
    port = processes.free_port()
    env = {**PRODUCTION, "DEBUG": "true", "DATABASE_URL": url, "PORT": str(port)}
    command = [sys.executable, "manage.py", "serve"]
    started = time.monotonic()
    process = processes.start(command, cwd=ROOT, env=env, log=plan.data / "servers.log", chosen=processes.cores())
    try:
        return _until_first_page(port, started)
    finally:
        processes.stop(process)


def _make_run() -> float:
    """What a newcomer waits for once the packages are there: migrations, demo data, the first access, the server."""
    with tempfile.TemporaryDirectory(prefix="parley") as folder:
        installation = Installation(Path(folder), {"DEBUG": "true", "SECRET_KEY": "", "DATABASE_URL": ""})
        started = time.monotonic()
        with installation.serve(installation.make("run")):
            return _until_first_page(installation.port, started)


def _until_first_page(port: int, started: float) -> float:
    while not answers(port, FIRST_PAGE):
        if time.monotonic() > started + START_SECONDS:
            raise NotStarted(f"There was no page after {START_SECONDS} seconds.")
        time.sleep(0.02)
    return time.monotonic() - started


def tables(found: Sequence[Start]) -> str:
    kinds = dict.fromkeys(map(_kind, found))
    rows = [_row(kind, [start.seconds for start in found if _kind(start) == kind]) for kind in kinds]
    return f"## Starts\n\n{table(HEAD, rows)}\n"


def _kind(start: Start) -> tuple[str, str, str]:
    return start.database, start.act, start.unit


def _row(kind: tuple[str, str, str], seconds: Sequence[float]) -> list[str]:
    goal = GOALS.get(kind[1])
    judged = ["", ""] if goal is None else [f"< {goal:g}", verdict(min(seconds) < goal)]
    return [*kind, f"{min(seconds):.2f}", f"{statistics.median(seconds):.2f}", *judged]
