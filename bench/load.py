"""The clients: wrk, on cores of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.operations import Operation
from bench.processes import on_cores
from bench.targets import Running

SCRIPT = Path(__file__).parent / "load.lua"
TIMEOUT_SECONDS = 30
"""A late answer is a slow one; wrk would count it as an error after 2 seconds."""


class MissingProgram(Exception):
    """Something that is no Python package is not installed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw in one window."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    bytes: int
    errors: int


class Clients:
    """A number of connections that send the requests of one operation, each as soon as it has its answer."""

    def __init__(self, *, connections: int, seconds: int, chosen: Sequence[int], folder: Path) -> None:
        self.connections = connections
        self.seconds = seconds
        self._chosen = chosen
        self._folder = folder

    def run(self, operation: Operation, server: Running, *, ids: Path, seconds: int) -> Load:
        """Send requests for so many seconds; `ids` is a file of thread ids to take at random."""
        product = server.product
        arguments = [operation.paths[product], str(ids), self._bodies(operation, product)]
        sizes = ["-t", "1", "-c", f"{self.connections}", "-d", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
        env = {**os.environ, **({"BENCH_AUTHORIZATION": f"Bearer {server.key}"} if server.key else {})}
        command = [wrk(), *sizes, "--script", str(SCRIPT), f"http://127.0.0.1:{server.port}", "--", *arguments]
        with on_cores(self._chosen):
            run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
        for line in run.stdout.splitlines():
            if line.startswith("RESULT "):
                return judged(Load(**json.loads(line.removeprefix("RESULT "))))
        raise RuntimeError(f"wrk failed: {run.stdout}{run.stderr}")

    def _bodies(self, operation: Operation, product: str) -> str:
        if not operation.messages:
            return "-"
        path = self._folder / f"bodies_{product}_{operation.name}.txt"
        path.write_text("\n".join(operation.bodies(product)) + "\n", encoding="utf-8")
        return str(path)


def judged(load: Load) -> Load:
    """Where nothing was answered, an answer takes the whole window at least; wrk would say it takes no time."""
    at_least = load.seconds * 1e3
    return load if load.requests else replace(load, p50_ms=at_least, p99_ms=at_least)


def wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise MissingProgram("wrk is not installed: apt-get install wrk, or https://github.com/wg/wrk.")
    return found
