"""What is stored, as a value that can be compared: a refused request must leave it as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from core.models import TenantModel

OWN_APPS = ("accounts", "agents_app", "conversations")

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
        yield from apps.get_app_config(label).get_models()


def ids_of_rows(organization_id: UUID) -> list[object]:
    """The ids of all rows of an organization, of every tenant table."""
    found: list[object] = []
    for model in own_models():
        if issubclass(model, TenantModel):
            rows = model._base_manager.filter(organization_id=organization_id)
            found.extend(rows.values_list("pk", flat=True))
    return found


def _rows_of(model: type[models.Model]) -> list[str]:
    return [repr(row) for row in model._base_manager.values_list()]


def _search_rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, thread_id, organization_id FROM search_document")
        return [repr(row) for row in cursor.fetchall()]
