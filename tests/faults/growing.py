"""A database of a realistic size: rows that the database itself copies."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from conversations.models import Message, Thread
from tests.concurrency.stage import Database
from tests.databases import connected

MESSAGES_A_THREAD = 100

_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(2, %s) numbers (n)",
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s) "
    "SELECT n FROM numbers",
}
_NEW_ID = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}


def grow(database: Database, thread_id: str, messages: int) -> None:
    """Copy the one message of a thread until the thread has that many, and the thread for every hundred of them."""
    with connected(database.url) as connection:
        source = thread_id if connection.vendor == "postgresql" else thread_id.replace("-", "")
        _copy(connection, Message, f"thread_id = '{source}'", messages, {"position": "n"})
        empty = {"last_position": "0", "message_count": "0"}
        _copy(connection, Thread, f"id = '{source}'", messages // MESSAGES_A_THREAD, empty)
        counted = Thread.objects.using(connection.alias).filter(pk=thread_id)
        counted.update(last_position=messages, message_count=messages)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _copy(
    connection: BaseDatabaseWrapper,
    model: type[Thread] | type[Message],
    condition: str,
    count: int,
    changed: dict[str, str],
) -> None:
    """Insert the row that fits the condition again until there are `count`, with new ids and changed columns."""
    columns = [str(field.column) for field in model._meta.local_concrete_fields]
    values = {column: column for column in columns} | {"id": _NEW_ID[connection.vendor]} | changed
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
            f"SELECT {', '.join(values[column] for column in columns)} "
            f"FROM {model._meta.db_table} CROSS JOIN ({_NUMBERS[connection.vendor]}) numbers WHERE {condition}",
            [count],
        )
