"""Fault 6: sixteen requests with one `Idempotency-Key` at the same moment.

Exactly one of them has an effect, and all get the same answer: on appending, and on creating threads, agents and keys
(the text of a key is told to the one that made it alone).
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from tests.faults.conftest import MakeStage, Report
from tests.faults.stage import THREAD, Stage
from tests.faults.verdict import Verdict

CLIENTS = 16
ROUNDS = 20
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Effect:
    """Something to be done once: the body for a token, and how many there are of it afterwards."""

    path: str
    body: Callable[[str], dict[str, Any]]
    listed: str
    named: str
    secret: str | None = None


AGENT = Effect("/api/agents", lambda token: {"name": token}, "/api/agents", "name")
KEY = Effect("/api/keys", lambda token: {"name": token}, "/api/keys", "name", secret="key")
CREATION = Effect("/api/threads", lambda token: {**THREAD, "title": token}, "/api/threads", "title")


def appending(thread: str) -> Effect:
    path = f"/api/threads/{thread}/messages"
    return Effect(path, lambda token: {"role": "user", "content": token}, path, "content")


@pytest.mark.faults
def test_one_of_many_has_an_effect(make_stage: MakeStage, report: Report) -> None:
    requests_together(make_stage(workers=4), report, rounds=ROUNDS)


@pytest.mark.slow
def test_one_of_sixteen_has_an_effect(shared_stage: Stage, report: Report) -> None:
    requests_together(shared_stage, report, rounds=1)


def requests_together(stage: Stage, report: Report, *, rounds: int) -> None:
    effects = [appending(stage.create_thread()), CREATION, AGENT, KEY]
    problems: list[str] = []
    statuses: Counter[int] = Counter()
    longest = 0.0
    tokens = [uuid.uuid4().hex for _ in range(rounds)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for effect in effects:
            for token in tokens:
                answers, seconds = send_together(stage, pool, effect, token)
                longest = max(longest, seconds)
                statuses.update(status for status, _body in answers)
                problems += differences(effect, answers)
    stored = [Counter(row[effect.named] for row in stage.pages(effect.listed)) for effect in effects]
    doubled = sum(times[token] - 1 for times in stored for token in tokens if times[token] > 1)
    absent = sum(times[token] == 0 for times in stored for token in tokens)
    if doubled or absent:
        problems.append(f"{doubled} effects too many, {absent} missing")
    verdict = Verdict(
        fault="6 sixteen requests with one key",
        database=stage.vendor,
        acknowledged=len(effects) * rounds,
        absent=absent,
        doubled=doubled,
        statuses=dict(sorted(statuses.items())),
        worst_wait_ms=round(longest * 1000),
        notes=f"{rounds} rounds each of append, thread, agent, key",
        problems=tuple(problems),
    )
    report(verdict)


def send_together(stage: Stage, pool: ThreadPoolExecutor, effect: Effect, token: str) -> tuple[list[Answer], float]:
    """The answers, and the longest time in seconds that one took."""
    together = Barrier(CLIENTS)

    def send(_number: int) -> tuple[Answer, float]:
        together.wait()
        started = time.monotonic()
        status, _headers, body = stage.send(
            "POST", effect.path, effect.body(token), Idempotency_Key=f"{effect.path} {token}"
        )
        return (status, json.loads(body)), time.monotonic() - started

    results = list(pool.map(send, range(CLIENTS)))
    return [answer for answer, _seconds in results], max(seconds for _answer, seconds in results)


def differences(effect: Effect, answers: list[Answer]) -> list[str]:
    """What is wrong with the answers to one request: all are 201 with one body, a secret is told once."""
    bad = [f"{effect.path} answered {status}: {body}" for status, body in answers if status != 201]
    if bad:
        return bad
    bodies = [body for _status, body in answers]
    if effect.secret is not None:
        told = [body.pop(effect.secret) for body in bodies]
        if sum(secret is not None for secret in told) != 1:
            bad.append(f"the secret of {effect.path} was told {sum(secret is not None for secret in told)} times")
    return bad if all(body == bodies[0] for body in bodies) else [*bad, f"{effect.path} gave different answers"]
