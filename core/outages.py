"""Which errors say that the database cannot do its work at the moment, so that the same request may be sent again."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection

from core.errors import Unavailable
from core.storage_faults import storage_fault

READ_ONLY = "25006"
"""A write was refused by a server that replays another one: during a failover an address may lead there."""


def outage_of(error: BaseException | None) -> Unavailable | None:
    """Return what to answer when the database could not do its work, for whatever reason; None for any other error."""
    if not isinstance(error, Exception):
        return None
    return storage_fault(error) or (Unavailable() if is_outage(error) else None)


def is_outage(error: Exception) -> bool:
    """SQLite calls a missing table an operational error too; only its lock is one that passes."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    if connection.vendor != "postgresql":
        return isinstance(error, OperationalError) and str(error) == "database is locked"
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)
