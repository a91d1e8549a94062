"""What is stored, as a value that can be compared: a refused request must leave it as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from accounts.models import Role
from core.models import TenantModel
from ledger.models import AuditEntry

OWN_APPS = ("accounts", "agents_app", "conversations", "ledger")

STAMPS = {"accounts.ApiKey": {"last_used_at"}}
"""Columns that tell that somebody asked; they change with requests that are refused, too."""

TRAILS = frozenset({"ledger.AuditEntry", "ledger.AuditChain"})
"""Tables that a refused request may well change: the refusal is written down."""

Snapshot = dict[str, tuple[int, str]]
"""Number of rows and a digest of their values, by table."""


def snapshot() -> Snapshot:
    """Return the state of every table of the project, the search index included."""
    tables = {model._meta.label: _rows_of(model) for model in own_models()}
    tables["search"] = _search_rows()
    return {
        name: (len(rows), hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()) for name, rows in tables.items()
    }


def own_models() -> Iterator[type[models.Model]]:
    for label in OWN_APPS:
        yield from (model for model in apps.get_app_config(label).get_models() if model._meta.label not in TRAILS)


def ids_of_rows(organization_id: UUID) -> list[object]:
    """The ids of all rows of an organization, of every tenant table, and its own."""
    found: list[object] = [organization_id]
    for model in own_models():
        if issubclass(model, (TenantModel, Role)):
            rows = model._base_manager.filter(organization_id=organization_id)
            found.extend(rows.values_list("pk", flat=True))
    found.extend(AuditEntry.objects.filter(organization_id=organization_id).values_list("pk", flat=True))
    return found


def _rows_of(model: type[models.Model]) -> list[str]:
    stamps = STAMPS.get(model._meta.label, set())
    columns = [field.attname for field in model._meta.concrete_fields if field.name not in stamps]
    return [repr(row) for row in model._base_manager.values_list(*columns)]


def _search_rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, thread_id, organization_id FROM search_document")
        return [repr(row) for row in cursor.fetchall()]
