"""Clients that write and read while something happens, and how long it kept them waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from tests.faults.reading import Reader
from tests.faults.recording import Load, Record
from tests.faults.stage import Stage

CALM_SECONDS = 3.0
SETTLING_SECONDS = 0.3


class Took(NamedTuple):
    """What happened: how long it took, and the longest that a writer and a reader waited meanwhile, in seconds."""

    name: str
    seconds: float
    writer: float
    reader: float

    def __str__(self) -> str:
        waits = f"writers {self.writer * 1000:.0f} ms, readers {self.reader * 1000:.0f} ms"
        return f"{self.name} {self.seconds:.2f} s ({waits})"


class Watch:
    def __init__(self, load: Load, reader: Reader) -> None:
        self._load = load
        self._reader = reader

    @property
    def record(self) -> Record:
        return self._load.record

    def during(self, name: str, work: Callable[[], object]) -> Took:
        """Do the work, and tell of the requests that were under way while it was done."""
        started = time.monotonic()
        work()
        ended = time.monotonic()
        # A request that waited for the work is answered a little later.
        time.sleep(SETTLING_SECONDS)
        writes = [(each.answer.at, each.seconds) for each in self.record.acknowledgements]
        reads = [(each.at, each.seconds) for each in self._reader.reads]
        longest = [_longest(waits, started, ended) for waits in (writes, reads)]
        return Took(name, ended - started, *longest)

    def calm(self) -> Took:
        """How long clients wait while nothing happens: what the machine has to do besides is no stall."""
        return self.during("nothing", lambda: time.sleep(CALM_SECONDS))

    def problems(self, took: Sequence[Took], *, calm: Took, longest: float) -> list[str]:
        """Whoever waited for that much longer than in calm, and every answer but 201 and 200."""
        slow = [
            str(each) for each in took if each.writer - calm.writer >= longest or each.reader - calm.reader >= longest
        ]
        refused = [f"{answer.status} for {sent.kind}: {answer.text[:200]}" for sent, answer in self.record.refused]
        return slow + refused + [f"{status} for a read" for status in self._reader.refusals()]


def _longest(waits: Sequence[tuple[float, float]], started: float, ended: float) -> float:
    return max((seconds for at, seconds in waits if at >= started and at - seconds <= ended), default=0.0)


@contextmanager
def watched(stage: Stage, thread_id: str, *, clients: int) -> Iterator[Watch]:
    """Clients that append to threads of their own, and one that reads a thread and the list of threads."""
    paths = [f"/api/threads/{thread_id}/messages?limit=50&order=desc", "/api/threads?limit=20"]
    with Load(stage, clients=clients, pause=0.01) as load, Reader(stage, paths) as reader:
        yield Watch(load, reader)
