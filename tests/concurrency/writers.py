"""Sixteen processes write to one SQLite file; prints what came of it as JSON.

DATABASE_URL=sqlite:////tmp/file python -m tests.concurrency.writers PROCESSES TRANSACTIONS
"""

from __future__ import annotations

import json
import os
import sys
import time

import django
from django.db import connection, transaction

from tests.concurrency.forking import in_processes


def write_many(number: int, transactions: int) -> float:
    """Commit write transactions one after the other; return the longest one in seconds."""
    longest = 0.0
    for turn in range(transactions):
        started = time.monotonic()
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE tally SET total = total + 1")
            cursor.execute("INSERT INTO entry (writer, turn) VALUES (%s, %s)", [number, turn])
        longest = max(longest, time.monotonic() - started)
    return longest


def main(processes: int, transactions: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tally (total INTEGER NOT NULL)")
        cursor.execute("INSERT INTO tally VALUES (0)")
        cursor.execute("CREATE TABLE entry (writer INTEGER, turn INTEGER)")
    started = time.monotonic()
    waits = in_processes(processes, lambda number: write_many(number, transactions))
    seconds = time.monotonic() - started
    print(json.dumps({"waits": waits, "seconds": seconds}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
