"""The second wall as tests use it: the policies in the suite's database, switched on for a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import Organization
from accounts.querysets import OrganizationQuerySet, RoleQuerySet
from conversations.api.messages import ThreadMessagesViewSet
from conversations.api.threads import ThreadViewSet
from core import row_policies
from core.fast.queries import CompiledQuery
from core.querysets import TenantQuerySet

IS_POSTGRESQL = django_settings.DATABASES["default"]["ENGINE"] == "core.postgresql"

on_postgresql = pytest.mark.skipif(not IS_POSTGRESQL, reason="row-level security needs PostgreSQL")


@pytest.fixture(scope="session")
def policies(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """They stay until the end of the run: the suite's own role owns the tables and passes them."""
    with django_db_blocker.unblock():
        row_policies.complete(connection)
        connection.close()


@pytest.fixture
def wall(policies: None, settings: Settings) -> Iterator[None]:
    settings.ROW_LEVEL_SECURITY = True
    yield


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the application's own filter off."""
    for queryset in (TenantQuerySet, OrganizationQuerySet, RoleQuerySet):
        monkeypatch.setattr(queryset, "visible_to", _unfiltered)
    for view in (ThreadViewSet, ThreadMessagesViewSet):
        # What was compiled with the filter keeps it.
        monkeypatch.setattr(view.fast_list, "_query", CompiledQuery(view.fast_list._build))


def rows_of(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def touched(sql: str, *parameters: Any) -> int:
    """How many rows a statement has touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def tables_with(*columns: str) -> list[str]:
    """The tables of the database that have all of the columns."""
    query = """
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name = ANY(%s)
        GROUP BY 1 HAVING count(*) = %s ORDER BY 1
    """
    return [row[0] for row in rows_of(query, list(columns), len(columns))]


def ids_by_table(organization: Organization) -> dict[str, object]:
    """The id of one row of every table that holds rows of the organization."""
    found: dict[str, object] = {"accounts_organization": organization.pk}
    for name in tables_with("id", "organization_id"):
        for (pk,) in rows_of(f"SELECT id FROM {name} WHERE organization_id = %s ORDER BY id LIMIT 1", organization.pk):
            found[name] = pk
    return found


def _unfiltered(rows: Any, _actor: Any) -> Any:
    return rows.all()
