"""Fault 10: a migration is killed half-way, and four start at once.

Killed at statements drawn by chance, again and again, from nothing and from the release before: at last it ends whole,
with the very schema of a migration that nobody killed, every migration applied once, and every row in its place.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from core.ids import uuid7
from core.integrity import checks
from core.online_migrations.indexes import invalid_indexes
from tests.databases import connected, new_database
from tests.faults.conftest import Report
from tests.faults.later_release import carry_out_online
from tests.faults.verdict import Verdict
from tests.processes import finished, start, start_manage
from tests.schemas import Schema, schema_of

FAULT = "10 migration killed half-way"
SEED = 10
KILLS = 12
LONGEST = 120
"""Statements of one try at most; from nothing to the end there are several times as many."""

AT_ONCE = 4
ROUNDS_AT_ONCE = 3
BEFORE = (
    ("ledger", "0002_audit_is_append_only"),
    ("accounts", "0002_roles_domains_and_invitations"),
    ("agents_app", "0001_agents"),
    ("conversations", "0002_search_index"),
)
"""A state with rows that the last migrations alter."""

State = tuple[Schema, list[tuple[str, str]], list[str]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with new_database(tmp_path) as url:
        yield url


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[State]:
    """What a migration that nobody killed makes of an empty database."""
    folder = tmp_path / "whole"
    folder.mkdir()
    with new_database(folder) as url, connected(url, alias="whole") as connection:
        call_command("migrate", database="whole", verbosity=0)
        yield state_of(connection)


@pytest.mark.slow
def test_a_killed_migration_goes_on(database: str, whole: State, report: Report) -> None:
    told = die("migrate", database, [30, 200, 120])
    report(verdict(database, whole, notes=f"killed {told} times from nothing"))


@pytest.mark.faults
def test_migration_from_nothing_survives_kills(database: str, whole: State, report: Report) -> None:
    told = die("migrate", database, moments())
    report(verdict(database, whole, fault=f"{FAULT}, from nothing", notes=f"killed {told} times"))


@pytest.mark.faults
def test_migration_from_the_release_before_survives_kills(database: str, whole: State, report: Report) -> None:
    with connected(database) as connection:
        rows = write_rows_of_before(connection)
    told = die("migrate", database, moments(most=60))
    with connected(database) as connection:
        problems = [] if rows_now(connection) == rows else ["rows were lost or altered"]
    fault = f"{FAULT}, from the release before"
    report(verdict(database, whole, fault=fault, notes=f"killed {told} times", problems=problems))


@pytest.mark.faults
def test_online_operations_survive_kills(database: str, tmp_path: Path, report: Report) -> None:
    folder = tmp_path / "unharmed"
    folder.mkdir()
    with new_database(folder) as url, connected(url, alias="unharmed") as connection:
        call_command("migrate", database="unharmed", verbosity=0)
        carry_out_online(connection)
        unharmed = state_of(connection)
    with connected(database) as connection:
        call_command("migrate", database=connection.alias, verbosity=0)
    told = die("online", database, [*range(4, 44, 3), *moments(most=60)])
    fault = f"{FAULT}, operations outside of a transaction"
    report(verdict(database, unharmed, fault=fault, notes=f"killed {told} times"))


@pytest.mark.faults
def test_four_at_once_end_whole_while_two_are_killed(tmp_path: Path, whole: State, report: Report) -> None:
    chance = random.Random(SEED)
    problems: list[str] = []
    for number in range(ROUNDS_AT_ONCE):
        folder = tmp_path / str(number)
        folder.mkdir()
        with new_database(folder) as url:
            problems += migrate_at_once(url, seconds=chance.uniform(1.5, 4.0))
            last = verdict(
                url,
                whole,
                fault="10 four migrations at once",
                notes=f"{ROUNDS_AT_ONCE} rounds, 2 of 4 killed in each",
                problems=problems,
            )
            problems = list(last.problems)
    report(last)


def migrate_at_once(url: str, *, seconds: float) -> list[str]:
    """Start four, kill two of them after some seconds, and return what the others complain of."""
    processes = [start_manage("migrate", env={"DATABASE_URL": url}) for _ in range(AT_ONCE)]
    time.sleep(seconds)
    for process in processes[:2]:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return [run.stderr for run in map(finished, processes) if run.returncode not in (0, -signal.SIGKILL)]


def moments(most: int = LONGEST) -> list[int]:
    chance = random.Random(SEED)
    return [chance.randint(1, most) for _ in range(KILLS)]


def die(what: str, database: str, statements: list[int]) -> int:
    """Be killed at these statements, then go on to the end; return how many tries were killed."""
    arguments = [what, *map(str, statements)]
    run = finished(start("-m", "tests.faults.dying_migration", *arguments, env={"DATABASE_URL": database}))
    assert run.returncode == 0, run.stderr
    return int(json.loads(run.stdout)["killed"])


def state_of(connection: BaseDatabaseWrapper) -> State:
    """Schema, applied migrations, invalid indexes."""
    applied = sorted(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    return schema_of(connection), applied, invalid_indexes(connection)


def verdict(database: str, expected: State, *, fault: str = FAULT, notes: str, problems: Sequence[str] = ()) -> Verdict:
    """Compare with the state that is to be, and let `check_integrity` look at the rows."""
    found = list(problems)
    with connected(database) as connection:
        parts = zip(("schema", "applied", "invalid"), expected, state_of(connection), strict=True)
        found += [f"{name} differs: {is_now}" for name, is_to_be, is_now in parts if is_now != is_to_be]
        found += [f"{name}: {each}" for name, check in checks().items() for each in check(connection.alias)]
        vendor = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
    return Verdict(fault=fault, database=vendor, notes=notes, problems=tuple(found))


def write_rows_of_before(connection: BaseDatabaseWrapper) -> list[Any]:
    """Migrate to `BEFORE` and write a member, a key and a thread with messages, as that release would have."""
    for app, name in BEFORE:
        call_command("migrate", app, name, database=connection.alias, verbosity=0)
    apps = MigrationExecutor(connection).loader.project_state(list(BEFORE)).apps

    def write(app: str, kind: str, /, **fields: Any) -> Any:
        return apps.get_model(app, kind)._base_manager.using(connection.alias).create(id=uuid7(), **fields)

    organization = write("accounts", "Organization", slug="acme", name="Acme")
    person = write("accounts", "User", username="alice")
    write("accounts", "Membership", organization=organization, user=person)
    write("accounts", "ApiKey", organization=organization, name="k", prefix="p" * 12, digest="d", pepper_id="x")
    thread = write(
        "conversations",
        "Thread",
        organization=organization,
        agent_type="chat",
        model="m",
        provider="p",
        last_position=3,
        message_count=3,
    )
    for position in (1, 2, 3):
        write("conversations", "Message", organization=organization, thread=thread, position=position, role="user")
    return rows_now(connection)


def rows_now(connection: BaseDatabaseWrapper) -> list[Any]:
    """The columns of those rows that every release has."""
    found = []
    with connection.cursor() as cursor:
        for query in (
            "SELECT id, slug, name FROM accounts_organization",
            "SELECT id, username FROM accounts_user",
            "SELECT id, organization_id, user_id FROM accounts_membership",
            "SELECT id, organization_id, name, prefix, digest, pepper_id FROM accounts_apikey",
            "SELECT id, organization_id, model, last_position FROM conversations_thread",
            "SELECT id, thread_id, position, role FROM conversations_message ORDER BY position",
        ):
            cursor.execute(query)
            found.append(cursor.fetchall())
    return found
