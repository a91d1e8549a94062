"""Commands that are run to their end: what they took on the clock and of the processor."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench import processes
from bench.postgresql import Cluster
from bench.seeds import ROOT


class Failed(Exception):
    """A command that was to be measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on the clock, of the processor, and of PostgreSQL's processor time; `output` is what was printed."""

    seconds: float
    cpu_seconds: float
    database_seconds: float
    output: str


def timed(command: Sequence[str], *, env: Mapping[str, str], cluster: Cluster | None = None) -> Timing:
    """Run a command in the project's folder. Raises `Failed`."""
    database, own, started = _of_cluster(cluster), _of_children(), time.perf_counter()
    run = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if run.returncode:
        raise Failed(f"{' '.join(command[1:3])} failed:\n{run.stdout}{run.stderr}")
    return Timing(seconds, _of_children() - own, _of_cluster(cluster) - database, run.stdout)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _of_cluster(cluster: Cluster | None) -> float:
    return 0.0 if cluster is None else processes.cpu_seconds(processes.tree(cluster.pid))
