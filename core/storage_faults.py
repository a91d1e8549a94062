"""What a database says when the disk below it is full, may not be written to, or does not work.

SQLite tells by its result codes, PostgreSQL by SQLSTATE, and the operating system by `errno` where a file beside the
database is concerned. Of a full disk SQLite sometimes only says that writing failed: then the disk is asked.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
import time
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from core.errors import StorageBroken, StorageFull, StorageReadOnly, Unavailable

PRIMARY_CODE = 0xFF
"""SQLite's extended result codes carry the primary one in their lowest byte."""

OF_SQLITE: dict[int, type[Unavailable]] = {
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_READONLY: StorageReadOnly,
    sqlite3.SQLITE_IOERR: StorageBroken,
    sqlite3.SQLITE_CANTOPEN: StorageBroken,
}
OF_POSTGRESQL: dict[str, type[Unavailable]] = {
    "53100": StorageFull,
    "58030": StorageBroken,
}
OF_SYSTEM: dict[int, type[Unavailable]] = {
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EROFS: StorageReadOnly,
    errno.EIO: StorageBroken,
}

NO_ROOM_BYTES = 256 * 1024
"""SQLite grows its files by less; a disk with less than this left is why it could not."""

REMEMBERED_SECONDS = 10

_refused_at: float | None = None


def storage_fault(error: BaseException) -> Unavailable | None:
    """Return what to answer when storage is why a statement or a file failed; None when it is not.

    That the disk was full is remembered for a while: see `was_full_lately`.
    """
    found = _fault_of(error) or (None if error.__cause__ is None else _fault_of(error.__cause__))
    if found is StorageBroken and _has_no_room():
        found = StorageFull
    if found is StorageFull:
        _remember()
    return None if found is None else found()


def was_full_lately() -> bool:
    """Whether this process was refused a write for lack of room within the last seconds."""
    return _refused_at is not None and time.monotonic() - _refused_at < REMEMBERED_SECONDS


def forget() -> None:
    """Remember no refused write."""
    global _refused_at
    _refused_at = None


def _fault_of(error: BaseException) -> type[Unavailable] | None:
    if isinstance(error, sqlite3.Error):
        return OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE)
    if isinstance(error, OSError):
        return OF_SYSTEM.get(error.errno or 0)
    return OF_POSTGRESQL.get(getattr(error, "sqlstate", None) or "")


def _has_no_room() -> bool:
    connection = connections[DEFAULT_DB_ALIAS]
    folder = Path(str(connection.settings_dict["NAME"])).parent
    if connection.vendor != "sqlite" or not folder.is_dir():
        return False
    return shutil.disk_usage(folder).free < NO_ROOM_BYTES


def _remember() -> None:
    global _refused_at
    _refused_at = time.monotonic()
