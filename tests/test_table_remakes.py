"""SQLite alters a table by making it anew: rows, keys and the search index come through, as on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import AddConstraint, AddField, AlterField, RemoveField
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from accounts.models import Organization
from conversations.models import Feedback, Message, Thread
from conversations.search import Document, index_documents, matching, remove_documents
from core.ids import uuid7
from tests.schemas import schema_of

OPERATIONS: dict[str, Operation] = {
    "thread gets a column": AddField("thread", "mood", models.CharField(max_length=9, default="calm")),
    "thread column becomes longer": AlterField("thread", "agent_type", models.CharField(max_length=80)),
    "thread column may be null": AlterField("thread", "provider", models.CharField(max_length=50, null=True)),
    "thread loses a column": RemoveField("thread", "archived_at"),
    "thread gets a constraint": AddConstraint(
        "thread", models.CheckConstraint(condition=~models.Q(model=""), name="thread_model_given")
    ),
    "message gets a column": AddField("message", "mood", models.CharField(max_length=9, default="calm")),
    "message column becomes longer": AlterField("message", "role", models.CharField(max_length=40)),
    "message gets a constraint": AddConstraint(
        "message", models.CheckConstraint(condition=~models.Q(role=""), name="message_role_given")
    ),
    "organization gets a column": AddField("organization", "mood", models.CharField(max_length=9, default="calm")),
}


@dataclass(frozen=True)
class Stored:
    """Rows that stand when a table is altered."""

    connection: BaseDatabaseWrapper
    organization: Organization
    thread: Thread
    messages: list[Message]

    @property
    def alias(self) -> str:
        return self.connection.alias

    def snapshot(self) -> dict[str, Any]:
        """All rows as the models of today read them, what a search finds, and the definition of the index."""
        rows = {
            model._meta.label: list(model._default_manager.using(self.alias).order_by("pk").values(*columns_of(model)))
            for model in (Organization, Thread, Message, Feedback)
        }
        schema = schema_of(self.connection)
        index = {name: schema[name] for name in schema if name.startswith("search_")}
        return {**rows, "found": self.found("all"), "one": self.found("word2"), "index": index}

    def found(self, word: str) -> list[Any]:
        query = matching(word, organization_id=self.organization.pk, column="id", using=self.alias)
        messages = Message.objects.using(self.alias).filter(id__in=query)
        return list(messages.order_by("position").values_list("position", flat=True))

    def documents(self) -> tuple[int, int]:
        """Rows of the search index: documents, and the words kept for them."""
        words = "search_words" if self.connection.vendor == "sqlite" else "search_document"
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT (SELECT count(*) FROM search_document), (SELECT count(*) FROM {words})")
            documents, kept = cursor.fetchone()
            return documents, kept


def columns_of(model: type[models.Model]) -> list[str]:
    """The columns that no operation above takes away."""
    return [field.attname for field in model._meta.local_concrete_fields if field.attname != "archived_at"]


@pytest.fixture
def stored(fresh_connection: BaseDatabaseWrapper) -> Stored:
    alias = fresh_connection.alias
    call_command("migrate", database=alias, verbosity=0)
    organization = Organization.objects.using(alias).create(slug="acme", name="Acme")
    thread = Thread.objects.using(alias).create(
        organization=organization, agent_type="chat", model="m", provider="p", last_position=3, message_count=3
    )
    messages = Message.objects.using(alias).bulk_create(
        Message(organization=organization, thread=thread, position=n, role="user", content=f"word{n} all")
        for n in (1, 2, 3)
    )
    documents = [Document(row.pk, thread.pk, organization.pk, row.content or "") for row in messages]
    index_documents(documents, using=alias)
    Feedback.objects.using(alias).create(organization=organization, message=messages[0], rating=1)
    return Stored(fresh_connection, organization, thread, messages)


def alter(stored: Stored, name: str) -> Iterator[str]:
    """Carry an operation out, then take it back; yield after each."""
    operation = OPERATIONS[name]
    app = "accounts" if name.startswith("organization") else "conversations"
    before = ProjectState.from_apps(apps)
    after = before.clone()
    operation.state_forwards(app, after)
    with stored.connection.schema_editor() as editor:
        operation.database_forwards(app, editor, before, after)
    yield "forwards"
    with stored.connection.schema_editor() as editor:
        operation.database_backwards(app, editor, after, before)
    yield "backwards"


def test_altering_tables_loses_nothing(stored: Stored) -> None:
    before = stored.snapshot()
    assert (before["found"], before["one"]) == ([1, 2, 3], [2])
    after = {(name, step): stored.snapshot() for name in OPERATIONS for step in alter(stored, name)}
    assert [place for place, found in after.items() if found != before] == []


def test_altering_tables_there_and_back_leaves_the_schema(stored: Stored) -> None:
    before = schema_of(stored.connection)
    for name in OPERATIONS:
        there, back = [schema_of(stored.connection) for _step in alter(stored, name)]
        assert there != before
        assert back == before


def test_index_follows_its_rows_after_tables_were_altered(stored: Stored) -> None:
    for name in OPERATIONS:
        assert list(alter(stored, name)) == ["forwards", "backwards"]
    first = stored.messages[0]
    remove_documents([first.pk], organization_id=first.organization_id, using=stored.alias)
    assert (stored.found("all"), stored.documents()) == ([2, 3], (2, 2))
    Feedback.objects.using(stored.alias).all().delete()
    with stored.connection.cursor() as cursor:
        cursor.execute("DELETE FROM conversations_message")
        cursor.execute("DELETE FROM conversations_thread")
    assert stored.documents() == (0, 0)


def test_foreign_keys_hold_after_tables_were_altered(stored: Stored) -> None:
    messages = Message.objects.using(stored.alias)
    for name in OPERATIONS:
        for _step in alter(stored, name):
            with pytest.raises(IntegrityError), transaction.atomic(using=stored.alias):
                index_documents([Document(uuid7(), uuid7(), stored.organization.pk, "all")], using=stored.alias)
            with pytest.raises(IntegrityError), transaction.atomic(using=stored.alias):
                messages.filter(position=1).update(thread_id=uuid7())
                stored.connection.check_constraints()
    assert stored.documents() == (3, 3)
