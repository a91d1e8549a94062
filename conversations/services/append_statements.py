"""The statements of an append to the end of a thread, from the models' own columns."""

from __future__ import annotations

from django.db.models import JSONField

from conversations.models import Message, Thread
from conversations.search import inserted_by_postgresql
from core.fast.statements import Statement

GIVEN = (
    *("id", "role", "content", "parts", "artifact_data", "metadata", "external_id"),
    *("status", "provider", "model", "usage", "finish_reason", "created_at"),
)
"""Columns of a message that the caller decides about, in the order of the statements' parameters."""

DOCUMENTS = frozenset(name for name in GIVEN if isinstance(Message._meta.get_field(name), JSONField))
_TYPES = {"id": "uuid", "created_at": "timestamptz", **dict.fromkeys(DOCUMENTS, "jsonb")}

# A clock that went back must not make the thread sink in the list.
_TAKE = f"""
UPDATE {Thread._meta.db_table} SET last_position = last_position + %s, message_count = message_count + %s,
       last_message_at = %s, updated_at = {{later}}(updated_at, %s), version = version + 1
WHERE id = %s AND organization_id = %s AND trashed_at IS NULL AND active_leaf IS NULL
RETURNING last_position"""
_TABLE = Message._meta.db_table
_COLUMNS = f"{', '.join(GIVEN)}, thread_id, organization_id, position, version"
_PARENT = f"SELECT {{}} FROM {_TABLE} WHERE thread_id = {{}} AND organization_id = {{}} AND position = {{}}"

SQLITE_TAKE = Statement(_TAKE.format(later="max"))
SQLITE_INSERT = Statement(f"INSERT INTO {_TABLE} ({_COLUMNS}) VALUES ({', '.join(['%s'] * (len(GIVEN) + 3))}, 1)")
SQLITE_PARENT = Statement(_PARENT.format("id", "%s", "%s", "%s"))


def _postgresql(given: str, count: str) -> Statement:
    """The one statement; `given` selects `GIVEN`, `number` (1, 2, 3 …) and `words` of each message.

    Its last parameter but that of a `count` is the organization: the parent is looked for in one shard.
    """
    own = ", ".join(f"given.{name}" for name in GIVEN)
    parent = _PARENT.format("id::text", "taken.thread_id", "%s::uuid", f"taken.last_position - {count}")
    return Statement(
        f"""
WITH given AS ({given}),
taken AS ({_TAKE.format(later="greatest")}, id AS thread_id, organization_id),
added AS (
    INSERT INTO {_TABLE} ({_COLUMNS})
    SELECT {own}, taken.thread_id, taken.organization_id, taken.last_position - {count} + given.number, 1
    FROM given, taken
),
document AS (SELECT given.id, taken.thread_id, taken.organization_id, given.words FROM given, taken),
indexed AS ({inserted_by_postgresql("document", "words")})
SELECT taken.last_position, ({parent}) FROM taken"""
    )


def _cast(name: str, source: str) -> str:
    return f"{source}::{_TYPES.get(name, 'text')} AS {name}"


POSTGRESQL_ONE = _postgresql(
    f"SELECT {', '.join(_cast(name, '%s') for name in GIVEN)}, 1 AS number, %s::text AS words", "1"
)
POSTGRESQL_MANY = _postgresql(
    f"SELECT {', '.join(_cast(name, name) for name in GIVEN)}, number, words FROM json_to_recordset(%s::json) "
    f"AS listed ({', '.join(f'{name} text' for name in (*GIVEN, 'words'))}, number int)",
    "%s::int",
)
"""The same for many messages, which come as one JSON document: a list of objects with every column as text, `words`
and `number`. Behind the rest come count, organization, count."""
