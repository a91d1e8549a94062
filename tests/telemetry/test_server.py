"""The metrics of the real server: several workers, one of which dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.processes import ROOT, free_port, kill_group
from tests.telemetry.conftest import TOKEN, Numbers, parsed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(connection.vendor == "postgresql", reason="processes add up alike on both databases"),
]

WAIT_SECONDS = 60


class Served:
    """`config.server` on a port of its own, over a database that holds nothing: what is asked for needs none."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        url = f"sqlite:///{folder / 'parley.sqlite3'}"
        env = {"DATABASE_URL": url, "DEBUG": "true", "METRICS_TOKEN": TOKEN, "TMPDIR": str(folder)}
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.server"],
                cwd=ROOT,
                env={**os.environ, **env, "PORT": str(self.port)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def get(self, path: str) -> tuple[int, str]:
        client = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            response = client.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException):
            return 0, ""
        finally:
            client.close()

    def metrics_with(self, workers: int) -> Numbers:
        """Wait until as many workers are there and return the metrics."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            status, text = self.get("/metrics")
            found = parsed(text) if status == 200 else {}
            if found.get(("parley_workers", ())) == workers:
                return found
            time.sleep(0.05)
        raise AssertionError(text)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    kill_group(server.process)


def workers_of(found: Numbers) -> list[int]:
    return sorted(int(dict(labels)["worker"]) for name, labels in found if name == "process_resident_memory_bytes")


def test_workers_are_added_up_and_one_that_is_killed_is_replaced(served: Served, tmp_path: Path) -> None:
    row: Any = ("http_requests_total", (("method", "GET"), ("route", "/healthz"), ("status", "200")))
    before = served.metrics_with(workers=2)
    statuses = [served.get("/healthz")[0] for _ in range(40)]
    counted = served.metrics_with(workers=2)
    killed = workers_of(counted)[0]
    os.kill(killed, signal.SIGKILL)
    served.metrics_with(workers=1)
    after = served.metrics_with(workers=2)
    served.process.terminate()
    served.process.wait(WAIT_SECONDS)

    assert (statuses, counted[row] - before.get(row, 0), after[row]) == ([200] * 40, 40, counted[row])
    assert killed not in workers_of(after)
    assert list(tmp_path.glob("parley-metrics-*")) == []
