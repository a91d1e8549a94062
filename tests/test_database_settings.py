"""`DATABASE_URL` and its companions: what Django gets to see, and what is in force on the connection."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from config.database import LIBPQ_LIMITS, ONLY_WHEN_ASKED, database_settings, replica_settings
from config.env import Env, Problem
from tests.databases import connected, server_url

BASE = Path("/srv/parley")

on_postgresql = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "core.postgresql", reason="needs PostgreSQL"
)


@pytest.fixture(autouse=True)
def _unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def read(url: str = "", **variables: str) -> dict[str, Any]:
    env = Env({"DATABASE_URL": url, **variables})
    found = database_settings(env, base_dir=BASE)
    assert env.problems == []
    return found


def problems(url: str = "", **variables: str) -> tuple[dict[str, Any], list[Problem]]:
    env = Env({"DATABASE_URL": url, **variables})
    return database_settings(env, base_dir=BASE), env.problems


def value_of(connection: BaseDatabaseWrapper, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_unset_means_sqlite_under_var() -> None:
    found = read()
    assert (found["ENGINE"], found["NAME"]) == ("core.sqlite", "/srv/parley/var/parley.sqlite3")


def test_folder_of_the_project_may_hold_any_character() -> None:
    base = Path("/srv/100%25 #1?a=b ü")
    found = database_settings(Env({}), base_dir=base)
    assert (found["NAME"], "timeout" in found["OPTIONS"]) == (f"{base}/var/parley.sqlite3", True)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite://:memory:", ":memory:"),
        ("sqlite:///data/parley.sqlite3", "data/parley.sqlite3"),
        ("sqlite:////data/parley.sqlite3", "/data/parley.sqlite3"),
        ("sqlite:////data/my%20threads.sqlite3", "/data/my threads.sqlite3"),
    ],
)
def test_sqlite_address_is_read(url: str, name: str) -> None:
    found = read(url)
    assert found["ENGINE"] == "core.sqlite"
    assert found["NAME"] == name
    assert found["OPTIONS"] == {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
        "PRAGMA cache_size=-16000;",
    }


def test_postgresql_address_is_read() -> None:
    found = read("postgresql://ann:p%40ss@db.example.org:6543/parley")
    assert {name: found[name] for name in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "NAME", "CONN_MAX_AGE")} == {
        "ENGINE": "core.postgresql",
        "USER": "ann",
        "PASSWORD": "p@ss",
        "HOST": "db.example.org",
        "PORT": 6543,
        "NAME": "parley",
        "CONN_MAX_AGE": 0,
    }
    assert found["OPTIONS"] == {
        "application_name": "parley",
        **LIBPQ_LIMITS,
        "prepare_threshold": ONLY_WHEN_ASKED,
        "pool": {"min_size": 2, "max_size": 10, "timeout": 5, "reconnect_timeout": 5},
    }


def test_postgresql_options_of_the_address_are_kept() -> None:
    found = read("postgres://h/db?sslmode=verify-full&application_name=mine&options=-c%20work_mem%3D8MB")
    assert found["OPTIONS"] == {
        "sslmode": "verify-full",
        "application_name": "mine",
        "options": "-c work_mem=8MB",
        **LIBPQ_LIMITS,
        "prepare_threshold": ONLY_WHEN_ASKED,
        "pool": {"min_size": 2, "max_size": 10, "timeout": 5, "reconnect_timeout": 5},
    }


def test_pool_sizes_are_read() -> None:
    found = read("postgres://h/db", DATABASE_POOL_MIN="0", DATABASE_POOL_MAX="25", DATABASE_POOL_TIMEOUT="7")
    assert found["OPTIONS"]["pool"] == {"min_size": 0, "max_size": 25, "timeout": 7, "reconnect_timeout": 7}


def test_pool_minimum_above_the_maximum_is_noted() -> None:
    found, noted = problems("postgres://h/db", DATABASE_POOL_MIN="5", DATABASE_POOL_MAX="3")
    assert found["OPTIONS"]["pool"] == {"min_size": 3, "max_size": 3, "timeout": 5, "reconnect_timeout": 5}
    assert [problem.name for problem in noted] == ["DATABASE_POOL_MIN"]


def replicas(urls: str, *, primary: str = "postgres://h/db") -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    env = Env({"DATABASE_URL": primary, "REPLICA_URLS": urls, "DATABASE_POOL_MAX": "7"})
    found = replica_settings(env, primary=database_settings(env, base_dir=BASE))
    return found, env.problems


def test_replicas_are_numbered_and_give_up_sooner_than_the_primary() -> None:
    found, noted = replicas("postgres://one/db, postgres://two:6543/db?application_name=reader")
    assert [(alias, each["HOST"], each["PORT"]) for alias, each in found.items()] == [
        ("replica1", "one", ""),
        ("replica2", "two", 6543),
    ]
    assert found["replica2"]["OPTIONS"]["application_name"] == "reader"
    assert found["replica1"]["OPTIONS"]["pool"] == {"min_size": 2, "max_size": 7, "timeout": 1, "reconnect_timeout": 1}
    assert noted == []


@pytest.mark.parametrize(
    ("urls", "primary"),
    [("postgres://h/db", "sqlite:///:memory:"), ("sqlite:///:memory:", "postgres://h/db"), ("h", "postgres://h/db")],
)
def test_replicas_that_cannot_be_used_are_noted(urls: str, primary: str) -> None:
    found, noted = replicas(urls, primary=primary)
    assert (found, [problem.name for problem in noted]) == ({}, ["REPLICA_URLS"])


@pytest.mark.parametrize(
    "url", ["parley.sqlite3", "pg://h/db", "postgres://h:port/db", "postgres://[h/db", "mysql://h/db", "oracle://h/db"]
)
def test_address_that_cannot_be_used_is_noted_and_answered_with_the_default(url: str) -> None:
    found, noted = problems(url)
    assert (found["ENGINE"], found["NAME"]) == ("core.sqlite", "/srv/parley/var/parley.sqlite3")
    assert [problem.name for problem in noted] == ["DATABASE_URL"]


def test_password_of_an_address_that_cannot_be_used_is_not_repeated() -> None:
    _found, noted = problems("postgres://ann:hunter2@h:port/db")
    assert "hunter2" not in "".join(problem.message + problem.hint for problem in noted)


@pytest.mark.parametrize(("variables", "synchronous"), [({}, 2), ({"SQLITE_SYNCHRONOUS": "NORMAL"}, 1)])
def test_sqlite_pragmas_are_in_force(tmp_path: Path, variables: dict[str, str], synchronous: int) -> None:
    with connected(f"sqlite:///{tmp_path}/parley.sqlite3", **variables) as connection:
        found = {
            name: value_of(connection, f"PRAGMA {name}")
            for name in ("foreign_keys", "journal_mode", "synchronous", "busy_timeout", "cache_size")
        }
    assert found == {
        "foreign_keys": 1,
        "journal_mode": "wal",
        "synchronous": synchronous,
        "busy_timeout": 30_000,
        "cache_size": -16_000,
    }


def test_sqlite_folder_is_created_on_connecting(tmp_path: Path) -> None:
    database = tmp_path / "new" / "folder" / "parley.sqlite3"
    with connected(f"sqlite:///{database}") as connection:
        assert not database.parent.exists()
        assert value_of(connection, "SELECT 1") == 1
    assert database.is_file()


def test_sqlite_transaction_takes_the_write_lock_at_once(tmp_path: Path) -> None:
    database = tmp_path / "parley.sqlite3"
    with connected(f"sqlite:///{database}") as connection, transaction.atomic(using=connection.alias):
        other = sqlite3.connect(database, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()


@on_postgresql
def test_postgresql_options_are_in_force() -> None:
    options = "sslmode=disable&application_name=my%20reports&options=-c%20statement_timeout%3D4321"
    with connected(f"{server_url('postgres')}?{options}") as connection:
        assert value_of(connection, "SHOW application_name") == "my reports"
        assert value_of(connection, "SHOW statement_timeout") == "4321ms"
        assert connection.connection.info.get_parameters()["sslmode"] == "disable"


@on_postgresql
def test_postgresql_application_name_is_parley_by_default() -> None:
    with connected(server_url("postgres")) as connection:
        assert value_of(connection, "SHOW application_name") == "parley"


@on_postgresql
def test_pool_keeps_its_minimum_of_connections() -> None:
    name = f"pool-{uuid4().hex[:8]}"
    url = f"{server_url('postgres')}?application_name={name}"
    with connected(url, DATABASE_POOL_MIN="3", DATABASE_POOL_MAX="5") as connection:
        value_of(connection, "SELECT 1")
        pool: Any = connection.pool  # type: ignore[attr-defined]
        pool.wait()
        assert (pool.min_size, pool.max_size) == (3, 5)
        assert 3 <= sessions_named(name) <= 5


@on_postgresql
def test_pool_serves_more_threads_than_it_has_connections() -> None:
    name = f"pool-{uuid4().hex[:8]}"
    with connected(f"{server_url('postgres')}?application_name={name}") as connection:
        threads = [SleepingThread(connection.alias) for _ in range(64)]
        for thread in threads:
            thread.start()
        seen = 0
        while any(thread.is_alive() for thread in threads):
            seen = max(seen, sessions_named(name))
        assert [thread.outcome for thread in threads] == [1] * 64
        assert 2 < seen <= 10


@on_postgresql
def test_pool_replaces_connections_that_the_server_ended() -> None:
    name = f"pool-{uuid4().hex[:8]}"
    with connected(f"{server_url('postgres')}?application_name={name}", DATABASE_POOL_MIN="1") as connection:
        value_of(connection, "SELECT 1")
        connection.close()
        with psycopg.connect(server_url("postgres"), autocommit=True) as session:
            ended = session.execute(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = %s",
                [name],
            ).fetchone()
        assert ended is not None
        assert ended[0] >= 1
        assert value_of(connection, "SELECT 1") == 1


@on_postgresql
def test_exhausted_pool_is_an_operational_error() -> None:
    url = server_url("postgres")
    with connected(url, DATABASE_POOL_MIN="1", DATABASE_POOL_MAX="1", DATABASE_POOL_TIMEOUT="1") as connection:
        value_of(connection, "SELECT 1")
        late = SleepingThread(connection.alias)
        late.start()
        late.join()
        assert isinstance(late.outcome, OperationalError)


class SleepingThread(threading.Thread):
    """Uses a connection of its own for a moment and keeps what came of it."""

    outcome: object = None

    def __init__(self, alias: str) -> None:
        super().__init__()
        self._alias = alias

    def run(self) -> None:
        connection = connections[self._alias]
        try:
            self.outcome = value_of(connection, "SELECT 1 FROM pg_sleep(0.1)")
        except OperationalError as error:
            self.outcome = error
        finally:
            connection.close()


def sessions_named(name: str) -> int:
    """How many sessions of an application the server sees."""
    with psycopg.connect(server_url("postgres"), autocommit=True) as session:
        row = session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [name]).fetchone()
        assert row is not None
        return int(row[0])
