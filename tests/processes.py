"""Processes that tests start: management commands, and the server as it runs in production."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
COMMAND_TIMEOUT_SECONDS = 120
START_TIMEOUT_SECONDS = 60


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` to its end under the variables of this process and those given."""
    return finished(start_manage(*arguments, env=env))


def start_manage(*arguments: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    return start("manage.py", *arguments, env=env)


def start(*arguments: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start Python in the project's folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for the end and return what was written; a process that takes too long is killed."""
    try:
        stdout, stderr = process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process and its children with SIGKILL, reap it and close its pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """The server on a port of its own. `kill()` is SIGKILL to all of it; `start()` begins anew on the same port.

    `command` is what Python is given to run: what `manage.py serve` turns into, unless another one is named. It must
    listen on `PORT` with `SERVER_WORKERS` processes.
    """

    def __init__(
        self, env: Mapping[str, str], log: Path, *, workers: int = 2, command: Sequence[str] = ("-m", "config.server")
    ) -> None:
        self.port = free_port()
        address = {"SERVER_HOST": "127.0.0.1", "PORT": str(self.port), "SERVER_WORKERS": str(workers)}
        self._env = {**os.environ, "DEBUG": "true", "LOG_LEVEL": "WARNING", **address, **env}
        self._log = log
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start and wait until `/readyz` answers 200."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command],
                cwd=ROOT,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()

    def kill(self) -> None:
        if self._process is not None:
            kill_group(self._process)
            self._process = None

    @property
    def pid(self) -> int:
        """The process that supervises the workers; AssertionError when the server does not run."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """The ids of the worker processes: the children of the supervising one that load the application."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [
            int(child) for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
        ]

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if self._is_ready():
                return
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"The server did not start:\n{self.log()}")

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
