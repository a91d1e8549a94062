"""The search index: tables that only `conversations.search` knows, with a form for each database."""

from __future__ import annotations

from typing import Any

from django.db import migrations

SQLITE = (
    """
    CREATE TABLE search_document (
        number INTEGER PRIMARY KEY,
        id char(32) NOT NULL CONSTRAINT search_document_unique UNIQUE,
        thread_id char(32) NOT NULL REFERENCES conversations_thread (id) ON DELETE CASCADE,
        organization_id char(32) NOT NULL
    )
    """,
    "CREATE INDEX search_document_by_thread ON search_document (thread_id)",
    """CREATE VIRTUAL TABLE search_words USING fts5 (words, detail = 'none', tokenize = "ascii tokenchars '_'")""",
    """
    CREATE TRIGGER search_document_removed AFTER DELETE ON search_document
    BEGIN DELETE FROM search_words WHERE rowid = OLD.number; END
    """,
)

SQLITE_BACK = ("DROP TABLE search_words", "DROP TABLE search_document")

POSTGRESQL = (
    """
    CREATE TABLE search_document (
        id uuid CONSTRAINT search_document_pkey PRIMARY KEY,
        thread_id uuid NOT NULL REFERENCES conversations_thread (id) ON DELETE CASCADE,
        organization_id uuid NOT NULL,
        words tsvector NOT NULL
    )
    """,
    "CREATE INDEX search_document_by_thread ON search_document (thread_id)",
    "CREATE INDEX search_document_words ON search_document USING gin (words)",
)

POSTGRESQL_BACK = ("DROP TABLE search_document",)


def create(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop(apps: Any, schema_editor: Any) -> None:
    for statement in POSTGRESQL_BACK if schema_editor.connection.vendor == "postgresql" else SQLITE_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_threads_messages_and_feedback")]

    operations = [migrations.RunPython(create, drop)]
