"""Writes that are worth a short wait only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def impatient(*, milliseconds: int, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """On SQLite, let statements inside wait no longer for another writer than this; elsewhere change nothing.

    It is for single statements in autocommit: the gate in front of transactions has its own time limit.
    """
    connection = connections[using]
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    raw = connection.connection
    [[before]] = raw.execute("PRAGMA busy_timeout").fetchall()
    raw.execute(f"PRAGMA busy_timeout = {int(milliseconds)}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA busy_timeout = {int(before)}")
