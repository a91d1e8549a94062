"""Fault 2: death exactly after the commit and before the answer.

The worker carries the request out, holds its answer in hand and dies. The client sees a lost connection and sends the
request again with the same key: it gets the very answer that was withheld (status, body, id), marked as repeated, and
the effect is there once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from core.idempotency import KEPT_HEADERS
from tests.faults.conftest import MakeStage, Report
from tests.faults.dying_server import DIE, WITHHELD
from tests.faults.judging import judge
from tests.faults.recording import Acknowledgement, Answer, Operation, Record, append, batch, creation
from tests.faults.stage import Stage
from tests.processes import Server

DYING = ("-m", "tests.faults.dying_server")
ROUNDS = 2
Kind = Callable[[str, str], Operation]
KINDS: list[Kind] = [append, batch, lambda _thread, token: creation(token)]


@pytest.mark.faults
def test_withheld_answers_are_given_to_the_repeats(make_stage: MakeStage, report: Report) -> None:
    dies_and_answers(make_stage(command=DYING), report, kinds=KINDS * ROUNDS)


@pytest.mark.slow
def test_a_withheld_answer_is_given_to_the_repeat(dying: Stage, report: Report) -> None:
    dies_and_answers(dying, report, kinds=KINDS[:1])


@pytest.fixture
def dying(shared_stage: Stage, tmp_path: Path) -> Iterator[Stage]:
    """The shared stage with the dying server in place of its own."""
    usual = shared_stage.server
    with Server(shared_stage.database.env, tmp_path / "server.log", command=DYING) as server:
        shared_stage.server = server
        yield shared_stage
    shared_stage.server = usual


def dies_and_answers(stage: Stage, report: Report, *, kinds: Sequence[Kind]) -> None:
    record = Record()
    thread = stage.create_thread()
    operations = [kind(thread, f"{record.run}-{turn}") for turn, kind in enumerate(kinds)]
    problems = [problem for operation in operations for problem in die_and_repeat(stage, operation, record)]
    notes = f"{len(operations)} deaths after the commit"
    verdict = judge(
        stage,
        record,
        fault="2 death before the answer",
        restarts=len(operations),
        notes=notes,
        problems=tuple(problems),
    )
    report(verdict)


def die_and_repeat(stage: Stage, operation: Operation, record: Record) -> list[str]:
    """Let a worker die over an operation, repeat it, and return what is wrong with the second answer.

    Between the two the server is started anew: granian replaces a worker, and gives up one that dies twice in a row.
    """
    known = len(withheld(stage))
    with suppress(OSError, HTTPException):
        send(stage, operation, fault=DIE)
        return [f"{operation.kind} was answered by a server that was to die"]
    record.add_lost()
    stage.kill()
    stage.start()
    record.add_repeat()
    started = time.monotonic()
    status, headers, body = send(stage, operation)
    is_replayed = headers.get("idempotent-replayed") == "true"
    answer = Answer(status, headers.get("retry-after"), body, time.monotonic(), is_replayed)
    record.answers.append(answer)
    record.acknowledgements.append(Acknowledgement(operation, answer, 1, answer.at - started))
    [[status, kept, text]] = withheld(stage)[known:]
    differing = [name for name in KEPT_HEADERS if kept.get(name.lower()) != headers.get(name.lower())]
    if (status, text) != (answer.status, answer.text) or differing or not is_replayed:
        return [f"{operation.kind}: withheld {status} {text[:200]}, repeated {answer.status} {answer.text[:200]}"]
    return []


def send(stage: Stage, operation: Operation, fault: str = "none") -> tuple[int, dict[str, str], str]:
    named = {"Idempotency_Key": operation.idempotency_key, "Fault": fault}
    status, headers, body = stage.send("POST", operation.path, operation.body, **named)
    return status, headers, body.decode()


def withheld(stage: Stage) -> list[Any]:
    """Status, headers and body of each answer that a worker took with it."""
    lines = stage.server.log().splitlines()
    return [json.loads(line.partition(WITHHELD)[2]) for line in lines if WITHHELD in line]
