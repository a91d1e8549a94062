"""What the database itself shows of the rules that let its tables be cut by organization."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F, Field, ForeignKey, Model
from rest_framework.serializers import BaseSerializer

from conversations.models import Thread
from core.checks import api_routes
from core.models import TenantModel
from tests.isolation.conftest import Stage, stage
from tests.row_security.stage import on_postgresql
from tests.scale.statements import names_organization, organizations_in, parameters_of, tables_of

__all__ = ["stage"]

DJANGOS_OWN = ("auth_", "django_", "accounts_user_groups", "accounts_user_user_permissions")
"""Tables of Django that count their rows; none of them is written by a request of the API."""


def references() -> Iterator[tuple[type[Model], Field[Any, Any]]]:
    """The foreign keys from tenant rows to tenant rows."""
    for model in apps.get_models():
        if issubclass(model, TenantModel):
            for field in model._meta.local_fields:
                if isinstance(field, ForeignKey) and issubclass(field.related_model, TenantModel):
                    yield model, field


def test_rows_refer_to_rows_of_their_own_organization(stage: Stage) -> None:
    call_command("load_demo", stdout=StringIO())
    followed = 0
    for model, field in references():
        rows = model._base_manager.filter(**{f"{field.name}__isnull": False})
        elsewhere = field.related_model._base_manager.exclude(organization_id=UUID(stage.acme["organization"]))  # type: ignore[union-attr]
        own = rows.filter(organization_id=UUID(stage.acme["organization"]))
        assert own.filter(**{f"{field.attname}__in": elsewhere.values("pk")}).count() == 0, field
        followed += own.count()
        # A join keeps to the organization, so that it finds every row only when all of them do.
        assert rows.filter(**{f"{field.name}__organization_id": F("organization_id")}).count() == rows.count(), field
    assert followed > 5


@on_postgresql
@pytest.mark.django_db
def test_no_table_of_tenants_has_a_sequence() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.refobjsubid > 0 "
            "JOIN pg_class t ON t.oid = d.refobjid "
            "WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace"
        )
        counted = {name for (name,) in cursor.fetchall()}
    assert [name for name in sorted(counted) if not name.startswith(DJANGOS_OWN)] == []


def test_no_form_and_no_body_takes_an_organization() -> None:
    """A tenant row is given its organization by who makes it, and keeps it."""
    forms = [
        f"{model._meta.label} in the admin"
        for model, page in admin.site._registry.items()
        if issubclass(model, TenantModel) and "organization" in page.form.base_fields
    ]
    bodies = [
        f"/{route}: {serializer.__name__}"
        for route, serializer in serializers()
        for name, field in serializer().fields.items()  # type: ignore[attr-defined]
        if name in ("organization", "organization_id") and not field.read_only
    ]
    assert forms + bodies == []


def serializers() -> Iterator[tuple[str, type[BaseSerializer[Any]]]]:
    """The serializers of the routes that take a body."""
    for route, pattern in api_routes():
        if not {"post", "put", "patch"} & getattr(pattern.callback, "actions", {}).keys():
            continue
        found = getattr(getattr(pattern.callback, "cls", None), "serializer_class", None)
        if found is not None:
            yield route, found


@pytest.mark.django_db(transaction=True)
def test_maintenance_keeps_each_transaction_within_one_organization(transactional_db: None) -> None:
    call_command("sync_roles", verbosity=0)
    call_command("load_demo", stdout=StringIO())
    Thread.objects.update(trashed_at="2020-01-01T00:00:00Z")
    transactions: list[set[UUID]] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block and tables_of(sql) and names_organization(sql):
            begun = connection.atomic_blocks[0]
            if not transactions or current[0] is not begun:
                current[0] = begun
                transactions.append(set())
            for each in parameters_of(sql, parameters, many=many):
                transactions[-1].update(organizations_in(sql, each))
        return execute(sql, parameters, many, context)

    current: list[Any] = [None]
    with connection.execute_wrapper(note):
        for command in ("purge_trash", "index_messages", "purge_idempotency_records", "close_stale_sessions"):
            call_command(command, stdout=StringIO())

    assert len(set().union(*transactions)) == 2
    assert [found for found in transactions if len(found) > 1] == []
    assert not transaction.get_connection().in_atomic_block
