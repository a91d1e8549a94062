"""Chains to tamper with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.actors import SystemActor
from core.management.commands.flush import guards_down
from ledger.models import AuditEntry
from ledger.services import NO_SUBJECT, record


def write_entries(organization_id: UUID, count: int) -> list[AuditEntry]:
    """Add entries that differ from each other."""
    actor = SystemActor(organization_id)
    return [
        record(actor=actor, action="thing.changed", subject=NO_SUBJECT, after={"number": number})
        for number in range(1, count + 1)
    ]


@contextmanager
def tampering() -> Iterator[Any]:
    """Yield a cursor of somebody who may do anything to the database and has put its guards aside."""
    with guards_down(connection), connection.cursor() as cursor:
        yield cursor


def database_id(value: UUID) -> str | UUID:
    """An id as the database's own columns hold it."""
    return value if connection.vendor == "postgresql" else value.hex
