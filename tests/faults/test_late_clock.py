"""Fault 7: the clock of one server process goes back by an hour while two servers work on one database.

The order of messages is their position, so it holds; pages and cursors are complete on both servers, and tell the same;
a request repeated at the other server is answered as before; a key ends when the clock of the server that is asked says
so; nothing is forgotten too early, nobody is throttled for an hour, and the audit trail is as it was written.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Report
from tests.faults.judging import judge
from tests.faults.recording import Load, Record, RecordingClient, append, creation
from tests.faults.stage import Stage
from tests.processes import Server, manage

SECONDS = 6.0
EXPIRY_SECONDS = 2.0


class Late:
    """A server of one worker beside that of the stage, whose clock can be set back."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._file = folder / "late"
        command = ("-m", "tests.faults.late_server", str(self._file))
        self.server = Server(stage.database.env, folder / "late.log", workers=1, command=command)
        self.stage = stage

    def set_back(self) -> None:
        self._file.touch()

    def asked(self, stage: Stage) -> Stage:
        """The stage as it looks through the late server, for reading."""
        view = object.__new__(Stage)
        vars(view).update({**vars(stage), "server": self.server})
        return view


@pytest.mark.faults
def test_a_clock_goes_back(stage: Stage, tmp_path: Path, report: Report) -> None:
    goes_back(stage, tmp_path, report, seconds=SECONDS)


@pytest.mark.slow
def test_a_clock_goes_back_for_a_moment(shared_stage: Stage, tmp_path: Path, report: Report) -> None:
    goes_back(shared_stage, tmp_path, report, seconds=0.6)


def goes_back(stage: Stage, folder: Path, report: Report, *, seconds: float) -> None:
    late = Late(stage, folder)
    with late.server:
        threads = [stage.create_thread(title=f"late {number}") for number in range(3)]
        ports = [stage.server.port, late.server.port]
        through_late = late.asked(stage)
        with Load(stage, clients=4, threads=threads, ports=ports) as load:
            time.sleep(seconds / 3)
            late.set_back()
            time.sleep(seconds * 2 / 3)
        problems = [
            *lists_differ(stage, through_late, threads),
            *repeats_differ(stage, late.server.port, load.record, threads[0]),
            *keys_live_wrongly(stage, through_late),
            *trail_is_broken(stage, through_late),
            *forgets_too_early(stage),
        ]
        moments = [row["created_at"] for row in stage.pages(f"/api/threads/{threads[0]}/messages")]
        backwards = sum(later < earlier for earlier, later in pairwise(moments))
        if backwards == 0:
            problems.append("no clock went back")
        notes = f"{backwards} of {len(moments)} messages are older than the one before"
        report(judge(stage, load.record, fault="7 clock an hour back", notes=notes, problems=tuple(problems)))


def lists_differ(stage: Stage, late: Stage, threads: list[str]) -> Iterator[str]:
    """Lists are complete, in their order, and the same through both servers."""
    for path in (*(f"/api/threads/{thread}/messages" for thread in threads), "/api/threads", "/api/agents"):
        rows = stage.pages(path)
        if rows != late.pages(path):
            yield f"the servers tell {path} differently"
        if len({row["id"] for row in rows}) != len(rows):
            yield f"{path} shows a row twice"
    listed = [(row["updated_at"], row["id"]) for row in small_pages(stage, "/api/threads")]
    if listed != sorted(listed, reverse=True):
        yield "threads are listed out of order"
    if len(listed) != (count := stage.database.thread_count()):
        yield f"{len(listed)} threads of {count} are listed"


def small_pages(stage: Stage, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    following: str | None = f"{path}?limit=7"
    while following is not None:
        page = stage.get(following)
        rows += page["results"]
        following = page["next"] and "/" + page["next"].split("/", 3)[3]
    return rows


def repeats_differ(stage: Stage, late_port: int, record: Record, thread: str) -> Iterator[str]:
    """What one server answered, the other one repeats."""
    here = RecordingClient(stage.server.port, stage.key, record)
    there = RecordingClient(late_port, stage.key, record)
    for first, second in ((here, there), (there, here)):
        token = f"{record.run}-repeated-{uuid.uuid4().hex}"
        for operation in (append(thread, token), creation(f"{token}-t")):
            told = first.deliver(operation)
            again = second.attempt(operation)
            if told is None or again is None or (again.text, again.is_replayed) != (told.answer.text, True):
                yield f"a repeated {operation.kind} got another answer: {again}"
    here.close()
    there.close()


def keys_live_wrongly(stage: Stage, late: Stage) -> Iterator[str]:
    """A key that has run out opens nothing where the clock is right; one that lives opens both servers."""
    short, long = (create_key(stage, seconds) for seconds in (EXPIRY_SECONDS, 600))
    time.sleep(EXPIRY_SECONDS + 0.1)
    found = [status_of(server, key) for server in (stage, late) for key in (short, long)]
    if found != [401, 200, 200, 200]:
        yield f"keys that ended and that live answer {found}"


def create_key(stage: Stage, seconds: float) -> str:
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    status, _headers, body = stage.send("POST", "/api/keys", {"name": "short", "expires_at": end})
    assert status == 201, body
    return str(json.loads(body)["key"])


def status_of(stage: Stage, key: str) -> int:
    return stage.send("GET", "/api/threads?limit=1", Authorization=f"Bearer {key}")[0]


def trail_is_broken(stage: Stage, late: Stage) -> Iterator[str]:
    """Changes under audit by both servers, in turn, make one chain."""
    for number in range(6):
        server = late if number % 2 else stage
        status, _headers, body = server.send("POST", "/api/agents", {"name": f"{number} {uuid.uuid4().hex}"})
        if status != 201:
            yield f"an agent was refused: {status} {body[:200]!r}"
    run = manage("verify_audit", env=stage.database.env)
    if run.returncode != 0:
        yield f"the audit trail: {run.stdout}"
    sequences = [row["sequence"] for row in stage.pages("/api/audit?order=asc")]
    if sequences != list(range(1, len(sequences) + 1)):
        yield f"the audit trail is numbered {sequences}"


def forgets_too_early(stage: Stage) -> Iterator[str]:
    run = manage("purge_idempotency_records", env=stage.database.env)
    if run.stdout != "0 records deleted.\n":
        yield f"kept answers: {run.stdout}{run.stderr}"
