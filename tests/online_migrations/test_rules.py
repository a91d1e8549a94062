"""Every migration of the project may run beside the release before it, or says here why it need not."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q

from core.online_migrations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    Backfill,
    DropForgottenColumn,
    ForgetField,
)
from tests.architecture.source import APPS
from tests.online_migrations.rules import LARGE, complaints


class Excuse(NamedTuple):
    """How many complaints there are, and why they may stand."""

    complaints: int
    reason: str


FIRST_RELEASE = "0.1.0 is the first release: no other runs beside it, and nothing is stored yet"

EXCUSES: dict[tuple[str, str], Excuse] = {
    ("accounts", "0003_keys_and_members_are_narrowed"): Excuse(10, FIRST_RELEASE),
    ("accounts", "0004_members_get_a_role"): Excuse(1, "one UPDATE of memberships, which are few"),
    ("accounts", "0005_every_member_has_a_role"): Excuse(1, FIRST_RELEASE),
    ("conversations", "0002_search_index"): Excuse(1, "makes new tables, in one transaction"),
    ("conversations", "0003_thread_domain"): Excuse(2, FIRST_RELEASE),
    ("conversations", "0004_search_words_are_merged_less_often"): Excuse(1, "sets one number of the index"),
    ("ledger", "0002_audit_is_append_only"): Excuse(1, "makes triggers, in one transaction"),
}

LOADER = MigrationLoader(None)
OURS = sorted(node for node in LOADER.disk_migrations if node[0] in APPS)


def found(node: tuple[str, str]) -> list[str]:
    return complaints(LOADER.disk_migrations[node], LOADER.project_state(node, at_end=False))


def test_large_tables_are_there() -> None:
    assert sorted(LARGE - {model._meta.label_lower for model in apps.get_models()}) == []


@pytest.mark.parametrize("node", OURS, ids="-".join)
def test_migration_may_run_under_load(node: tuple[str, str]) -> None:
    said = found(node)
    excuse = EXCUSES.get(node, Excuse(0, ""))
    assert len(said) == excuse.complaints, "\n".join(said)


def test_excuses_are_for_migrations_that_are_there() -> None:
    assert sorted(set(EXCUSES) - set(OURS)) == []


NULLABLE = models.CharField(max_length=9, null=True)
INDEX = models.Index(fields=["role"], name="by_role")
CHECK = models.CheckConstraint(condition=~Q(role=""), name="role_given")
UNIQUE = models.UniqueConstraint(fields=["role"], name="role_unique")
ROLE = models.CharField(max_length=20)


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (migrations.AddField("message", "mood", NULLABLE), "on a large table take AddFieldOnline"),
        (migrations.AddIndex("message", INDEX), "on a large table take AddIndexOnline"),
        (migrations.RemoveIndex("message", "message_by_id"), "on a large table take RemoveIndexOnline"),
        (migrations.AddConstraint("message", CHECK), "on a large table take AddConstraintOnline"),
        (
            migrations.AlterField("message", "role", models.CharField(max_length=30)),
            "SQLite makes the large table anew",
        ),
        (migrations.AlterField("message", "role", models.TextField()), "no column changes its type: add another one"),
        (migrations.RenameField("message", "role", "who"), "one of the two releases knows neither name"),
        (migrations.RemoveField("message", "role"), "the release before reads it"),
        (migrations.DeleteModel("Feedback"), "the release before reads it"),
        (migrations.RunSQL("SELECT 1"), "code is judged by reading it"),
        (migrations.AlterOrderWithRespectTo("message", None), "these rules do not know it"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Operation) else "",
)
def test_operation_that_stops_the_service_is_found(operation: Operation, why: str) -> None:
    assert [said.partition(": ")[2][: len(why)] for said in judge(operation)] == [why]


@pytest.mark.parametrize(
    ("field", "why"),
    [
        (models.TextField(default=""), "the release before cannot insert: make it nullable, or give it a db_default"),
        (models.TextField(null=True), None),
        (models.TextField(db_default=""), None),
        (models.ManyToManyField("accounts.User"), None),
    ],
)
def test_column_that_older_code_cannot_fill_is_found(field: Any, why: str | None) -> None:
    said = judge(migrations.AddField("domain", "mood", field), app="accounts")
    assert said == ([] if why is None else [f"AddField accounts.domain.mood: {why}"])


@pytest.mark.parametrize(
    ("field", "whys"),
    [
        (models.CharField(max_length=300, help_text="longer"), []),
        (models.CharField(max_length=255, help_text="other words"), []),
        (models.CharField(max_length=255, null=True), []),
        (models.CharField(max_length=200), ["a column does not become shorter"]),
    ],
)
def test_column_of_a_small_table_may_become_wider(field: Any, whys: list[str]) -> None:
    said = judge(migrations.AlterField("domain", "name", field), app="accounts")
    assert said == [f"AlterField accounts.domain.name: {why}" for why in whys]


def test_column_that_no_longer_may_be_null_is_found() -> None:
    said = judge(migrations.AlterField("thread", "archived_at", models.DateTimeField()))
    assert said == [
        "AlterField conversations.thread.archived_at: the release before writes nulls",
        "AlterField conversations.thread.archived_at: SQLite makes the large table anew",
    ]


def test_online_operations_may_run_outside_of_a_transaction_alone() -> None:
    online = [
        AddFieldOnline("message", "mood", NULLABLE),
        AddIndexOnline("message", INDEX),
        AddConstraintOnline("message", UNIQUE),
        Backfill("message", values={"mood": ""}, where=Q(mood=None)),
        ForgetField("message", "mood"),
    ]
    assert judge(*online, is_atomic=False) == []
    assert (
        judge(*online, is_atomic=True)
        == [
            "operations of core.online_migrations want atomic = False",
            "it keeps one large table locked while it waits for the next: conversations.message",
        ][:1]
    )
    assert judge(migrations.AlterModelOptions("message", {}), is_atomic=False) == [
        "without a transaction, only operations of core.online_migrations can be begun again after a kill"
    ]


def test_large_table_that_sqlite_would_write_anew_is_found() -> None:
    check = AddConstraintOnline("message", CHECK)
    drop = DropForgottenColumn("message", "mood", NULLABLE)
    for_check, for_drop = judge(check, drop, is_atomic=False)
    assert for_check == "AddConstraintOnline conversations.message: SQLite makes the large table anew for a CHECK"
    assert for_drop == (
        "DropForgottenColumn conversations.message.mood: "
        "SQLite writes the large table anew: leave the column, it costs nothing"
    )


def test_two_large_tables_in_one_transaction_are_found() -> None:
    fields = [migrations.AddField(model, "mood", NULLABLE) for model in ("thread", "message")]
    assert judge(*fields)[-1] == (
        "it keeps one large table locked while it waits for the next: conversations.message, conversations.thread"
    )


def test_table_made_by_the_same_migration_may_be_altered() -> None:
    made = migrations.CreateModel("Mood", [("id", models.UUIDField(primary_key=True)), ("role", ROLE)])
    column = migrations.AddField("mood", "name", models.TextField())
    assert judge(made, column, migrations.AddIndex("mood", INDEX)) == []


def judge(*operations: Operation, app: str = "conversations", is_atomic: bool = True) -> list[str]:
    later = type("Migration", (Migration,), {"operations": list(operations), "atomic": is_atomic})
    return complaints(later("0099_later", app), ProjectState.from_apps(apps))
