"""The write contract over HTTP while the server is killed and started again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.concurrency.stage import Database, assert_all_there
from tests.processes import Server, finished, kill_group, start

CLIENTS = 16
SECONDS = 20
KILLS = 4
THREAD = {"agent_type": "chat", "model": "m", "provider": "p"}

pytestmark = pytest.mark.slow


@pytest.fixture
def database(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    with django_db_blocker.unblock():
        found = Database(fresh_database)
        found.migrate()
        yield found


@pytest.fixture
def key(database: Database) -> str:
    return database.create_key()


@pytest.fixture
def server(database: Database, key: str, tmp_path: Path) -> Iterator[Server]:
    with Server(database.env, tmp_path / "server.log") as running:
        yield running


def send(server: Server, method: str, path: str, key: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body).encode() if body is not None else None, named)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_acknowledged_messages_survive_kills_exactly_once(database: Database, key: str, server: Server) -> None:
    thread_id = json.loads(send(server, "POST", "/api/threads", key, THREAD)[1])["id"]
    arguments = [str(server.port), key, thread_id]
    clients = [
        start("-m", "tests.concurrency.client", *arguments, str(number), str(SECONDS), env={})
        for number in range(CLIENTS)
    ]
    try:
        for _ in range(KILLS):
            time.sleep(SECONDS / (KILLS + 2))
            server.kill()
            server.start()
        runs = [finished(client) for client in clients]
    finally:
        for client in clients:
            if client.poll() is None:
                kill_group(client)
    assert [run.stderr for run in runs if run.returncode != 0] == []
    told: list[dict[str, Any]] = [json.loads(run.stdout) for run in runs]
    assert [refusal for each in told for refusal in each["refusals"]] == []
    acknowledged = {content: place for each in told for content, place in each["positions"].items()}
    report(told, acknowledged)
    assert sum(each["repeats"] for each in told) >= KILLS
    assert_all_there(database, thread_id, acknowledged)
    assert "Traceback" not in server.log()


def report(told: list[dict[str, Any]], acknowledged: dict[str, int]) -> None:
    repeats, replays = (sum(each[name] for each in told) for name in ("repeats", "replays"))
    longest = max(each["longest"] for each in told)
    print(
        f"\n{len(acknowledged)} messages acknowledged over {KILLS} kills, {repeats} requests sent again, "
        f"{replays} answered as before, the longest took {longest:.1f} s"
    )


def test_twenty_requests_with_one_key_make_one_thread(database: Database, key: str, server: Server) -> None:
    answers = post_together(server, key, [THREAD] * 20)
    assert answers[0][0] == 201
    assert answers == [answers[0]] * 20
    assert database.thread_count() == 1
    statuses = [status for status, _body in post_together(server, key, [{**THREAD, "title": "another"}] * 20)]
    assert statuses == [409] * 20
    assert database.thread_count() == 1


def test_twenty_requests_with_one_id_make_one_thread(database: Database, key: str, server: Server) -> None:
    bodies = [{**THREAD, "id": "0199a1b2-0000-7000-8000-000000000001", "title": str(n % 2)} for n in range(20)]
    answers = post_together(server, key, bodies)
    assert sorted(status for status, _body in answers) == [201] * 10 + [409] * 10
    assert len({body for status, body in answers if status == 201}) == 1
    assert database.thread_count() == 1


def post_together(server: Server, key: str, bodies: list[dict[str, Any]]) -> list[tuple[int, bytes]]:
    """POST the bodies to `/api/threads` at the same moment, under one key unless they carry ids."""
    together = Barrier(len(bodies))
    headers = {} if "id" in bodies[0] else {"Idempotency_Key": "the same"}

    def post(body: dict[str, Any]) -> tuple[int, bytes]:
        together.wait()
        return send(server, "POST", "/api/threads", key, body, **headers)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(post, bodies))
