"""A client that reads all the time, and how long it was ever kept waiting."""

from __future__ import annotations

import threading
import time
from http.client import HTTPConnection
from typing import NamedTuple, Self

from tests.faults.stage import Stage


class Read(NamedTuple):
    """One answered GET: when it was answered on the monotonic clock, after how many seconds, with what status."""

    at: float
    seconds: float
    status: int


class Reader:
    """`with Reader(stage, paths) as reader:` asks for the paths by turns in the background."""

    def __init__(self, stage: Stage, paths: list[str], *, pause: float = 0.01) -> None:
        self.reads: list[Read] = []
        self._paths = paths
        self._pause = pause
        self._headers = {"Authorization": f"Bearer {stage.key}"}
        self._connection = HTTPConnection("127.0.0.1", stage.server.port, timeout=120)
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._worker = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._worker.join()
        self._connection.close()
        assert self._failures == []

    def refusals(self) -> list[int]:
        return [read.status for read in self.reads if read.status != 200]

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                for path in self._paths:
                    self.reads.append(self._read(path))
                    time.sleep(self._pause)
        except Exception as error:  # noqa: BLE001  told by the thread that waits for this one
            self._failures.append(error)

    def _read(self, path: str) -> Read:
        started = time.monotonic()
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        response.read()
        ended = time.monotonic()
        return Read(ended, ended - started, response.status)
