"""Windows of measurement: what a target cost while the clients ran, and what several of them say together."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench import processes
from bench.load import Clients
from bench.operations import Operation
from bench.postgresql import Cluster
from bench.targets import Running

ENOUGH = 10
"""Requests of each client that make a window."""

LONGEST_SECONDS = 8
IDLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Window:
    """One window. Processor time is in microseconds a request, memory that of the largest process of the server."""

    product: str
    database: str
    operation: str
    messages: int
    clients: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float
    peak_mib: float
    errors: int

    @property
    def total_us(self) -> float:
        return self.server_us + self.database_us

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Figures:
    """Several windows of one target and operation: the best is the one that others disturbed least."""

    windows: Sequence[Window]

    def best(self, name: str) -> float:
        return min(self._values(name))

    def most(self, name: str) -> float:
        return max(self._values(name))

    def median(self, name: str) -> float:
        return statistics.median(self._values(name))

    def errors(self) -> int:
        return sum(window.errors for window in self.windows)

    def _values(self, name: str) -> list[float]:
        return [getattr(window, name) for window in self.windows]


class Case(NamedTuple):
    """What windows have in common that may be compared."""

    database: str
    messages: int
    clients: int
    operation: str


def case_of(window: Window) -> Case:
    return Case(window.database, window.messages, window.clients, window.operation)


def cases(windows: Sequence[Window]) -> list[Case]:
    """What was measured, in the order in which it came first."""
    return list(dict.fromkeys(map(case_of, windows)))


def figures(windows: Sequence[Window], case: Case, product: str) -> Figures | None:
    """The windows of one product and case, None where there are none."""
    found = [window for window in windows if window.product == product and case_of(window) == case]
    return Figures(found) if found else None


def measure(
    server: Running, operation: Operation, clients: Clients, *, ids: Path, cluster: Cluster | None, messages: int
) -> Window:
    """Let the clients run and read what the server and PostgreSQL spent meanwhile.

    A window with few requests is thrown away for a longer one: what was begun and not answered in it is paid for, and
    not counted.
    """
    seconds = clients.seconds
    while True:
        _settle(server)
        before = _spent(server, cluster)
        load = clients.run(operation, server, ids=ids, seconds=seconds)
        after = _spent(server, cluster)
        if load.requests >= ENOUGH * clients.connections or seconds >= LONGEST_SECONDS:
            break
        seconds *= 2
    requests = max(1, load.requests)
    return Window(
        product=server.product,
        database="sqlite" if cluster is None else "postgresql",
        operation=operation.name,
        messages=messages,
        clients=clients.connections,
        requests_per_second=load.requests / load.seconds,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        server_us=(after[0] - before[0]) / requests * 1e6,
        database_us=(after[1] - before[1]) / requests * 1e6,
        peak_mib=processes.peak_mib(processes.tree(server.pid)),
        errors=load.errors,
    )


def _settle(server: Running) -> None:
    """Wait until the server has done with what the clients of the window before left behind."""
    deadline, spent = time.monotonic() + LONGEST_SECONDS, -1.0
    while time.monotonic() < deadline and (now := processes.cpu_seconds(processes.tree(server.pid))) > spent:
        spent = now
        time.sleep(IDLE_SECONDS)


def _spent(server: Running, cluster: Cluster | None) -> tuple[float, float]:
    """Processor seconds of the server's processes and of PostgreSQL's so far."""
    of_database = 0.0 if cluster is None else processes.cpu_seconds(processes.tree(cluster.pid))
    return processes.cpu_seconds(processes.tree(server.pid)), of_database
