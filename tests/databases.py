"""Databases of their own for tests that start processes."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from config.database import database_settings
from config.env import Env


@pytest.fixture
def fresh_database(tmp_path: Path) -> Iterator[str]:
    with new_database(tmp_path) as url:
        yield url


@contextmanager
def new_database(folder: Path, *, like: str | None = None) -> Iterator[str]:
    """Yield the address of a database of the kind the suite runs on; it is dropped afterwards.

    It is empty and unmigrated, or a copy of the one at the address `like`, to which nobody may be connected.
    """
    if settings.DATABASES["default"]["ENGINE"] != "core.postgresql":
        path = folder / "parley.sqlite3"
        if like is not None:
            shutil.copyfile(like.removeprefix("sqlite:///"), path)
        yield f"sqlite:///{path}"
        return
    name = f"fresh_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        template = "template1" if like is None else like.rpartition("/")[2]
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server_url(name)
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def fresh_connection(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection to the fresh database, known to Django by the alias `fresh`."""
    with django_db_blocker.unblock(), connected(fresh_database) as connection:
        yield connection


@contextmanager
def connected(url: str, *, alias: str = "fresh", **variables: str) -> Iterator[BaseDatabaseWrapper]:
    """Connect as the server would with this `DATABASE_URL` and these other variables; known to Django by the alias."""
    env = Env({"DATABASE_URL": url, **variables})
    found: dict[str, Any] = database_settings(env, base_dir=Path())
    assert env.problems == []
    connections.settings[alias] = connections.configure_settings({"default": found})["default"]
    connection = connections[alias]
    try:
        yield connection
    finally:
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]
        del connections[alias], connections.settings[alias]


def server_url(database: str) -> str:
    """The address of another database on the server of the suite."""
    found = settings.DATABASES["default"]
    password = f":{quote(found['PASSWORD'], safe='')}" if found["PASSWORD"] else ""
    port = f":{found['PORT']}" if found["PORT"] else ""
    return f"postgresql://{found['USER']}{password}@{quote(found['HOST'], safe='')}{port}/{database}"
