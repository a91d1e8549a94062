"""PgBouncer in transaction mode in front of the suite's database."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
PORT = 6432
START_SECONDS = 20

CONFIGURATION = """
[databases]
* = {server}

[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = 1
"""


@contextmanager
def through_pgbouncer() -> Iterator[None]:
    """Let the suite's connections lead through a PgBouncer that has one single connection to the server."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    if os.environ.get("CI"):
        pytest.skip("pgbouncer is tried on machines of people")
    with tempfile.TemporaryDirectory(prefix="pb") as folder, _running(PROGRAM, Path(folder)):
        address = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "OPTIONS")}
        # Versions before 1.22 lose prepared statements: DATABASE_PREPARED_STATEMENTS=false.
        options = {**address["OPTIONS"], "prepare_threshold": None}
        _reconnect({"HOST": folder, "PORT": str(PORT), "OPTIONS": options})
        try:
            yield
        finally:
            _reconnect(address)


def _reconnect(address: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict.update(address)


@contextmanager
def _running(program: str, folder: Path) -> Iterator[None]:
    found = connection.settings_dict
    server = {name.lower(): found[name] for name in ("HOST", "PORT", "USER", "PASSWORD")}
    line = " ".join(f"{name}={_quoted(str(value))}" for name, value in server.items() if value)
    (folder / "pgbouncer.ini").write_text(CONFIGURATION.format(server=line, folder=folder, own_port=PORT))
    command = [program, str(folder / "pgbouncer.ini")]
    if os.getuid() == 0:
        # It refuses to run as root; where the server's socket lies in a folder of its owner's, it must be that user.
        user = pwd.getpwuid(Path(found["HOST"]).stat().st_uid if found["HOST"].startswith("/") else 65534).pw_name
        for path in (folder, folder / "pgbouncer.ini"):
            shutil.chown(path, user)
        command[1:1] = ["-u", user]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(process, folder)
        yield
    finally:
        process.terminate()
        process.wait()


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(host=str(folder), port=PORT, user="any", dbname=connection.settings_dict["NAME"]).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"PgBouncer did not start:\n{(folder / 'log').read_text()}")
