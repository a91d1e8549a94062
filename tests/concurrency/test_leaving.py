"""Two changes of an organization's people at the same moment: one of them is too late."""

from __future__ import annotations

import json

import pytest
from pytest_django import DjangoDbBlocker

from tests.concurrency.stage import Database
from tests.processes import finished, start

ROUNDS = 8

pytestmark = pytest.mark.slow


def test_an_organization_keeps_an_owner_and_an_invitation_is_used_once(
    fresh_database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        database = Database(fresh_database)
        database.migrate()
    run = finished(start("-m", "tests.concurrency.leavers", str(ROUNDS), env={**database.env, "DEBUG": "0"}))

    assert run.returncode == 0, run.stderr
    expected = {"accepted": ["done", "not_found"], "left": ["done", "last_owner"], "owner": 1, "member": 1}
    assert json.loads(run.stdout) == [expected] * ROUNDS
