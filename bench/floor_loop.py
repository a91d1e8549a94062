"""What the statements of a request cost by themselves: a loop over psycopg or sqlite3, without HTTP and without Django.

    python -m bench.floor_loop URL OPERATION --ids FILE [--seconds 1] [--postmaster PID]

The statements are those of `conversations`, written as tightly as the database allows; words are cut beforehand.
Prints one JSON object: calls, seconds, microseconds of the processor a call, p50 and p99.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench import corpus, processes
from core.ids import uuid7

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000")
WARM_CALLS = 50
LIMIT = 21
"""Twenty threads, and one to see whether others follow."""

THREAD_COLUMNS = (
    "id, created_at, updated_at, organization_id, version, trashed_at, agent_id, domain_id, title, agent_type, model, "
    "provider, status, metadata, external_id, created_by_id, last_position, message_count, last_message_at, "
    "active_leaf, archived_at"
)
MESSAGE_COLUMNS = (
    "id, organization_id, thread_id, position, role, content, artifact_data, metadata, status, provider, model, "
    "finish_reason, version, created_at"
)
LIST = (
    f"SELECT {THREAD_COLUMNS} FROM conversations_thread WHERE organization_id = ? AND trashed_at IS NULL "  # noqa: S608
    f"ORDER BY updated_at DESC, id DESC LIMIT {LIMIT}"
)
POSTGRESQL_APPEND = f"""
WITH thread AS (
    UPDATE conversations_thread
    SET last_position = last_position + 1, message_count = message_count + 1, version = version + 1,
        last_message_at = %(now)s, updated_at = %(now)s
    WHERE id = %(thread)s AND organization_id = %(organization)s AND trashed_at IS NULL
    RETURNING id, last_position, active_leaf
), words AS (
    INSERT INTO search_document (id, thread_id, organization_id, words)
    SELECT %(id)s, id, %(organization)s, array_to_tsvector(%(words)s::text[]) FROM thread
)
INSERT INTO conversations_message ({MESSAGE_COLUMNS})
SELECT %(id)s, %(organization)s, id, last_position, %(role)s, %(content)s, %(artifact)s::jsonb, %(metadata)s::jsonb,
    'completed', '', '', '', 1, %(now)s
FROM thread RETURNING position
"""  # noqa: S608
SQLITE_ALLOCATE = (
    "UPDATE conversations_thread SET last_position = last_position + 1, message_count = message_count + 1, "
    "version = version + 1, last_message_at = ?, updated_at = ? "
    "WHERE id = ? AND organization_id = ? AND trashed_at IS NULL RETURNING last_position, active_leaf"
)
SQLITE_INSERT = (
    f"INSERT INTO conversations_message ({MESSAGE_COLUMNS}) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'completed', '', '', '', 1, ?)"
)
SQLITE_DOCUMENT = "INSERT INTO search_document (id, thread_id, organization_id) VALUES (?, ?, ?)"
SQLITE_WORDS = "INSERT INTO search_words (rowid, words) VALUES (?, ?)"

Call = Callable[[], Any]


class Sentences:
    """What is appended, by turns, as the database takes it: role, content, artifact data, metadata, words."""

    def __init__(self) -> None:
        self._rows = [
            (
                body["role"],
                body["content"],
                None if body["artifact_data"] is None else json.dumps(body["artifact_data"]),
                json.dumps(body["metadata"]),
                list(dict.fromkeys(body["content"].split())),
            )
            for body in corpus.bodies(20)
        ]
        self._turn = 0

    def next(self) -> tuple[str, str, str | None, str, list[str]]:
        self._turn = (self._turn + 1) % len(self._rows)
        return self._rows[self._turn]


def postgresql_calls(url: str, ids: Sequence[UUID]) -> dict[str, Call]:
    connection = psycopg.connect(url, autocommit=True, prepare_threshold=1)
    cursor = connection.cursor()
    organization = _organization(cursor.execute("SELECT id FROM accounts_organization WHERE slug = 'bench'").fetchone())
    listing, sentences = LIST.replace("?", "%s").encode(), Sentences()

    def append() -> Any:
        role, content, artifact, metadata, words = sentences.next()
        values = {
            "now": datetime.now(UTC),
            "thread": random.choice(ids),  # noqa: S311
            "organization": organization,
            "id": uuid7(),
            "role": role,
            "content": content,
            "artifact": artifact,
            "metadata": metadata,
            "words": words,
        }
        return cursor.execute(POSTGRESQL_APPEND.encode(), values).fetchone()

    return {"append": append, "list": lambda: cursor.execute(listing, [organization]).fetchall()}


def sqlite_calls(path: str, ids: Sequence[UUID]) -> dict[str, Call]:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    organization = _organization(
        connection.execute("SELECT id FROM accounts_organization WHERE slug = 'bench'").fetchone()
    )
    threads, sentences = [each.hex for each in ids], Sentences()

    def append() -> Any:
        role, content, artifact, metadata, words = sentences.next()
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        thread, message = random.choice(threads), uuid7().hex  # noqa: S311
        connection.execute("BEGIN IMMEDIATE")
        [(position, _leaf)] = connection.execute(SQLITE_ALLOCATE, (now, now, thread, organization)).fetchall()
        connection.execute(
            SQLITE_INSERT, (message, organization, thread, position, role, content, artifact, metadata, now)
        )
        number = connection.execute(SQLITE_DOCUMENT, (message, thread, organization)).lastrowid
        connection.execute(SQLITE_WORDS, (number, " ".join(words)))
        connection.execute("COMMIT")
        return position

    return {"append": append, "list": lambda: connection.execute(LIST, (organization,)).fetchall()}


def _organization(row: Any) -> Any:
    if row is None:
        raise SystemExit("This database was not filled by bench.seed_parley.")
    return row[0]


def measure(call: Call, *, seconds: float, postmaster: int | None) -> dict[str, float]:
    for _ in range(WARM_CALLS):
        if not call():
            raise SystemExit("The statement changed nothing.")
    waits: list[float] = []
    database, own, started = _database_seconds(postmaster), time.process_time(), time.perf_counter()
    end = started + seconds
    while (now := time.perf_counter()) < end:
        call()
        waits.append(time.perf_counter() - now)
    took = time.perf_counter() - started
    own, database = time.process_time() - own, _database_seconds(postmaster) - database
    waits.sort()
    return {
        "requests_per_second": len(waits) / took,
        "p50_ms": waits[len(waits) // 2] * 1e3,
        "p99_ms": waits[len(waits) * 99 // 100] * 1e3,
        "server_us": own / len(waits) * 1e6,
        "database_us": database / len(waits) * 1e6,
    }


def _database_seconds(postmaster: int | None) -> float:
    return 0.0 if postmaster is None else processes.cpu_seconds(processes.tree(postmaster))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("operation", choices=("append", "list"))
    parser.add_argument("--ids", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--postmaster", type=int)
    options = parser.parse_args()
    ids = [UUID(line) for line in options.ids.read_text(encoding="utf-8").split()]
    is_sqlite = options.url.startswith("sqlite:///")
    calls = sqlite_calls(options.url[len("sqlite:///") :], ids) if is_sqlite else postgresql_calls(options.url, ids)
    found = measure(calls[options.operation], seconds=options.seconds, postmaster=options.postmaster)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
