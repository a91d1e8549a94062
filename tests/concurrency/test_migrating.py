"""Several processes migrate one empty database: one applies, all succeed."""

from __future__ import annotations

import pytest
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import DjangoDbBlocker

from tests.databases import connected
from tests.processes import finished, start_manage

PROCESSES = 8

pytestmark = pytest.mark.slow


def test_eight_processes_migrate_at_once(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> None:
    env = {"DATABASE_URL": fresh_database}
    runs = [finished(process) for process in [start_manage("migrate", env=env) for _ in range(PROCESSES)]]
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * PROCESSES
    assert sum("Applying accounts.0001" in run.stdout for run in runs) == 1
    assert sum("No migrations to apply." in run.stdout for run in runs) == PROCESSES - 1
    with django_db_blocker.unblock(), connected(fresh_database) as connection:
        applied = list(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
        assert len(applied) == len(set(applied))
        assert {app for app, _name in applied} >= {"accounts", "agents_app", "conversations"}
