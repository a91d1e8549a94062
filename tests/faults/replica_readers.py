"""Readers that look for what they have just written."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from typing import Self

from tests.faults.recording import Load, RecordingClient, append
from tests.faults.stage import Stage

REPEATED = frozenset({503})


class Readers:
    """Clients that append, and read the thread again as soon as the append was acknowledged; each on its own thread.

    Their appends are kept in the record of a load, which is judged with it. `hidden` are the messages that a read did
    not show although they had been acknowledged before it was sent.
    """

    def __init__(self, stage: Stage, load: Load, *, count: int = 3) -> None:
        self.hidden: list[str] = []
        self.reads = 0
        self.refused: list[str] = []
        self._stage = stage
        self._record = load.record
        self._stop = threading.Event()
        self._threads = [stage.create_thread(title=f"reader {number}") for number in range(count)]
        self._workers = [threading.Thread(target=self._work, args=(each,), daemon=True) for each in self._threads]

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()

    def _work(self, thread: str) -> None:
        client = RecordingClient(self._stage.server.port, self._stage.key, self._record)
        turn = 0
        while not self._stop.is_set():
            told = client.deliver(append(thread, f"{self._record.run}-{thread}-{turn}"))
            if told is not None:
                self._look_for(thread, str(told.rows[0]["id"]))
            turn += 1
        client.close()

    def _look_for(self, thread: str, message: str) -> None:
        """Read as anybody would, without a word of what was written before."""
        shown = self._newest(thread)
        if shown is None:
            return
        self.reads += 1
        if message not in shown:
            self.hidden.append(message)

    def _newest(self, thread: str) -> list[str] | None:
        """The ids of the newest messages; None while the database is away."""
        path = f"/api/threads/{thread}/messages?branches=all&order=desc&limit=5"
        while not self._stop.is_set():
            try:
                status, _headers, body = self._stage.send("GET", path)
            except (OSError, HTTPException) as error:
                self.refused.append(repr(error))
                return None
            if status == 200:
                return [row["id"] for row in json.loads(body)["results"]]
            if status not in REPEATED:
                self.refused.append(f"{status} {body[:300]!r}")
                return None
            time.sleep(0.1)
        return None
