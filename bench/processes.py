"""Processes under measurement: started on chosen cores, their processor time and memory read from `/proc` (Linux)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
STOP_SECONDS = 10


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        with suppress(OSError):
            for task in (PROC / str(found[-1]) / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of processes and of their children that have ended."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


def peak_mib(pids: Sequence[int]) -> float:
    """The most memory that any one of the processes ever held (VmHWM), in MiB."""
    peaks = [0]
    for pid in pids:
        with suppress(OSError):
            lines = (PROC / str(pid) / "status").read_text().splitlines()
            peaks += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return max(peaks) / 1024


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


@contextmanager
def on_cores(chosen: Sequence[int]) -> Iterator[None]:
    """Processes that are started inside inherit these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pids: Sequence[int], chosen: Sequence[int]) -> None:
    """Move running processes; what they start later follows."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, chosen)


def start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, chosen: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start a server in a process group of its own; what it says goes to the log."""
    with log.open("ab") as stream, on_cores(chosen):
        return subprocess.Popen(  # noqa: S603  commands of the bench alone
            command, cwd=cwd, env={**os.environ, **env}, stdout=stream, stderr=stream, start_new_session=True
        )


def stop(process: subprocess.Popen[Any]) -> None:
    """Stop a group: SIGTERM, and SIGKILL for what does not end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def busy_share(seconds: float) -> float:
    """How much of all cores was in use while these seconds passed, from 0 to 1."""
    all_before, idle_before = _machine_ticks()
    time.sleep(seconds)
    all_after, idle_after = _machine_ticks()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def _machine_ticks() -> tuple[int, int]:
    fields = [int(each) for each in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields), fields[3] + fields[4]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
