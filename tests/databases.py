"""Databases of their own for tests that start processes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings


@pytest.fixture
def fresh_database(tmp_path: Path) -> Iterator[str]:
    """Yield the address of an empty, unmigrated database of the kind the suite runs on; it is dropped afterwards."""
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        yield f"sqlite:///{tmp_path / 'parley.sqlite3'}"
        return
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield server_url(name)
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def server_url(database: str) -> str:
    """The address of another database on the server of the suite."""
    found = settings.DATABASES["default"]
    password = f":{quote(found['PASSWORD'], safe='')}" if found["PASSWORD"] else ""
    port = f":{found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{found['USER']}{password}@{quote(found['HOST'], safe='')}{port}/{database}"
