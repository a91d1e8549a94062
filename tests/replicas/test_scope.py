"""Row-level security of requests that read from a replica."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker, Settings

from conversations.models import Thread
from core.replicas.routing import reading
from core.row_security import ORGANIZATIONS_SETTING, outside, scope
from tests.databases import connected, server_url
from tests.row_security.stage import on_postgresql, policies, wall

__all__ = ["policies", "wall"]

STATE = f"SELECT current_user <> session_user, coalesce(current_setting('{ORGANIZATIONS_SETTING}', true), '')"

ORGANIZATION = UUID("01890000-0000-7000-8000-000000000001")

pytestmark = on_postgresql


@pytest.fixture
def replica(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, wall: None, settings: Settings
) -> Iterator[BaseDatabaseWrapper]:
    """The database of the suite by another connection: what matters is who acts on it."""
    settings.REPLICAS = ("replica1",)
    settings.DATABASE_ROUTERS = ["core.replicas.routing.ReplicaRouter"]
    url = server_url(connection.settings_dict["NAME"])
    with django_db_blocker.unblock(), connected(url, alias="replica1") as made, reading(lambda: "replica1"):
        yield made
        connection.close()


def states(*connections: BaseDatabaseWrapper) -> list[tuple[bool, str]]:
    """Whether the tenants' role acts on each server, and for which organizations."""
    found = []
    for each in connections:
        with each.cursor() as cursor:
            cursor.execute(STATE)
            found.append(cursor.fetchone())
    return found


def test_scope_acts_on_the_replica_and_on_the_primary(replica: BaseDatabaseWrapper) -> None:
    with scope({ORGANIZATION}):
        inside = states(connection, replica)
        with outside():
            beyond = states(connection, replica)
        again = states(connection, replica)

    assert inside == again == [(True, str(ORGANIZATION))] * 2
    assert beyond == states(connection, replica) == [(False, "")] * 2


def test_rows_are_read_from_the_replica_in_the_scope(replica: BaseDatabaseWrapper) -> None:
    with scope({ORGANIZATION}):
        outer = Thread.objects.all().db
        with scope({uuid4()}), outside():
            inner = Thread.objects.all().db
        with transaction.atomic():
            in_transaction = Thread.objects.all().db

    assert (outer, inner, in_transaction) == ("replica1", "replica1", "default")


def test_error_in_the_scope_ends_it_on_both(replica: BaseDatabaseWrapper) -> None:
    with pytest.raises(ZeroDivisionError), scope({ORGANIZATION}):
        raise ZeroDivisionError

    assert states(connection, replica) == [(False, "")] * 2
