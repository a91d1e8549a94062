"""System A, a chat back end: SQLite from zero, sound connections, honest times, JSON and foreign keys."""

from __future__ import annotations

import json
import sqlite3
import sys
import textwrap
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.databases import connected
from tests.hostile.verdicts import same_value
from tests.installation import Installation
from tests.processes import ROOT, manage, start
from tests.processes import finished as finish

CREATED = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}


@pytest.fixture
def newcomer(tmp_path: Path) -> Installation:
    """A fresh copy whose Python has no driver for PostgreSQL, and no address of a database."""
    blocked = tmp_path / "blocked"
    for name in ("psycopg", "psycopg2", "psycopg_pool", "psycopg_binary"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text("raise ImportError('there is no PostgreSQL here')\n")
    return Installation(tmp_path, {"PYTHONPATH": str(blocked), "DATABASE_URL": "", "DEBUG": "true"})


@pytest.mark.slow
def test_a1_a_fresh_clone_runs_with_sqlite_alone(newcomer: Installation) -> None:
    steps = [
        newcomer.run(newcomer.manage(*arguments))
        for arguments in (
            ("migrate", "--no-input", "--verbosity", "0"),
            ("create_organization", "acme"),
            ("create_api_key", "--organization", "acme", "--name", "first"),
        )
    ]
    assert [step.returncode for step in steps] == [0, 0, 0], steps
    key = steps[-1].stdout.strip()

    server = newcomer.manage("runserver", "--noreload", f"127.0.0.1:{newcomer.port}")
    with newcomer.serve(server) as serving:
        serving.wait_until_ready()
        made = answer_of(f"{serving.address}/api/threads", key, CREATED)
        listed = answer_of(f"{serving.address}/api/threads", key)

    assert listed["results"] == [made]
    with sqlite3.connect(newcomer.root / "var" / "parley.sqlite3") as file:
        assert file.execute("SELECT count(*) FROM conversations_thread").fetchone() == (1,)
    blocked = newcomer.run([sys.executable, "-c", "import psycopg"])
    assert blocked.returncode == 1


def answer_of(address: str, key: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(address, data=data, headers=headers)) as response:
        return json.load(response)


def test_a2_time_zones_resolve_without_the_zone_data_of_the_system() -> None:
    script = """
        import zoneinfo
        from datetime import datetime
        assert zoneinfo.TZPATH == (), zoneinfo.TZPATH
        winter = datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
        print(winter.utcoffset(), zoneinfo.ZoneInfo("UTC"))
    """

    run = finish(start("-c", textwrap.dedent(script), env={"PYTHONTZPATH": ""}))

    assert (run.returncode, run.stdout) == (0, "1:00:00 UTC\n"), run.stderr
    assert "tzdata==" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


@pytest.fixture
def sqlite_file(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A connection to a SQLite file as the server makes it, whatever the suite runs on."""
    with django_db_blocker.unblock(), connected(f"sqlite:///{tmp_path / 'a.sqlite3'}") as made:
        yield made


def test_a3_a_sqlite_connection_guards_and_logs_ahead(sqlite_file: BaseDatabaseWrapper) -> None:
    pragmas = ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")

    with sqlite_file.cursor() as cursor:
        values = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]

    assert values == [1, "wal", 2, 30_000]


def test_a3_several_threads_use_one_sqlite_file(sqlite_file: BaseDatabaseWrapper) -> None:
    with sqlite_file.cursor() as cursor:
        cursor.execute("CREATE TABLE written (number INTEGER)")

    def write(number: int) -> None:
        own = connections[sqlite_file.alias]
        try:
            with transaction.atomic(using=sqlite_file.alias), own.cursor() as cursor:
                assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)
                cursor.execute("INSERT INTO written VALUES (%s)", [number])
        finally:
            own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    with sqlite_file.cursor() as cursor:
        rows = cursor.execute("SELECT number FROM written ORDER BY number").fetchall()
    assert rows == [(number,) for number in range(40)]


@pytest.mark.slow
def test_a4_every_migration_leads_forth_and_back(fresh_database: str) -> None:
    env = {"DATABASE_URL": fresh_database}
    whole = manage("migrate", env=env)

    back = [manage("migrate", app, "zero", env=env) for app in ("conversations", "agents_app", "accounts")]
    again = manage("migrate", env=env)

    assert [run.returncode for run in (whole, *back, again)] == [0, 0, 0, 0, 0]
    assert "Unapplying conversations.0001_threads_messages_and_feedback... OK" in back[0].stdout
    assert "Applying conversations.0001_threads_messages_and_feedback... OK" in again.stdout


def test_a5_migrations_make_the_database_where_the_address_says(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "below" / "parley.sqlite3"
    env = {"DATABASE_URL": f"sqlite:///{place}"}

    migrated = manage("migrate", env=env)
    clean = manage("makemigrations", "--check", "--dry-run", env=env)

    assert (migrated.returncode, clean.returncode) == (0, 0)
    assert place.read_bytes().startswith(b"SQLite format 3")


def test_a8_the_health_check_answers_and_a_conversation_is_written(api: ApiClient, anonymous: ApiClient) -> None:
    before = Thread.objects.count()

    health = [anonymous.get(path).status_code for path in ("/healthz", "/healthz/", "/readyz", "/readyz/")]
    made = api.post("/api/conversations", {"title": "Proven"}).json()

    assert health == [200, 200, 200, 200]
    assert before == 0
    assert list(Thread.objects.values_list("id", "title")) == [(uuid.UUID(made["id"]), "Proven")]


def test_a9_foreign_keys_are_enforced(api: ApiClient, thread: Thread) -> None:
    nobody = str(uuid.uuid4())
    before = snapshot()

    statuses = [
        api.post(f"/api/threads/{nobody}/messages", {"role": "user"}).status_code,
        api.post(f"/api/conversations/{nobody}/messages", {"role": "user"}).status_code,
        api.post(f"/api/threads/{nobody}/messages/batch", {"messages": [{"role": "user"}]}).status_code,
        api.post(f"/api/messages/{nobody}/feedback", {"rating": 1}).status_code,
        api.post("/api/threads", {**CREATED, "agent_id": nobody}).status_code,
        api.patch(f"/api/threads/{thread.pk}", {"agent_id": nobody}).status_code,
    ]

    assert statuses == [404, 404, 404, 404, 400, 400]
    assert snapshot() == before


def orphan(actor: SystemActor) -> Message:
    return Message(organization_id=actor.organization_id, thread_id=uuid.uuid4(), position=1, role="user")


@pytest.mark.django_db(transaction=True)
def test_a9_an_orphan_is_refused_at_the_latest_with_the_commit(actor: SystemActor) -> None:
    with pytest.raises(IntegrityError):
        orphan(actor).save(force_insert=True)

    with pytest.raises(IntegrityError), transaction.atomic():
        orphan(actor).save(force_insert=True)
        accepted_so_far = Message.objects.count()

    assert accepted_so_far == 1
    assert Message.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a9_check_constraints_finds_an_orphan_before_the_commit(actor: SystemActor) -> None:
    with transaction.atomic():
        orphan(actor).save(force_insert=True)
        with pytest.raises(IntegrityError):
            connection.check_constraints()
        transaction.set_rollback(True)

    assert Message.objects.count() == 0


def test_a9_the_integrity_check_finds_what_a_bare_connection_let_in(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    place = tmp_path / "bare.sqlite3"
    with django_db_blocker.unblock(), connected(f"sqlite:///{place}") as made:
        call_command("migrate", database=made.alias, verbosity=0)
        call_command("check_integrity", database=made.alias, stdout=StringIO())
        with sqlite3.connect(place) as bare:
            bare.execute(
                "INSERT INTO conversations_message (id, position, role, status, provider, model, finish_reason,"
                " version, created_at, organization_id, thread_id)"
                " VALUES ('1', 1, 'user', 'completed', '', '', '', 1, '2026-01-01', 'nobody', 'nowhere')"
            )
        bare.close()

        with pytest.raises(CommandError, match=r"^Problems found: 2 \(foreign keys 2\)\.$"):
            call_command("check_integrity", database=made.alias)


@pytest.fixture
def kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process lives at UTC+05:45."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    assert time.localtime().tm_gmtoff == 20_700
    yield
    monkeypatch.undo()
    time.tzset()


def test_a10_times_are_utc_wherever_the_server_stands(api: ApiClient, thread: Thread, kathmandu: None) -> None:
    before = datetime.now(UTC)

    made = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"}).json()
    read = api.get(f"/api/messages/{made['id']}").json()["created_at"]
    given = api.post(
        f"/api/threads/{thread.pk}/messages", {"role": "user", "created_at": "2026-01-02T03:04:05+05:45"}
    ).json()

    stored = Message.objects.get(pk=made["id"]).created_at
    assert made["created_at"] == read
    assert read.endswith("Z")
    assert datetime.fromisoformat(read) == stored
    assert stored.utcoffset() == timedelta(0)
    assert before <= stored <= datetime.now(UTC)
    assert given["created_at"] == "2026-01-01T21:19:05.000000Z"


JSON_VALUES = [
    {"nested": {"list": [[[]], {}, [{"a": {"b": [None]}}]]}},
    {"unicode": "\U0001f600 \u05e9\u05dc\u05d5\u05dd e\u0301 \uffff", "\U0001f600": "key"},
    {"big": [2**63, -(2**63) - 1, 2**64, 10**100]},
    {"floats": [0.1, 1e-7, 5e-324, 1.7976931348623157e308, 1e16, 1.0]},
    {"null": None, "empty": "", "false": False, "zero": 0},
    [],
    "text",
    0,
    False,
]


@pytest.mark.parametrize("value", JSON_VALUES, ids=repr)
def test_a11_json_comes_back_as_it_went_in(api: ApiClient, thread: Thread, value: Any) -> None:
    made = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "metadata": value}).json()

    read = api.get(f"/api/messages/{made['id']}").json()["metadata"]
    stored = Message.objects.get(pk=made["id"]).metadata
    assert same_value(json.dumps(value), read)
    assert same_value(json.dumps(value), stored)


def test_a11_null_and_missing_are_stored_apart(actor: SystemActor, thread: Thread, api: ApiClient) -> None:
    path = f"/api/threads/{thread.pk}/messages"
    for body in ({"role": "user"}, {"role": "user", "metadata": None}, {"role": "user", "metadata": {"a": None}}):
        assert api.post(path, body).status_code == 201

    messages = Message.objects.visible_to(actor).in_order()
    assert list(messages.filter(metadata__isnull=True).values_list("position", flat=True)) == [1]
    assert list(messages.filter(metadata=None).values_list("position", flat=True)) == [2]
    assert list(messages.filter(metadata__a=None).values_list("position", flat=True)) == [3]


@pytest.mark.parametrize("body", [{"content": "x\x00y"}, {"metadata": {"a": "x\x00y"}}, {"metadata": {"x\x00y": 1}}])
def test_a11_a_nul_is_refused_alike_by_both_databases(api: ApiClient, thread: Thread, body: dict[str, Any]) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", **body})

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_text"
    assert snapshot() == before


def test_a14_conversations_are_served_under_their_own_name(api: ApiClient) -> None:
    conversation = api.post("/api/conversations", {"title": "Hello"}).json()
    path = f"/api/conversations/{conversation['id']}"
    said = [api.post(f"{path}/messages", {"role": role, "content": role}).json() for role in ("user", "assistant")]

    assert api.get("/api/conversations").json()["results"] == [api.get(path).json()]
    assert api.get(f"{path}/messages").json()["results"] == said
    assert {message["conversation_id"] for message in said} == {conversation["id"]}
    assert api.patch(path, {"title": "Renamed"}).json()["title"] == "Renamed"
    assert api.delete(path).status_code == 204
    assert api.get("/api/conversations").json()["results"] == []


def test_a14_appending_by_the_service_shows_under_the_alias(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "hi"}])

    [message] = api.get(f"/api/conversations/{thread.pk}/messages").json()["results"]
    assert message["content"] == "hi"
