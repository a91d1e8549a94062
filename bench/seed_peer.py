"""Fill a database of the peer with the same conversations, in its own two tables."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench import corpus

SCHEMA = Path(__file__).parent / "peer" / "schema.sql"
THREAD_COLUMNS = ("id", "title", "agent_type", "model", "provider", "created_at", "updated_at")
MESSAGE_COLUMNS = ("id", "thread_id", "role", "content", "artifact_data", "message_metadata", "created_at")

Row = tuple[Any, ...]


def seed_sqlite(path: Path, messages: int, deep: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        connection.execute("BEGIN")
        for table, columns, rows in tables(messages, deep):
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def seed_postgresql(url: str, messages: int, deep: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())
        for table, columns, rows in tables(messages, deep):
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")


def tables(messages: int, deep: int) -> list[tuple[str, tuple[str, ...], Iterator[Row]]]:
    return [
        ("threads", THREAD_COLUMNS, threads(messages, deep)),
        ("messages", MESSAGE_COLUMNS, rows_of_messages(messages, deep)),
    ]


def threads(messages: int, deep: int) -> Iterator[Row]:
    ids: list[tuple[UUID, int]] = [(each, corpus.MESSAGES_PER_THREAD) for each in corpus.thread_ids(messages)]
    for number, (thread_id, count) in enumerate([*ids, (corpus.DEEP, deep)] if deep else ids):
        created = corpus.START + timedelta(milliseconds=number)
        updated = created + timedelta(seconds=count)
        yield (str(thread_id), f"Thread {number}", "chat", "gpt-4o-mini", "openai", stamp(created), stamp(updated))


def rows_of_messages(messages: int, deep: int) -> Iterator[Row]:
    source = random.Random(11)  # noqa: S311  ids, not secrets
    yield from (row(source, each) for each in corpus.said(messages))
    yield from (row(source, each) for each in corpus.said_in_deep_thread(deep, serial=messages))


def row(source: random.Random, said: corpus.Said) -> Row:
    return (
        str(UUID(int=source.getrandbits(128), version=4)),
        str(said.thread),
        said.role,
        said.content,
        None if said.artifact_data is None else json.dumps(said.artifact_data),
        json.dumps(said.metadata),
        stamp(said.created_at),
    )


def stamp(moment: datetime) -> str:
    """A time as SQLAlchemy writes it into SQLite."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
