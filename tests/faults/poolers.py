"""PgBouncer between the server and PostgreSQL, which can be pointed to another primary."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.clusters import Cluster, as_unprivileged, own_folder
from tests.processes import free_port

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
START_SECONDS = 20

CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={server_port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
server_login_retry = 1
query_wait_timeout = 5
"""


class Pooler:
    """One PgBouncer in transaction mode; `lead_to` sends it elsewhere while it runs."""

    def __init__(self, folder: Path, program: str) -> None:
        self.port = free_port()
        self._file = folder / "pgbouncer.ini"
        self._log = folder / "log"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self, primary: Cluster) -> None:
        self._write(primary)
        with self._log.open("wb") as log:
            command = [self._program, str(self._file)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **as_unprivileged())
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)

    def lead_to(self, primary: Cluster) -> None:
        assert self._process is not None
        self._write(primary)
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _write(self, primary: Cluster) -> None:
        self._file.write_text(CONFIGURATION.format(server_port=primary.port, port=self.port))
        self._file.chmod(0o644)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def new_pooler(primary: Cluster) -> Iterator[Pooler]:
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    with own_folder() as folder:
        pooler = Pooler(folder, PROGRAM)
        try:
            pooler.start(primary)
            yield pooler
        finally:
            pooler.stop()
