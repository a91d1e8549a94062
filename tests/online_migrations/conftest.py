"""A migrated database with a thread of three messages, in which operations of a later release are carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import DjangoDbBlocker

from accounts.models import Organization
from conversations.models import Message, Thread
from tests.databases import connected, new_database
from tests.online_migrations.steps import Release


@pytest.fixture(scope="session")
def _prepared(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of a database that is copied for each test."""
    with django_db_blocker.unblock(), new_database(tmp_path_factory.mktemp("prepared")) as url:
        with connected(url) as connection:
            call_command("migrate", database=connection.alias, verbosity=0)
            _write_a_thread(connection.alias)
        yield url


def _write_a_thread(alias: str) -> None:
    organization = Organization.objects.using(alias).create(slug="acme", name="Acme")
    thread = Thread.objects.using(alias).create(
        organization=organization, agent_type="chat", model="m", provider="p", last_position=3, message_count=3
    )
    Message.objects.using(alias).bulk_create(
        Message(organization=organization, thread=thread, position=n, role="user", content=f"word{n}")
        for n in (1, 2, 3)
    )


@pytest.fixture
def database(_prepared: str, tmp_path: Path) -> Iterator[str]:
    """The address of a copy."""
    with new_database(tmp_path, like=_prepared) as url:
        yield url


@pytest.fixture
def release(database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Release]:
    with django_db_blocker.unblock(), connected(database) as connection:
        yield Release(connection)
