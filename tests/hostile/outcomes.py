"""What becomes of hostile inputs: one row for each input at each place, judged and comparable between databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection, transaction

from tests.api.problems import problem_of
from tests.api.stored_rows import snapshot
from tests.hostile.world import World, digest


@dataclass(frozen=True)
class Outcome:
    """What became of one input at one place. `fault` is empty where all is well."""

    place: str
    case: str
    status: int
    code: str
    stored: str
    fault: str = ""

    @property
    def key(self) -> str:
        return f"{self.place} <- {self.case}"

    @property
    def told(self) -> list[Any]:
        """What must be the same on every database."""
        return [self.status, self.code, self.stored]


@dataclass(frozen=True)
class Probe:
    """One input on its way. `send` returns the answer; `judge` tells what is stored, and what is wrong with it."""

    place: str
    case: str
    send: Callable[[], Any]
    judge: Callable[[Any], tuple[Any, str]]


def walk(world: World, probes: Iterable[Probe], *, together: int = 200) -> Iterator[Outcome]:
    """Send the probes. What is taken is undone; what is refused must have changed nothing.

    Everything stored is compared after so many probes `together`: a fault names the places of all of them.
    """
    before = snapshot()
    remaining = iter(probes)
    while batch := list(islice(remaining, together)):
        yield from (_sent(world, probe) for probe in batch)
        after = snapshot()
        if after != before:
            changed = [name for name in after if after[name] != before.get(name)]
            places = f"{batch[0].place} to {batch[-1].place}"
            yield Outcome(places, "all", 0, "", "", f"a refused request changed something: {changed}")
        before = after


def _sent(world: World, probe: Probe) -> Outcome:
    with transaction.atomic():
        mark = transaction.savepoint()
        try:
            response = probe.send()
        except Exception as error:  # noqa: BLE001  the test client raises what a server answers with 500
            transaction.savepoint_rollback(mark)
            return Outcome(probe.place, probe.case, 500, type(error).__name__, "", f"5xx: {str(error)[:200]}")
        outcome = _judged(world, probe, response)
        if response.status_code < 400 or connection.needs_rollback:
            connection.needs_rollback = False
            transaction.savepoint_rollback(mark)
        return outcome


def _judged(world: World, probe: Probe, response: Any) -> Outcome:
    status = response.status_code
    if status >= 500:
        return Outcome(probe.place, probe.case, status, "", "", "5xx")
    try:
        stored, fault = probe.judge(response)
    except AssertionError as error:
        stored, fault = None, f"not as it must be: {str(error)[:300]}"
    code = ""
    if status >= 400 and response["Content-Type"] == "application/problem+json":
        problem = problem_of(response)
        code, stored = problem["code"], world.canonical(json.dumps(problem, sort_keys=True).encode())
    return Outcome(probe.place, probe.case, status, code, digest(stored), fault)
