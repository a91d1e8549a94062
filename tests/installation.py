"""A copy of the project in a folder of its own: what a newcomer has after cloning it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from tests.processes import ROOT, free_port, kill_group

LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv*", "var", ".env", "__pycache__", ".*_cache", ".hypothesis", "staticfiles", "tests", "docs"
)
START_SECONDS = 90
COMMAND_SECONDS = 120
OF_AN_OUTER_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


class Installation:
    """The project's files without anything that was made from them, and the environment that its commands get."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.root = folder / "parley"
        shutil.copytree(ROOT, self.root, ignore=LEFT_BEHIND)
        inherited = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
        self.port = free_port()
        self.env = {**inherited, "PORT": str(self.port), **env}

    def make(self, *arguments: str) -> list[str]:
        """The command line of make, with the packages of the running tests instead of a new environment."""
        return ["make", f"VENV={sys.prefix}", *arguments]

    def manage(self, *arguments: str) -> list[str]:
        return [sys.executable, "manage.py", *arguments]

    def run(self, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command, cwd=self.root, env={**self.env, **env}, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )

    def serve(self, command: list[str], **env: str) -> Serving:
        """Start a command that serves, in a process group of its own."""
        return Serving(self, command, {**self.env, **env})


class Serving:
    """A command that serves until it is told to stop; leaving the context kills what is left of it."""

    def __init__(self, installation: Installation, command: list[str], env: Mapping[str, str]) -> None:
        self.port = installation.port
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = installation.root.parent / "serving.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=installation.root, env=env, stdout=log, stderr=log, start_new_session=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        kill_group(self.process)

    def output(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for_output(self, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self.output():
            self._fail_after(deadline)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._status("/readyz") != 200:
            self._fail_after(deadline)

    def press_ctrl_c(self) -> float:
        """Send SIGINT to the whole process group, as a terminal does; return the seconds until the end."""
        started = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(COMMAND_SECONDS)
        return time.monotonic() - started

    def terminate(self) -> float:
        """Send SIGTERM to the started process alone, as a container platform does."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(COMMAND_SECONDS)
        return time.monotonic() - started

    def _fail_after(self, deadline: float) -> None:
        assert self.process.poll() is None, self.output()
        assert time.monotonic() < deadline, self.output()
        time.sleep(0.05)

    def _status(self, path: str) -> int | None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
