"""File systems that are quickly full, and databases on them. They need a machine where one may mount."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from django.db import connection

from tests.databases import server_url

MEGABYTE = 1024 * 1024
SMALL_DISK_MEGABYTES = 96
"""`/readyz` wants 64 of them free."""


class SmallDisk:
    """A file system in memory of its own; `fill()` leaves no room on it and `clear()` gives it back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def clear(self) -> None:
        self._ballast.unlink()

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Mount one where other users can reach it; skips the test where that is not allowed."""
    with TemporaryDirectory(prefix="parley-disk-") as folder:
        path = Path(folder) / "mounted"
        path.mkdir()
        path.parent.chmod(0o711)
        options = f"size={SMALL_DISK_MEGABYTES}m,mode=0755"
        mount = ["mount", "-t", "tmpfs", "-o", options, "parley-test", str(path)]
        mounted = subprocess.run(mount, capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
        try:
            yield SmallDisk(path)
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def database_on(disk: SmallDisk) -> Iterator[str]:
    """Yield the address of an empty database of the suite's kind whose rows lie on the disk."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{disk.path}/parley.sqlite3"
        return
    name = f"small_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url("postgres"), autocommit=True) as admin:
        row = admin.execute("SHOW data_directory").fetchone()
        assert row is not None
        if not Path(row[0]).is_dir():
            pytest.skip("the server of the suite is on another machine")
        owner = Path(row[0]).stat()
        os.chown(disk.path, owner.st_uid, owner.st_gid)
        disk.path.chmod(0o700)
        admin.execute(f"CREATE TABLESPACE \"{name}\" LOCATION '{disk.path}'")
        admin.execute(f'CREATE DATABASE "{name}" TABLESPACE "{name}"')
    try:
        yield server_url(name)
    finally:
        with psycopg.connect(server_url("postgres"), autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
            admin.execute(f'DROP TABLESPACE "{name}"')
