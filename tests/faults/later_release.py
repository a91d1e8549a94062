"""Migrations of a later release that does not exist: each kind that the project uses or offers, on tables in use.

The running server is the release before it: it knows none of the new columns, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q

from core.management.commands.migrate import migration_lock
from core.online_migrations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    Backfill,
    DropForgottenColumn,
    ForgetField,
    RemoveIndexOnline,
)
from core.online_migrations.lock_waits import Patience
from tests.online_migrations.steps import APP, Release


class Step(NamedTuple):
    """One migration."""

    name: str
    operation: Operation
    app: str = APP

    @property
    def is_atomic(self) -> bool:
        return not type(self.operation).__module__.startswith("core.online_migrations")


def reference(to: str, **options: Any) -> Any:
    return models.ForeignKey(to, models.SET_NULL, null=True, related_name="+", db_index=False, **options)


def online_steps() -> list[Step]:
    """The operations of `core.online_migrations`, on the largest tables."""
    words = models.Index(fields=["organization", "words"], name="message_by_words")
    twice = models.UniqueConstraint(fields=["organization", "id"], name="id_unique")
    only_one = models.UniqueConstraint(fields=["title"], condition=Q(title="the only one"), name="title_unique")
    return [
        Step(
            "AddFieldOnline, NOT NULL",
            AddFieldOnline("message", "mood", models.CharField(max_length=9, db_default="calm")),
        ),
        Step("AddFieldOnline, nullable", AddFieldOnline("message", "words", models.IntegerField(null=True))),
        Step("AddFieldOnline, reference", AddFieldOnline("thread", "team", reference("accounts.Domain"))),
        Step("Backfill", Backfill("message", values={"words": F("position")}, where=Q(words=None))),
        Step("AddIndexOnline", AddIndexOnline("message", words)),
        Step("RemoveIndexOnline", RemoveIndexOnline("message", "message_by_words")),
        Step("AddConstraintOnline, unique", AddConstraintOnline("message", twice)),
        Step("AddConstraintOnline, unique with condition", AddConstraintOnline("thread", only_one)),
        Step("ForgetField", ForgetField("message", "words")),
    ]


def remaking_steps() -> list[Step]:
    """What SQLite cannot do without writing the table anew, after the online steps."""
    return [
        Step("DropForgottenColumn", DropForgottenColumn("message", "words", models.IntegerField(null=True))),
        Step("ForgetField, reference", ForgetField("thread", "team")),
        Step(
            "AddConstraintOnline, check",
            AddConstraintOnline("message", models.CheckConstraint(condition=~Q(role="50%"), name="role_given")),
        ),
    ]


def usual_steps() -> list[Step]:
    """Django's own operations, as the project's migrations use them: on small tables, and to make new ones."""
    review = migrations.CreateModel(
        "Review",
        [
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("organization", models.ForeignKey("accounts.Organization", models.PROTECT, db_index=False)),
            ("thread", models.ForeignKey("conversations.Thread", models.CASCADE, db_index=False)),
        ],
        options={"indexes": [models.Index(fields=["organization", "thread"], name="review_by_thread")]},
    )
    by_name = models.UniqueConstraint(fields=["organization", "name", "id"], name="key_name_unique")
    return [
        Step("CreateModel", review),
        Step("AddField, reference", migrations.AddField("thread", "second", reference("accounts.Domain"))),
        Step(
            "AddField, default",
            migrations.AddField("apikey", "notes", models.JSONField(default=dict, db_default={})),
            "accounts",
        ),
        Step(
            "AlterField, longer", migrations.AlterField("apikey", "prefix", models.CharField(max_length=30)), "accounts"
        ),
        Step(
            "AlterField, reference",
            migrations.AlterField("membership", "domain", reference("accounts.Domain")),
            "accounts",
        ),
        Step(
            "AddIndex",
            migrations.AddIndex("apikey", models.Index(fields=["organization", "expires_at"], name="key_by_end")),
            "accounts",
        ),
        Step("AddConstraint", migrations.AddConstraint("apikey", by_name), "accounts"),
        Step("RemoveConstraint", migrations.RemoveConstraint("apikey", "key_name_unique"), "accounts"),
        Step("AlterModelOptions", migrations.AlterModelOptions("thread", {"verbose_name": "conversation"})),
        Step("RunPython, trigger", migrations.RunPython(_add_trigger)),
    ]


def carry_out(release: Release, step: Step, *, tell: Callable[[str], object] = str) -> None:
    """Carry a step out as `migrate` would: under its lock, with its patience."""
    release.app = step.app
    with migration_lock(release.connection):
        Patience(tell=tell).run(release.connection, lambda: release.migrate(step.operation, is_atomic=step.is_atomic))


def carry_out_online(connection: BaseDatabaseWrapper) -> None:
    """All operations of `core.online_migrations` as one migration, which begins anew each time it is called."""
    operations = [step.operation for step in (*online_steps(), *remaking_steps())]
    with migration_lock(connection):
        release = Release(connection)
        Patience().run(connection, lambda: release.migrate(*operations))


def _add_trigger(apps: Any, schema_editor: Any) -> None:
    """A trigger on the largest table, which never fires."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION refuse_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
        )
        schema_editor.execute(
            "CREATE TRIGGER never_fires BEFORE UPDATE ON conversations_message FOR EACH ROW "
            "WHEN (NEW.position = 0) EXECUTE FUNCTION refuse_nothing()"
        )
    else:
        schema_editor.execute(
            "CREATE TRIGGER never_fires BEFORE UPDATE ON conversations_message "
            "WHEN NEW.position = 0 BEGIN SELECT 1; END"
        )
