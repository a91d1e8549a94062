"""What is answered while the disk of the database is full or may not be written to."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

from accounts.models import ApiKey, Organization, User
from conversations.models import Message, Thread
from core import storage_faults
from core.storage_faults import storage_fault
from tests.api.problems import problem_of
from tests.client import ApiClient

ON_SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite limits a database without a small disk")
LONG = "x" * 60_000
THREAD = {"agent_type": "chat", "model": "m", "provider": "p"}
MOST_PAGES = 2**30


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    yield
    storage_faults.forget()


@contextmanager
def full_disk(api: ApiClient) -> Iterator[None]:
    """Let the database grow by no page more than it has, and use up those that are free."""
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {cursor.execute('PRAGMA page_count').fetchone()[0]}")
    while api.post("/api/threads", {**THREAD, "metadata": {"text": LONG}}).status_code == 201:
        pass
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {MOST_PAGES}")


@contextmanager
def read_only() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")


def append(api: ApiClient, thread: Thread) -> Any:
    body = {"role": "user", "content": LONG}
    return api.post(f"/api/threads/{thread.pk}/messages", body, idempotency_key="k")


@ON_SQLITE
@pytest.mark.django_db(transaction=True)
def test_full_disk_is_a_507_that_changes_nothing_and_may_be_repeated(api: ApiClient, thread: Thread) -> None:
    with full_disk(api):
        refused = append(api, thread)
        read = api.get(f"/api/threads/{thread.pk}/messages")
        stored = Message.objects.count()

    again = append(api, thread)
    repeated = append(api, thread)

    assert (refused.status_code, problem_of(refused)["code"], refused["Retry-After"]) == (507, "storage_full", "10")
    assert (read.status_code, read.json()["results"], stored) == (200, [], 0)
    assert (again.status_code, again.json()["position"]) == (201, 1)
    assert (repeated.json()["id"], repeated["Idempotent-Replayed"]) == (again.json()["id"], "true")
    assert Message.objects.count() == 1


@ON_SQLITE
@pytest.mark.django_db(transaction=True)
def test_full_disk_is_told_by_readyz(api: ApiClient, thread: Thread) -> None:
    with full_disk(api):
        append(api, thread)
    response = Client().get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["disk"] == "full: a write was refused"


def chained(cause: Exception) -> OperationalError:
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


def disk_full() -> OperationalError:
    """What the driver of the suite's database makes of a full disk."""
    if connection.vendor == "postgresql":
        return chained(psycopg.errors.DiskFull("could not extend file: No space left on device"))
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorcode = sqlite3.SQLITE_FULL
    return chained(cause)


def no_room(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.startswith(("INSERT", "UPDATE")):
        raise disk_full()
    return run(sql, params, many, context)


def test_full_disk_is_a_page_in_the_admin(admin_client: Client, organization: Organization) -> None:
    address = f"/admin/accounts/organization/{organization.pk}/change/"
    with connection.execute_wrapper(no_room):
        changed = admin_client.post(address, {"name": "Renamed", "slug": "acme"})
        listed = admin_client.get("/admin/conversations/thread/")

    assert (changed.status_code, changed["Retry-After"], listed.status_code) == (507, "10", 200)
    assert "<h1>The disk of the database is full.</h1>" in changed.content.decode()
    organization.refresh_from_db()
    assert organization.name == "Acme"


def test_full_disk_is_a_page_at_the_log_in(db: None) -> None:
    User.objects.create_superuser("dora", "dora@example.org", "correct horse battery")
    with connection.execute_wrapper(no_room):
        response = Client().post("/admin/login/", {"username": "dora", "password": "correct horse battery"})
    assert (response.status_code, response["Retry-After"]) == (507, "10")


@ON_SQLITE
@pytest.mark.django_db(transaction=True)
def test_database_that_cannot_be_written_answers_503_and_keys_go_on(api: ApiClient, thread: Thread) -> None:
    ApiKey.objects.update(last_used_at=None)
    with read_only():
        read = api.get(f"/api/threads/{thread.pk}")
        refused = append(api, thread)

    assert (read.status_code, ApiKey.objects.get().last_used_at) == (200, None)
    assert (refused.status_code, problem_of(refused)["code"]) == (503, "storage_read_only")
    assert append(api, thread).status_code == 201


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (chained(psycopg.errors.DiskFull("could not extend file")), 507),
        (chained(psycopg.errors.IoError("could not read block")), 503),
        (chained(psycopg.errors.UndefinedTable("no such table")), None),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507),
        (chained(OSError(errno.EROFS, "Read-only file system")), 503),
        (OSError(errno.ENOENT, "No such file or directory"), None),
        (ValueError("else"), None),
    ],
)
def test_faults_of_storage_are_told_from_others(error: Exception, status: int | None) -> None:
    fault = storage_fault(error)
    assert (None if fault is None else fault.status) == status
