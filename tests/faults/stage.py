"""A stage: a database with one organization and one key, and the server as it runs in production over it."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from tests.concurrency.stage import Database
from tests.processes import Server, finished, start

SERVE = ("manage.py", "serve")
THREAD = {"agent_type": "chat", "model": "m", "provider": "p"}
REQUEST_TIMEOUT_SECONDS = 30


class Stage:
    """`with Stage(url, folder) as stage:` migrates the database at `url`, makes a key and starts the server.

    `url` is a `DATABASE_URL` of an empty database; the SQLite file may lie anywhere (on a small file system, say) and
    the PostgreSQL server may be any. `env` are more variables for the server, `command` another server to run (see
    `tests.processes.Server`). `serve=False` prepares the database only; a `key` says that it is prepared already.
    `folder` takes the server's log.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        workers: int = 2,
        env: Mapping[str, str] | None = None,
        command: Sequence[str] = SERVE,
        serve: bool = True,
        key: str | None = None,
    ) -> None:
        self.database = Database(url)
        self.key = found(url) if key is None else key
        self.server = Server(
            {**self.database.env, **(env or {})}, folder / "server.log", workers=workers, command=command
        )
        self.restarts = 0
        """How often `start()` was called after the first time."""
        self._serve = serve

    def __enter__(self) -> Self:
        if self._serve:
            self.server.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.server.kill()

    @property
    def vendor(self) -> str:
        """`SQLite` or `PostgreSQL`, as tables name it."""
        return "SQLite" if self.database.url.startswith("sqlite") else "PostgreSQL"

    def kill(self) -> None:
        """SIGKILL to the supervising process and all workers."""
        self.server.kill()

    def start(self) -> float:
        """Start the server again on the same database and port; return the seconds until `/readyz` answered 200."""
        started = time.monotonic()
        self.restarts += 1
        self.server.start()
        return time.monotonic() - started

    def kill_worker(self, index: int = 0) -> int:
        """SIGKILL to one worker, which the supervising process replaces; return its process id."""
        victim = self.server.workers()[index]
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        return victim

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send one request on a connection of its own; return status, headers by their lower-case names, and body.

        `headers` are written as keywords: `idempotency_key="k"`. Raises OSError or HTTPException without an answer.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | named
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=REQUEST_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), named)
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """What a GET answers, decoded; AssertionError unless it is 200."""
        status, _headers, body = self.send("GET", path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)

    def create_thread(self, **fields: str) -> str:
        """Create a thread over the API and return its id."""
        status, _headers, body = self.send(
            "POST", "/api/threads", {**THREAD, **fields}, idempotency_key=uuid.uuid4().hex
        )
        assert status == 201, (status, body[:500])
        return str(json.loads(body)["id"])

    def pages(self, path: str) -> list[Any]:
        """All results of a list, page by page by its cursors."""
        rows: list[Any] = []
        following: str | None = f"{path}{'&' if '?' in path else '?'}limit=1000"
        while following is not None:
            page = self.get(following)
            rows += page["results"]
            following = page["next"] and "/" + page["next"].split("/", 3)[3]
        return rows


def found(url: str) -> str:
    """Migrate an empty database, found an organization in it, and return the text of a key of that."""
    run = finished(start("-m", "tests.faults.founding", env={"DATABASE_URL": url, "LOG_LEVEL": "WARNING"}))
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()
