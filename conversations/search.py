"""The search index over titles and messages.

Words are cut in Python and stored as a set for each document, in FTS5 on SQLite and as a `tsvector` with GIN on
PostgreSQL, so that both databases find the same. A query finds the documents that hold all of its words; signs and
ideographs count as words of one character, upper and lower case are the same.

The tables belong to this module alone: `search_document` on both, with the words in `search_words` on SQLite. A
document is a message or, for its title, a thread.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import UUIDField
from django.db.models.expressions import RawSQL

from core.fast.statements import Statement
from core.row_search import SUFFIX
from core.row_security import is_scoped

_IDEOGRAPH = "\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|(?:(?![{_IDEOGRAPH}_])\w)+|\S")

_ASCII_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")
"""The same words in text that is ASCII and in lower case, found several times faster."""

MAX_WORD_LENGTH = 200
MAX_WORDS = 20_000
MAX_BYTES = 2**20 - 1
"""What a `tsvector` holds at most; text beyond this many different words is stored but not found by them.

`array_to_tsvector` does not look: it would store a value that finds wrong words and that no dump can be restored from.
"""


@dataclass(frozen=True, slots=True)
class Document:
    """A message or a thread's title, as it enters the index."""

    id: UUID
    thread_id: UUID
    organization_id: UUID
    text: str


def words_of(text: str) -> list[str]:
    """Return the different words of a text, in order of appearance, `MAX_WORDS` at most."""
    if text.isascii():
        found = _ASCII_WORD.findall(text.lower())
    else:
        found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    words = dict.fromkeys(found)
    if max(map(len, words), default=0) > MAX_WORD_LENGTH:
        words = dict.fromkeys(map(_shortened, words))
    kept = list(words)[:MAX_WORDS]
    return kept if sum(map(len, kept)) <= MAX_BYTES // 4 else _fitting(kept)


def _fitting(words: list[str]) -> list[str]:
    """The first words that lie within `MAX_BYTES` together."""
    sizes = accumulate(len(word.encode()) for word in words)
    return [word for word, size in zip(words, sizes, strict=True) if size <= MAX_BYTES]


def _shortened(word: str) -> str:
    """A word as it is indexed: a long one by its beginning and a digest of the whole."""
    if len(word) <= MAX_WORD_LENGTH:
        return word
    return word[: MAX_WORD_LENGTH // 2] + hashlib.sha256(word.encode()).hexdigest()


def inserted_by_postgresql(of: str, words: str) -> str:
    """SQL that indexes new documents; `of` has columns `id`, `thread_id` and `organization_id`.

    `words` is the expression of a document's words with blanks between them (see `joined`), empty for none.
    """
    return (
        "INSERT INTO search_document (id, thread_id, organization_id, words) "
        f"SELECT id, thread_id, organization_id, array_to_tsvector(string_to_array({words}, ' ')) FROM {of} "
        f"WHERE {words} <> ''"
    )


def joined(text: str | None) -> str:
    """The words of a document for `inserted_by_postgresql`."""
    return " ".join(words_of(text)) if text else ""


def insert_by_sqlite(documents: Sequence[tuple[str, str, str, str]]) -> None:
    """Index new documents inside a write transaction: id, thread, organization (UUIDs in hex) and text of each."""
    _number_and_insert([(*ids, words) for *ids, text in documents if (words := words_of(text))])


def _number_and_insert(rows: Sequence[tuple[Any, ...]], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Insert documents (id, thread, organization, words); whoever writes to SQLite is alone to choose a number."""
    if not rows:
        return
    [[last]] = _LAST_NUMBER.rows((), using=using)
    _SQLITE_DOCUMENT.many([(last + index, *row[:3]) for index, row in enumerate(rows, 1)], using=using)
    _SQLITE_WORDS.many([(last + index, _plain_text(row[3])) for index, row in enumerate(rows, 1)], using=using)


_LAST_NUMBER = Statement("SELECT coalesce(max(number), 0) FROM search_document")
_SQLITE_DOCUMENT = Statement(
    "INSERT INTO search_document (number, id, thread_id, organization_id) VALUES (%s, %s, %s, %s)"
)
_SQLITE_WORDS = Statement("INSERT INTO search_words (rowid, words) VALUES (%s, %s)")


def index_documents(documents: Sequence[Document], *, using: str = DEFAULT_DB_ALIAS) -> int:
    """Put new documents into the index, in the transaction of the rows they describe; returns how many had words."""
    rows = [(document, words) for document in documents if (words := words_of(document.text))]
    if rows:
        _index_of(using).add(rows)
    return len(rows)


def remove_documents(ids: Iterable[UUID], *, organization_id: UUID, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take documents of an organization out of the index; ids that are not in it are passed over."""
    _index_of(using).remove(list(ids), organization_id)


def matching(query: str, *, organization_id: UUID | None, column: str, using: str = DEFAULT_DB_ALIAS) -> RawSQL:
    """Return a subquery of `column` (`id` or `thread_id`) of the documents that hold every word of the query.

    Without an organization it finds those of all of them, which is for the platform's administrators alone.
    """
    words = words_of(query)
    if not words:
        return RawSQL(f"SELECT {column} FROM search_document WHERE 1 = 0", (), output_field=UUIDField())
    return _index_of(using).find(words, organization_id, column)


def indexed_ids(ids: Sequence[UUID], *, organization_id: UUID, using: str = DEFAULT_DB_ALIAS) -> set[UUID]:
    """Return those of the ids that are in the index."""
    index = _index_of(using)
    marks = ", ".join(["%s"] * len(ids))
    with index.connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM search_document WHERE organization_id = %s AND id IN ({marks})",
            [index.adapt(each) for each in (organization_id, *ids)],
        )
        return {UUID(str(row[0])) for row in cursor.fetchall()}


class _PostgreSQLIndex:
    """One table whose `words` column is a `tsvector` under a GIN index."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def adapt(self, value: UUID) -> Any:
        return value

    def add(self, rows: Sequence[tuple[Document, list[str]]]) -> None:
        values = [(document.id, document.thread_id, document.organization_id, words) for document, words in rows]
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO search_document (id, thread_id, organization_id, words) "
                "VALUES (%s, %s, %s, array_to_tsvector(%s::text[]))",
                values,
            )

    def remove(self, ids: list[UUID], organization_id: UUID) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM search_document WHERE organization_id = %s AND id = ANY(%s)", [organization_id, ids]
            )

    def find(self, words: list[str], organization_id: UUID | None, column: str) -> RawSQL:
        query = " & ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)
        sql, joint = f"SELECT {column} FROM search_document WHERE words @@ %s::tsquery", "AND"
        if is_scoped():
            # The policy would keep the search from its index; the function finds the scope's documents by it.
            sql, joint = f"SELECT {column} FROM search_document{SUFFIX}(%s::tsquery)", "WHERE"
        if organization_id is None:
            return RawSQL(sql, (query,), output_field=UUIDField())
        return RawSQL(f"{sql} {joint} organization_id = %s", (query, organization_id), output_field=UUIDField())


class _SQLiteIndex:
    """A table of documents, and an FTS5 table of their words under the same row number."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def adapt(self, value: UUID) -> Any:
        return value.hex

    def add(self, rows: Sequence[tuple[Document, list[str]]]) -> None:
        listed = [
            (document.id.hex, document.thread_id.hex, document.organization_id.hex, words) for document, words in rows
        ]
        _number_and_insert(listed, using=self.connection.alias)

    def remove(self, ids: list[UUID], organization_id: UUID) -> None:
        rows = [(each.hex, organization_id.hex) for each in ids]
        with self.connection.cursor() as cursor:
            cursor.executemany("DELETE FROM search_document WHERE id = %s AND organization_id = %s", rows)

    def find(self, words: list[str], organization_id: UUID | None, column: str) -> RawSQL:
        query = " AND ".join(f'"{_plain(word)}"' for word in words)
        sql = (
            f"SELECT document.{column} FROM search_words JOIN search_document document "
            "ON document.number = search_words.rowid WHERE search_words MATCH %s"
        )
        if organization_id is None:
            return RawSQL(sql, (query,), output_field=UUIDField())
        narrowed = f"{sql} AND document.organization_id = %s"
        return RawSQL(narrowed, (query, organization_id.hex), output_field=UUIDField())


def _plain_text(words: Sequence[str]) -> str:
    """Words for FTS5 with blanks between them."""
    text = " ".join(words)
    if text.isascii() and text.replace(" ", "").isalnum():
        return text
    return " ".join(map(_plain, words))


def _plain(word: str) -> str:
    """A word as FTS5's `ascii` tokenizer keeps it whole: letters and digits as they are, all else in hex."""
    return word if word.isascii() and word.isalnum() else "_" + word.encode().hex()


def _index_of(using: str) -> _PostgreSQLIndex | _SQLiteIndex:
    connection = connections[using]
    return _PostgreSQLIndex(connection) if connection.vendor == "postgresql" else _SQLiteIndex(connection)
