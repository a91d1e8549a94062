"""Two releases over one database: which of them `/readyz` lets serve."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from core.health import readiness

LATER = ("conversations", "0999_of_the_next_release")


@pytest.mark.django_db
def test_release_before_serves_on_after_the_next_one_migrated() -> None:
    MigrationRecorder(connection).record_applied(*LATER)
    assert readiness()["migrations"] == "ok"


@pytest.mark.django_db
def test_release_whose_migrations_are_not_applied_is_not_ready() -> None:
    MigrationRecorder(connection).record_unapplied("conversations", "0004_search_words_are_merged_less_often")
    assert readiness()["migrations"] == "1 not applied: run manage.py migrate"
