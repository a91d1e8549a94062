"""Parley as the bench serves it: filled, started, asked, looked at, measured."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from bench import corpus, floor, processes
from bench.compare import check
from bench.load import Clients
from bench.operations import OPERATIONS, Client, WrongAnswer, verify
from bench.seeds import Database, Seed, Store
from bench.targets import PRODUCTION, Running, Servers
from bench.windows import measure

pytestmark = pytest.mark.slow

MESSAGES = 1000


@dataclass(frozen=True, slots=True)
class Stage:
    """A server over a database of its own."""

    store: Store
    database: Database
    server: Running
    folder: Path

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.database.url.removeprefix("sqlite:///"))) as opened:
            return opened.execute(statement).fetchall()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if connection.vendor != "sqlite":
        pytest.skip("the bench brings databases of its own: once is enough")
    folder = tmp_path_factory.mktemp("bench")
    store, seed = Store(folder, None, PRODUCTION), Seed("parley", MESSAGES)
    store.prepare(seed)
    servers = Servers(log=folder / "log", chosen=processes.cores(), peer_python=folder)
    database = store.fresh_copy(seed)
    with servers.serving("parley", database) as server:
        yield Stage(store, database, server, folder)


def test_every_operation_answers_as_it_should(stage: Stage) -> None:
    before = stage.rows("SELECT count(*) FROM conversations_message")
    check(stage.server, list(OPERATIONS.values()), corpus.thread_id(0))
    assert before == [(MESSAGES,)]
    assert stage.rows("SELECT count(*) FROM conversations_message") == [(MESSAGES + 101,)]


def test_wrong_answer_is_told(stage: Stage) -> None:
    refused = pytest.raises(WrongAnswer, match=r"^parley, check a key: status: 401 instead of 200$")
    with closing(Client(stage.server.port, {"Authorization": "Bearer nonsense"})) as client, refused:
        verify(OPERATIONS["key"], "parley", client, corpus.thread_id(0))


def test_window_counts_requests_and_their_cost(stage: Stage) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    before = stage.rows("SELECT count(*) FROM conversations_message")[0][0]
    clients = Clients(connections=2, seconds=1, chosen=processes.cores(), folder=stage.folder)
    ids = stage.store.ids_file(MESSAGES)
    found = measure(stage.server, OPERATIONS["append"], clients, ids=ids, cluster=None, messages=MESSAGES)

    stored = stage.rows("SELECT count(*) FROM conversations_message")[0][0]
    assert (found.product, found.operation, found.clients, found.errors) == ("parley", "append", 2, 0)
    assert (found.server_us > 0, found.database_us, found.peak_mib > 10) == (True, 0.0, True)
    assert isinstance(stored, int) and isinstance(before, int)
    assert stored - before >= found.requests_per_second


def test_floor_writes_what_the_server_writes(stage: Stage) -> None:
    """Statements that wrote less would be a floor that nobody stands on."""
    check(stage.server, [OPERATIONS["append"]], corpus.thread_id(0))
    [served] = stage.rows(LAST)
    ids = stage.store.ids_file(MESSAGES)
    for operation in floor.OPERATIONS:
        floor.measure(
            operation, stage.database.url, ids=ids, cluster=None, messages=MESSAGES, seconds=1, chosen=processes.cores()
        )
    [bare] = stage.rows(LAST)
    counts = stage.rows("SELECT (SELECT count(*) FROM search_words), (SELECT count(*) FROM search_document)")

    different = ("id", "thread_id", "position", "role", "content", "artifact_data", "metadata", "created_at")
    names = [str(name) for (name,) in stage.rows("SELECT name FROM pragma_table_info('conversations_message')")]
    assert known(names, bare, different) == known(names, served, different)
    assert counts[0][0] == counts[0][1]


LAST = "SELECT * FROM conversations_message ORDER BY rowid DESC LIMIT 1"


def known(names: list[str], row: tuple[object, ...], different: tuple[str, ...]) -> dict[str, object]:
    return {name: value for name, value in zip(names, row, strict=True) if name not in different}
