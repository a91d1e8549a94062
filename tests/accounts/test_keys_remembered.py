"""On SQLite a key that was read is used again as long as nothing in the database was changed by anybody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from accounts import key_lookup
from accounts.keys import split_key
from accounts.models import ApiKey, Organization
from accounts.services import create_api_key
from tests.client import ApiClient
from tests.databases import connected

pytestmark = pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL is asked on every request")


@pytest.fixture
def key(transactional_db: None, organization: Organization) -> str:
    return create_api_key(organization=organization, name="tests")[1]


def statements_of_find(key: str) -> int:
    parts = split_key(key)
    assert parts is not None
    with CaptureQueriesContext(connection) as captured:
        found = key_lookup.find_key(parts[0])
    assert found is not None
    return len(captured.captured_queries)


def test_a_key_is_read_once_while_nothing_changes(key: str) -> None:
    assert [statements_of_find(key) for _ in range(3)] == [1, 0, 0]


def test_a_key_is_read_again_after_any_change(key: str, organization: Organization) -> None:
    statements_of_find(key)

    Organization.objects.filter(pk=organization.pk).update(name="Other")

    assert [statements_of_find(key) for _ in range(2)] == [1, 0]


def test_nothing_is_remembered_inside_a_transaction(key: str) -> None:
    statements_of_find(key)

    with transaction.atomic():
        assert [statements_of_find(key) for _ in range(2)] == [1, 1]


def test_what_was_read_before_a_rollback_is_not_used_after_it(key: str) -> None:
    parts = split_key(key)
    assert parts is not None
    with transaction.atomic():
        ApiKey.objects.all().update(name="never")
        key_lookup.find_key(parts[0])
        transaction.set_rollback(True)

    assert statements_of_find(key) == 1


def test_a_revoked_key_is_refused_by_the_next_request(key: str, organization: Organization) -> None:
    client = ApiClient(key)
    before = [client.get("/api/threads").status_code for _ in range(2)]

    row = ApiKey.objects.get(organization_id=organization.pk)
    row.revoked_at = row.created_at
    row.save(update_fields=["revoked_at"])

    assert (before, client.get("/api/threads").status_code) == ([200, 200], 401)


@pytest.fixture
def database(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Any]:
    with django_db_blocker.unblock(), connected(f"sqlite:///{tmp_path / 'parley.sqlite3'}") as made:
        made.cursor().execute("CREATE TABLE note (text TEXT)")
        yield made


def test_state_of_a_database_is_the_same_while_it_is_read(database: Any) -> None:
    before = database.state()
    database.cursor().execute("SELECT * FROM note").fetchall()

    assert database.state() == before


def test_state_of_a_database_differs_after_a_commit_of_another_process(database: Any) -> None:
    before = database.state()
    other = sqlite3.connect(database.settings_dict["NAME"], isolation_level=None)
    other.execute("INSERT INTO note VALUES ('other')")
    other.close()

    assert database.state() != before


def test_state_of_a_database_differs_after_an_own_change_and_a_new_connection(database: Any) -> None:
    first = database.state()
    database.cursor().execute("INSERT INTO note VALUES ('own')")
    second = database.state()
    database.close()
    third = database.state()

    assert len({first, second, third}) == 3


def test_state_of_a_database_that_fails_is_an_error_of_django(database: Any) -> None:
    database.ensure_connection()
    database.connection.close()

    with pytest.raises(DatabaseError):
        database.state()
