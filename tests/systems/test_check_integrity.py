"""`manage.py check_integrity` finds every kind of damage that the database lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, models

from accounts.actors import SystemActor
from accounts.models import Organization
from conversations.models import Feedback, Message, Thread
from conversations.services import append_messages, create_feedback, create_thread, trash_message, trash_thread
from core.integrity import checks

pytestmark = pytest.mark.django_db(transaction=True)

FIELDS = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}


@pytest.fixture
def conversation(actor: SystemActor) -> Thread:
    """Five messages: a question, two answers on branches, what followed; one lies in the trash, one has feedback."""
    thread = create_thread(actor=actor, fields=FIELDS)
    ids = [uuid4() for _ in range(5)]
    messages: list[dict[str, Any]] = [
        {"id": ids[0], "role": "user", "content": "question"},
        {"id": ids[1], "role": "assistant", "content": "answer"},
        {"id": ids[2], "role": "assistant", "content": "another", "parent_id": ids[0]},
        {"id": ids[3], "role": "user", "content": "thanks"},
        {"id": ids[4], "role": "user", "content": "trashed"},
    ]
    append_messages(actor=actor, thread_id=thread.pk, messages=messages)
    create_feedback(actor=actor, message_id=ids[0], fields={"rating": 1})
    trash_message(actor=actor, message_id=ids[4])
    return Thread.objects.get(pk=thread.pk)


@contextmanager
def unguarded() -> Iterator[None]:
    """The database without its own checks, as a careless tool would leave it."""
    statements = {
        "sqlite": (
            ["PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"],
            ["PRAGMA foreign_keys = ON", "PRAGMA ignore_check_constraints = OFF"],
        ),
        "postgresql": (
            [
                "SET session_replication_role = replica",
                "ALTER TABLE conversations_message DROP CONSTRAINT message_parent_before_child",
            ],
            ["SET session_replication_role = origin"],
        ),
    }
    before, after = statements[connection.vendor]
    run(*before)
    try:
        yield
    finally:
        run(*after)


@pytest.fixture
def damaged() -> Iterator[None]:
    """Removes what the damage left behind, and gives the tables back the constraints that it took."""
    yield
    with unguarded_cleanup():
        for table in ("conversations_feedback", "conversations_message", "search_document", "conversations_thread"):
            run(f"DELETE FROM {table}")
    if connection.vendor == "postgresql":
        restore_constraints()


@contextmanager
def unguarded_cleanup() -> Iterator[None]:
    if connection.vendor == "sqlite":
        run("PRAGMA foreign_keys = OFF")
        yield
        run("PRAGMA foreign_keys = ON")
    else:
        run("SET session_replication_role = replica")
        yield
        run("SET session_replication_role = origin")


def restore_constraints() -> None:
    name = "message_parent_before_child"
    run(f"ALTER TABLE conversations_message DROP CONSTRAINT IF EXISTS {name}")
    [constraint] = [found for found in Message._meta.constraints if found.name == name]
    with connection.schema_editor() as editor:
        editor.add_constraint(Message, constraint)


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def told(*arguments: str) -> tuple[list[str], str]:
    """The lines that the command writes, and the error that it ends with, "" for none."""
    written = StringIO()
    try:
        call_command("check_integrity", *arguments, stdout=written)
    except CommandError as error:
        assert error.returncode == 1
        return written.getvalue().splitlines(), str(error)
    return written.getvalue().splitlines(), ""


def message_at(thread: Thread, position: int) -> UUID:
    found: UUID = Message.objects.get(organization_id=thread.organization_id, thread=thread, position=position).pk
    return found


def test_a_whole_database_has_nothing_wrong(conversation: Thread) -> None:
    lines, error = told()

    assert (lines, error) == ([f"Nothing is wrong: {', '.join(checks())}."], "")
    assert list(checks()) == [
        "file",
        "foreign keys",
        "tenants",
        "indexes",
        "positions",
        "message counts",
        "parents",
        "active branches",
    ]


def lose_message(thread: Thread) -> None:
    Message.objects.filter(organization_id=thread.organization_id, pk=message_at(thread, 2))._raw_delete("default")


def move_last_position(thread: Thread) -> None:
    Thread.objects.filter(organization_id=thread.organization_id, pk=thread.pk).update(last_position=9)


def miscount(thread: Thread) -> None:
    Thread.objects.filter(organization_id=thread.organization_id, pk=thread.pk).update(message_count=1)


def answer_the_future(thread: Thread) -> None:
    Message.objects.filter(organization_id=thread.organization_id, pk=message_at(thread, 2)).update(parent_position=4)


def show_another_branch(thread: Thread) -> None:
    Thread.objects.filter(organization_id=thread.organization_id, pk=thread.pk).update(active_path=None)


def lose_thread(thread: Thread) -> None:
    Thread.objects.filter(organization_id=thread.organization_id, pk=thread.pk)._raw_delete("default")


def lose_message_with_feedback(thread: Thread) -> None:
    Message.objects.filter(organization_id=thread.organization_id, pk=message_at(thread, 1))._raw_delete("default")


def move_message_to_rival(thread: Thread) -> None:
    rival = Organization.objects.create(slug="rival", name="Rival")
    Message.objects.filter(organization_id=thread.organization_id, pk=message_at(thread, 4)).update(organization=rival)


def move_feedback_to_rival(thread: Thread) -> None:
    rival = Organization.objects.create(slug="rival", name="Rival")
    Feedback.objects.filter(organization_id=thread.organization_id).update(organization=rival)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lose_message, {"positions": 1, "message counts": 1}),
        (move_last_position, {"positions": 1}),
        (miscount, {"message counts": 1}),
        (answer_the_future, {"parents": 1}),
        (show_another_branch, {"active branches": 1}),
        (lose_message_with_feedback, {"foreign keys": 1, "positions": 1, "message counts": 1}),
        (move_message_to_rival, {"tenants": 1, "positions": 1, "message counts": 1}),
        (move_feedback_to_rival, {"tenants": 1}),
    ],
)
def test_damage_is_found(
    conversation: Thread, damaged: None, damage: Callable[[Thread], None], expected: dict[str, int]
) -> None:
    with unguarded():
        damage(conversation)

    lines, error = told()

    # SQLite finds a row that breaks a CHECK by itself; PostgreSQL never lets one in.
    names = [name for line in lines if (name := line.partition(":")[0]) != "file"]
    assert {name: names.count(name) for name in names} == expected
    assert error.startswith(f"Problems found: {len(lines)} (")


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a CHECK of PostgreSQL cannot be switched off")
def test_a_row_that_breaks_a_check_is_found(conversation: Thread, damaged: None) -> None:
    with unguarded():
        answer_the_future(conversation)

    assert "file: database: CHECK constraint failed in conversations_message" in told()[0]


def test_orphans_of_a_lost_thread_are_told_one_by_one(conversation: Thread, damaged: None) -> None:
    with unguarded():
        lose_thread(conversation)

    lines, error = told()

    orphans = [line for line in lines if line.startswith("foreign keys: conversations_message ")]
    assert len(orphans) == 5
    assert "foreign keys" in error


def test_a_finding_names_its_row(conversation: Thread, damaged: None) -> None:
    with unguarded():
        miscount(conversation)

    lines, _error = told()

    assert lines == [
        f"message counts: conversations_thread {conversation.pk}: It has 4 messages outside the trash and says 1."
    ]


def test_no_more_rows_are_told_than_asked_for(conversation: Thread, damaged: None) -> None:
    with unguarded():
        lose_thread(conversation)

    lines, error = told("--limit", "2")

    foreign_keys = [line for line in lines if line.startswith("foreign keys")]
    assert len(foreign_keys) == 3
    assert foreign_keys[-1].startswith("foreign keys: and ")
    assert error != ""


def test_an_interrupted_purge_is_no_damage(conversation: Thread, actor: SystemActor) -> None:
    trash_thread(actor=actor, thread_id=conversation.pk)
    last = Message.objects.filter(organization_id=actor.organization_id, thread=conversation, position__gte=4)
    last.delete()

    assert told()[1] == ""


def test_the_command_does_not_read_message_contents(actor: SystemActor) -> None:
    thread = create_thread(actor=actor, fields=FIELDS)
    say(actor, thread, 1)
    few = statements_of_the_command()
    say(actor, thread, 60)
    many = statements_of_the_command()

    assert [sql for sql in many if '"content"' in sql or '"parts"' in sql] == []
    assert len(many) == len(few)


def say(actor: SystemActor, thread: Thread, count: int) -> None:
    append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "tool", "content": "x" * 10_000}] * count)


def statements_of_the_command() -> list[str]:
    statements: list[str] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        assert told()[1] == ""
    return statements


def test_the_models_have_foreign_keys_to_look_at() -> None:
    keys = [field for field in Message._meta.concrete_fields if isinstance(field, models.ForeignKey)]

    assert [field.name for field in keys] == ["organization", "thread"]
