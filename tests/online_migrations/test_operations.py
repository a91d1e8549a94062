"""Operations that run beside a working server: what they make, how they are taken back, and that they go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, NotSupportedError, connection, models, transaction
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q, Value
from django.db.models.functions import Lower, Now

from conversations.models import Message, Thread
from core.online_migrations import (
    AddConstraintOnline,
    AddFieldOnline,
    AddIndexOnline,
    Backfill,
    DropForgottenColumn,
    ForgetField,
    RemoveIndexOnline,
)
from tests.online_migrations.steps import Release
from tests.schemas import schema_of

MOOD = models.CharField(max_length=9, db_default="calm")


def unique(name: str, *fields: str, condition: Q | None = None) -> models.UniqueConstraint:
    return models.UniqueConstraint(fields=fields, name=name, condition=condition)


OPERATIONS: dict[str, Callable[[], Operation]] = {
    "column with a default": lambda: AddFieldOnline("message", "mood", MOOD.clone()),
    "column that may be null": lambda: AddFieldOnline("message", "mood", models.TextField(null=True)),
    "column of JSON": lambda: AddFieldOnline(
        "thread", "extras", models.JSONField(db_default=Value({}, models.JSONField()))
    ),
    "column that refers": lambda: AddFieldOnline(
        "message",
        "reviewer",
        models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+", db_index=False),
    ),
    "index": lambda: AddIndexOnline("message", models.Index(fields=["organization", "role"], name="message_by_role")),
    "index with a condition": lambda: AddIndexOnline(
        "thread", models.Index(fields=["organization", "title"], name="by_title", condition=~Q(title=""))
    ),
    "index dropped": lambda: RemoveIndexOnline("message", "message_in_trash"),
    "check": lambda: AddConstraintOnline(
        "message", models.CheckConstraint(condition=~Q(role="50%"), name="message_role_given")
    ),
    "unique": lambda: AddConstraintOnline("message", unique("message_id_unique", "organization", "id")),
    "unique with a condition": lambda: AddConstraintOnline(
        "message", unique("message_word_unique", "thread", "content", condition=Q(content__isnull=False))
    ),
    "unique expression": lambda: AddConstraintOnline(
        "message", models.UniqueConstraint("thread", Lower("content"), name="message_lower_unique")
    ),
    "field forgotten": lambda: ForgetField("thread", "archived_at"),
    "reference forgotten": lambda: ForgetField("thread", "created_by"),
}


def test_operations_are_done_once_and_taken_back(release: Release) -> None:
    before, models_before = schema_of(release.connection), release.state
    for name, make in OPERATIONS.items():
        operation = make()
        release.migrate(operation)
        after, models_after = schema_of(release.connection), release.state
        release.state = models_before
        release.migrate(make())
        again = schema_of(release.connection)
        release.state = models_after
        release.go_back(operation, models_before)

        assert (name, after != before) == (name, name != "field forgotten")
        assert (name, again) == (name, after)
        assert (name, schema_of(release.connection)) == (name, before)
    assert Message.objects.using(release.connection.alias).count() == 3


def test_operations_refuse_a_transaction(release: Release) -> None:
    before = schema_of(release.connection)
    for make in OPERATIONS.values():
        operation = make()
        refusal = f"^{type(operation).__name__} does not run inside a transaction: set atomic = False on its migration"
        with pytest.raises(NotSupportedError, match=refusal):
            release.migrate(operation, is_atomic=True)
    assert schema_of(release.connection) == before


def test_code_that_does_not_know_a_column_goes_on_inserting(release: Release) -> None:
    release.migrate(OPERATIONS["column with a default"](), OPERATIONS["column that refers"]())
    thread = Thread.objects.using(release.connection.alias).get()
    Message.objects.using(release.connection.alias).create(
        organization_id=thread.organization_id, thread=thread, position=4, role="user", content="new"
    )
    found = release.rows("message").order_by("position").values_list("position", "mood", "reviewer")
    assert list(found) == [(n, "calm", None) for n in (1, 2, 3, 4)]


def test_forgotten_column_is_dropped_a_release_later_and_comes_back(release: Release) -> None:
    old = schema_of(release.connection)
    release.migrate(ForgetField("thread", "archived_at"))
    forgotten = release.state
    drop = DropForgottenColumn("thread", "archived_at", models.DateTimeField(null=True))
    release.migrate(drop)
    dropped = schema_of(release.connection)
    release.migrate(DropForgottenColumn("thread", "archived_at", models.DateTimeField(null=True)))
    assert dropped != old
    assert schema_of(release.connection) == dropped
    release.go_back(drop, forgotten)
    assert schema_of(release.connection) == old


def test_rows_that_a_forgotten_field_refers_to_can_be_deleted(release: Release) -> None:
    alias = release.connection.alias
    people = release.state.apps.get_model("accounts", "User")._base_manager.using(alias)
    person = people.create(id="0199a1b2-0000-7000-8000-000000000001", username="alice")
    release.rows("thread").update(created_by=person)
    release.migrate(ForgetField("thread", "created_by"))
    people.all()._raw_delete(alias)
    release.connection.check_constraints()
    assert people.count() == 0


def test_field_that_inserts_must_name_is_not_forgotten(release: Release) -> None:
    with pytest.raises(ValueError, match="must be nullable or have a db_default to be forgotten"):
        release.migrate(ForgetField("thread", "agent_type"))


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        (models.TextField(), "must be nullable without a default"),
        (models.TextField(default="x"), "must be nullable without a default"),
        (models.TextField(null=True, default="x"), "must be nullable without a default"),
        (models.DateTimeField(db_default=Now()), "must be nullable without a default"),
        (models.TextField(null=True, unique=True), "brings an index"),
        (models.TextField(null=True, db_index=True), "brings an index"),
        (models.ForeignKey("accounts.User", models.CASCADE, null=True), "brings an index"),
        (models.PositiveIntegerField(null=True), "brings a check of all rows"),
    ],
)
def test_column_that_reads_or_writes_every_row_is_refused(field: models.Field[object, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AddFieldOnline("message", "mood", field)


@pytest.mark.parametrize(
    ("constraint", "complaint"),
    [
        (models.UniqueConstraint(fields=["id"], name="a", deferrable=models.Deferrable.DEFERRED), "is deferrable"),
        (models.UniqueConstraint(fields=["id"], name="a", nulls_distinct=False), "says how nulls differ"),
        (models.BaseConstraint(name="a"), "is neither a CHECK nor a unique constraint"),
    ],
)
def test_constraint_of_another_kind_is_refused(constraint: models.BaseConstraint, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        AddConstraintOnline("message", constraint)


def test_check_holds_for_new_rows_and_is_proved_for_old_ones(release: Release) -> None:
    check = models.CheckConstraint(condition=~Q(content="word2"), name="message_not_word2")
    with pytest.raises(IntegrityError):
        release.migrate(AddConstraintOnline("message", check))
    release.rows("message").filter(content="word2").update(content="other")
    release.migrate(AddConstraintOnline("message", check))
    with pytest.raises(IntegrityError), transaction.atomic(using=release.connection.alias):
        release.rows("message").filter(content="other").update(content="word2")


def test_unique_constraint_over_equal_rows_fails_and_succeeds_once_they_differ(release: Release) -> None:
    constraint = unique("message_role_unique", "organization", "role")
    with pytest.raises(IntegrityError):
        release.migrate(AddConstraintOnline("message", constraint))
    for message in release.rows("message").all():
        release.rows("message").filter(pk=message.pk).update(role=f"role{message.position}")
    release.migrate(AddConstraintOnline("message", constraint))
    with pytest.raises(IntegrityError), transaction.atomic(using=release.connection.alias):
        release.rows("message").update(role="same")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_backfill_sets_each_row_that_lacks_it(release: Release, batch_size: int) -> None:
    release.migrate(AddFieldOnline("message", "words", models.TextField(null=True)))
    release.rows("message").filter(position=2).update(words="kept")
    fill = Backfill("message", values={"words": F("content")}, where=Q(words=None), batch_size=batch_size)
    release.migrate(fill)
    filled = list(release.rows("message").order_by("position").values_list("words", flat=True))
    assert filled == ["word1", "kept", "word3"]


def test_backfill_whose_condition_stays_true_comes_to_an_end(release: Release) -> None:
    release.migrate(Backfill("message", values={"content": Value("same")}, where=Q(role="user"), batch_size=1))
    assert set(release.rows("message").values_list("content", flat=True)) == {"same"}


def test_operations_describe_themselves() -> None:
    field = models.TextField(null=True)
    fill = Backfill("message", values={"words": 1, "mood": 2}, where=Q(words=None))
    drop = DropForgottenColumn("message", "words", field)
    assert [fill.describe(), drop.describe()] == [
        "Fill mood, words of message",
        "Drop the forgotten column words of message",
    ]
    assert fill.deconstruct()[2] == {
        "model_name": "message",
        "values": {"words": 1, "mood": 2},
        "where": Q(words=None),
        "batch_size": 500,
    }
    assert drop.deconstruct() == (
        "DropForgottenColumn",
        [],
        {"model_name": "message", "name": "words", "field": field},
    )


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL builds its indexes concurrently")
def test_sqlite_alters_nothing_by_halves(release: Release) -> None:
    """The table is made anew in one transaction, though the migration has none."""
    before = schema_of(release.connection)
    check = models.CheckConstraint(condition=Q(position__lt=3), name="message_few")
    with pytest.raises(IntegrityError):
        release.migrate(AddConstraintOnline("message", check))
    assert schema_of(release.connection) == before
    assert Message.objects.using(release.connection.alias).count() == 3
