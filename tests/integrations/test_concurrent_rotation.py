"""Secrets that are changed while others rotate them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker, Settings

from agents_app.models import IntegrationConfig
from tests.concurrency.stage import Database
from tests.databases import connected
from tests.integrations.conftest import FIRST_KEY, SECOND_KEY
from tests.processes import finished, manage, start_manage

ROWS, ROUNDS = 8, 12

PREPARE = """
from accounts.actors import SystemActor
from accounts.models import Organization
from agents_app.integrations import create_integration
from core.secrets import SecretText
actor = SystemActor(Organization.objects.get().pk)
for index in range({rows}):
    fields = {{"name": "n", "kind": "webhook", "slug": f"i{{index}}"}}
    create_integration(actor=actor, fields=fields, secrets={{"kept": SecretText("k"), "round": SecretText("0")}})
"""

CHANGE = """
from accounts.actors import SystemActor
from agents_app.integrations import update_integration
from agents_app.models import IntegrationConfig
from core.secrets import SecretText
for round in range(1, {rounds} + 1):
    for row in IntegrationConfig.objects.all():
        actor = SystemActor(row.organization_id)
        secrets = {{"round": SecretText(str(round))}}
        update_integration(actor=actor, integration_id=row.pk, changes={{}}, secrets=secrets)
"""


@pytest.fixture
def database(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Database]:
    found = Database(fresh_database)
    with django_db_blocker.unblock():
        found.migrate()
        assert manage("create_organization", "acme", env=found.env).returncode == 0
        yield found


@pytest.mark.slow
def test_changes_and_rotations_at_the_same_time_lose_nothing(database: Database, settings: Settings) -> None:
    old = {**database.env, "SECRETS_KEYS": f"{FIRST_KEY},{SECOND_KEY}"}
    new = {**database.env, "SECRETS_KEYS": f"{SECOND_KEY},{FIRST_KEY}"}
    assert manage("shell", "-c", PREPARE.format(rows=ROWS), env=old).returncode == 0
    # Who changes still has the old key in front: rows go back and forth between the keys.
    changer = start_manage("shell", "-c", CHANGE.format(rounds=ROUNDS), env=old)
    ended = threading.Event()
    rotations: list[int] = []

    def rotate() -> None:
        while not ended.is_set():
            rotations.append(manage("rotate_secrets", env=new).returncode)

    thread = threading.Thread(target=rotate)
    thread.start()
    run = finished(changer)
    ended.set()
    thread.join()
    last = manage("rotate_secrets", env=new)

    assert (run.returncode, run.stderr) == (0, "")
    assert rotations == [0] * len(rotations) != []
    assert last.returncode == 0
    settings.SECRETS_KEYS = [SECOND_KEY]
    with connected(database.url) as connection:
        rows = list(IntegrationConfig.objects.using(connection.alias))
        assert [row.open_secrets() for row in rows] == [{"kept": "k", "round": str(ROUNDS)}] * ROWS
        assert [row.version for row in rows] == [ROUNDS + 1] * ROWS
