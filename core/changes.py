"""Changing one versioned row under its lock."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from core.errors import NotFound
from core.preconditions import Precondition

M = TypeVar("M", bound=Model)


def lock_row(rows: QuerySet[M], pk: UUID, precondition: Precondition) -> M:
    """Return the row, locked until the end of the transaction; raises `NotFound` or `VersionMismatch`."""
    row = rows.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise NotFound
    precondition.check(row.version)  # type: ignore[attr-defined]
    return row


def save_changes(row: Any, changes: dict[str, Any], *, now: datetime) -> None:
    """Write the changed columns and count the version up; the row must be locked."""
    for name, value in changes.items():
        setattr(row, name, value)
    row.version += 1
    row.updated_at = now
    row.save(update_fields=[*changes, "version", "updated_at"])
