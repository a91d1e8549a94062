"""SQLite's schema editor: foreign keys are checked when rows were written, and not while writers wait for nothing."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.ids import uuid7
from tests.online_migrations.steps import Release
from tests.schemas import schema_of

pytestmark = pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL checks each row as it comes")


@pytest.fixture
def broken(release: Release) -> Release:
    """A thread that points at nobody, which every check of all foreign keys finds."""
    with release.connection.constraint_checks_disabled():
        release.rows("thread").update(created_by=uuid7())
    return release


def test_new_column_makes_nobody_wait_for_a_check_of_all_rows(broken: Release) -> None:
    broken.migrate(migrations.AddField("message", "mood", models.TextField(null=True)), is_atomic=True)
    assert broken.rows("message").filter(mood=None).count() == 3


def test_table_made_anew_is_checked_and_taken_back(broken: Release) -> None:
    before = schema_of(broken.connection)
    with pytest.raises(IntegrityError):
        broken.migrate(migrations.AddField("message", "mood", models.TextField(default="calm")), is_atomic=True)
    assert schema_of(broken.connection) == before
    broken.rows("message").update(content="written after the rollback")


def test_dropped_table_is_missed_by_those_that_point_at_it(release: Release) -> None:
    def drop(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute("DROP TABLE accounts_organization")

    with pytest.raises(IntegrityError):
        release.migrate(migrations.RunPython(drop), is_atomic=True)
    assert release.rows("thread").filter(organization__slug="acme").count() == 1


def test_rows_written_by_code_are_checked(release: Release) -> None:
    def orphan(apps: object, schema_editor: object) -> None:
        release.rows("message").update(thread_id=uuid7())

    with pytest.raises(IntegrityError):
        release.migrate(migrations.RunPython(orphan), is_atomic=True)
    assert release.rows("message").filter(thread__in=release.rows("thread").all()).count() == 3


def test_foreign_keys_are_enforced_again_after_an_error(release: Release) -> None:
    def fail(apps: object, schema_editor: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        release.migrate(migrations.RunPython(fail), is_atomic=True)
    with release.connection.cursor() as cursor:
        assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)
