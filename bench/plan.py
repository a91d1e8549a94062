"""What a run is about, and the place where it works."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import postgresql, processes
from bench.load import Clients
from bench.seeds import Store
from bench.targets import PRODUCTION, Servers

QUIET_SHARE = 0.3
SAMPLE_SECONDS = 0.15


class Busy(Exception):
    """Another bench uses the same folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure. `windows` are those of one start, each of so many seconds; `patience` is how many seconds to
    wait at most, before a window, for other programs to be quiet.
    """

    databases: Sequence[str]
    operations: Sequence[str]
    products: Sequence[str]
    sizes: Sequence[int]
    clients: Sequence[int]
    deep: int
    rounds: int
    windows: int
    seconds: int
    patience: float
    floor: bool
    data: Path
    peer_python: Path

    @property
    def server_cores(self) -> list[int]:
        """One core for the server; the clients and PostgreSQL share another where there is one."""
        return processes.cores()[:1]

    @property
    def other_cores(self) -> list[int]:
        return processes.cores()[1:2] or processes.cores()

    def servers(self) -> Servers:
        return Servers(log=self.data / "servers.log", chosen=self.server_cores, peer_python=self.peer_python)

    def connections(self, number: int) -> Clients:
        return Clients(connections=number, seconds=self.seconds, chosen=self.other_cores, folder=self.data)

    def described(self) -> dict[str, str]:
        """The settings that decide about the figures."""
        separate = "own cores" if self.server_cores != self.other_cores else "all on one core"
        return {
            "rounds": str(self.rounds),
            "windows a start": str(self.windows),
            "seconds a window": str(self.seconds),
            "server and clients": separate,
        }

    def wait_for_quiet(self) -> None:
        """Wait until other programs leave the processor alone, no longer than the patience lasts."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline and processes.busy_share(SAMPLE_SECONDS) > QUIET_SHARE:
            pass


@dataclass(frozen=True, slots=True)
class Place:
    """One database system with its store of filled databases; `cluster` is None for SQLite."""

    database: str
    store: Store
    cluster: postgresql.Cluster | None

    @property
    def version(self) -> str | None:
        return None if self.cluster is None else self.cluster.version()


@contextmanager
def opened(plan: Plan, database: str) -> Iterator[Place]:
    """Start what the database needs; it is stopped afterwards."""
    if database == "sqlite":
        yield Place(database, Store(plan.data, None, PRODUCTION), None)
        return
    with postgresql.running(plan.data / "postgresql", chosen=plan.other_cores) as cluster:
        yield Place(database, Store(plan.data, cluster, PRODUCTION), cluster)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep the folder for this run. Raises `Busy`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"Another bench works in {folder.name}/; wait for it or name another --data.") from None
        yield


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
