"""The servers that are compared: Parley as shipped, and the peer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from bench import processes
from bench.seeds import ROOT, Database

START_SECONDS = 60
READY = {"parley": "/readyz", "peer": "/health"}

PRODUCTION = {
    "DEBUG": "false",
    "ALLOWED_HOSTS": "127.0.0.1",
    # The clients speak HTTP: no proxy stands in front.
    "HTTPS_ONLY": "false",
    "SECRET_KEY": "of-the-bench-alone-and-of-nothing-that-anybody-keeps-secret-0123456789",
    "SERVER_WORKERS": "1",
}
"""Parley as deployed, with one worker for the one core that it gets."""


class NotStarted(Exception):
    """A server died or did not answer in time; the message holds the end of its log."""


class MissingPeer(Exception):
    """The peer's environment has not been made."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    product: str
    port: int
    pid: int
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


@dataclass(frozen=True, slots=True)
class Servers:
    """How servers are started: `peer_python` is the interpreter of the peer's environment."""

    log: Path
    chosen: Sequence[int]
    peer_python: Path

    @contextmanager
    def serving(self, product: str, database: Database) -> Iterator[Running]:
        """Start a server over a database and stop it afterwards. Raises `NotStarted`."""
        port = processes.free_port()
        make = parley if product == "parley" else self._peer
        command, env = make(database.url, port)
        process = processes.start(command, cwd=ROOT, env=env, log=self.log, chosen=self.chosen)
        try:
            self._wait(product, port, process)
            yield Running(product=product, port=port, pid=process.pid, key=database.key)
        finally:
            processes.stop(process)

    def _peer(self, url: str, port: int) -> tuple[list[str], Mapping[str, str]]:
        command = [str(self.peer_python), "-m", "uvicorn", "bench.peer.app:app", "--port", str(port)]
        command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        return command, peer_env(url)

    def _wait(self, product: str, port: int, process: Any) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port, READY[product]):
            if process.poll() is not None or time.monotonic() > deadline:
                end = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise NotStarted(f"{product} did not start. The end of its log:\n{end}")
            time.sleep(0.05)


def parley(url: str, port: int) -> tuple[list[str], Mapping[str, str]]:
    return [sys.executable, "-m", "config.server"], {**PRODUCTION, "DATABASE_URL": url, "PORT": str(port)}


def peer_env(url: str) -> Mapping[str, str]:
    """Address and pool of the peer. On SQLite one connection served it better than ten, which wait for each other."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        return {"DATABASE_URL": f"sqlite+aiosqlite://{rest}", "POOL_SIZE": "1"}
    authority, _, name = rest.partition("/")
    user, _, folder = authority.partition("@")
    return {"DATABASE_URL": f"postgresql+asyncpg://{user}@/{name}?host={folder}", "POOL_SIZE": "10"}


def answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
