"""System D, a persistence layer: threads and messages with their limits, routes, order and errors."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from accounts.actors import SystemActor
from accounts.models import User
from config.database import database_settings
from config.env import Env
from conversations.models import Message, Thread
from conversations.services import append_messages
from tests.api.problems import fields_at_fault
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.processes import ROOT, finished, manage, start

CREATED = {"agent_type": "chat", "model": "gpt-4", "provider": "openai"}

NAMED_TESTS = {
    "test_threads.py": """
        test_create_thread_via_api test_create_thread_with_title test_create_thread_missing_fields test_list_threads
        test_list_threads_pagination test_get_thread test_get_thread_not_found test_update_thread
        test_update_thread_not_found test_delete_thread test_delete_thread_not_found test_thread_service_create
        test_thread_service_list_order
    """,
    "test_messages.py": """
        test_create_message_via_api test_create_message_with_artifact test_create_message_with_metadata
        test_create_message_thread_not_found test_create_message_missing_role test_list_messages
        test_list_messages_empty_thread test_delete_message test_delete_message_not_found
        test_delete_thread_cascades_messages test_message_service_create test_message_service_list_order
    """,
}


@pytest.fixture
def path(thread: Thread) -> str:
    return f"/api/threads/{thread.pk}/messages"


@pytest.mark.parametrize(("name", "limit"), [("title", 255), ("agent_type", 50), ("model", 100), ("provider", 50)])
def test_d1_fields_of_a_thread_have_their_limits(api: ApiClient, name: str, limit: int) -> None:
    longest = api.post("/api/threads", {**CREATED, name: "\U0001f600" * limit})
    before = snapshot()
    longer = api.post("/api/threads", {**CREATED, name: "x" * (limit + 1)})
    missing = api.post("/api/threads", {key: value for key, value in CREATED.items() if key != name})

    assert (longest.status_code, longest.json()[name]) == (201, "\U0001f600" * limit)
    assert (longer.status_code, fields_at_fault(longer)) == (400, [name])
    assert missing.status_code == (201 if name == "title" else 400)
    assert snapshot() == before or name == "title"


def test_d1_a_thread_has_an_id_of_36_characters_and_two_times(api: ApiClient) -> None:
    thread = api.post("/api/threads", CREATED).json()

    assert (len(thread["id"]), str(uuid.UUID(thread["id"]))) == (36, thread["id"])
    assert thread["title"] is None
    assert [len(thread[name]) for name in ("created_at", "updated_at")] == [27, 27]


def test_d2_a_message_has_a_role_and_may_lack_all_else(api: ApiClient, path: str) -> None:
    before = snapshot()
    refused = [api.post(path, body).status_code for body in ({}, {"role": "x" * 21}, {"role": None})]
    unchanged = snapshot() == before
    message = api.post(path, {"role": "user", "content": None}).json()

    assert (refused, unchanged) == ([400, 400, 400], True)
    assert [message[name] for name in ("content", "artifact_data", "metadata")] == [None, None, None]
    assert Message._meta.get_field("role").max_length == 20
    assert max(map(len, Message.Role.values)) <= 20


def test_d3_eight_routes_have_their_verbs_and_statuses(api: ApiClient) -> None:
    thread = api.post("/api/threads", CREATED)
    one = f"/api/threads/{thread.json()['id']}"
    message = api.post(f"{one}/messages", {"role": "user", "content": "Hello"})

    answers = [
        thread,
        api.get("/api/threads"),
        api.get(one),
        api.patch(one, {"title": "New"}),
        message,
        api.get(f"{one}/messages"),
        api.delete(f"/api/messages/{message.json()['id']}"),
        api.delete(one),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 201, 200, 204, 204]


def test_d4_a_message_brings_its_thread_to_the_front(api: ApiClient) -> None:
    first, second, third = (api.post("/api/threads", CREATED).json()["id"] for _ in range(3))

    api.post(f"/api/threads/{first}/messages", {"role": "user"})
    listed = [row["id"] for row in api.get("/api/threads").json()["results"]]
    api.post(f"/api/threads/{second}/messages/batch", {"messages": [{"role": "user"}]})
    paged = [
        row["id"] for offset in (0, 1, 2) for row in api.get(f"/api/threads?limit=1&offset={offset}").json()["results"]
    ]

    assert listed == [first, third, second]
    assert paged == [second, first, third]


def test_d5_a_thousand_messages_of_one_second_keep_their_order(
    api: ApiClient, actor: SystemActor, thread: Thread, path: str
) -> None:
    second = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for start_at in range(0, 1000, 100):
        batch = [{"role": "user", "content": str(number)} for number in range(start_at, start_at + 100)]
        append_messages(actor=actor, thread_id=thread.pk, messages=batch, now=second)

    whole = api.get(f"{path}?limit=1000").json()["results"]
    backwards = api.get(f"{path}?limit=1000&order=desc").json()["results"]

    assert [row["content"] for row in whole] == [str(number) for number in range(1000)]
    assert {row["created_at"] for row in whole} == {"2026-01-02T03:04:05.000000Z"}
    assert backwards == whole[::-1]


@pytest.mark.parametrize("name", ["artifact_data", "metadata"])
@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, {"b": "\u00e9"}]}, [], "text", 7, True, {}, {"": 1}])
def test_d6_json_comes_back_as_it_went_in(api: ApiClient, path: str, name: str, value: Any) -> None:
    message = api.post(path, {"role": "user", name: value}).json()

    assert message[name] == value
    assert api.get(path).json()["results"][0][name] == value


def test_d7_errors_have_their_statuses(api: ApiClient, path: str) -> None:
    nobody = uuid.uuid4()
    before = snapshot()

    statuses = {
        "thread without fields": api.post("/api/threads", {}).status_code,
        "message without role": api.post(path, {}).status_code,
        "unknown thread": api.get(f"/api/threads/{nobody}").status_code,
        "change of an unknown thread": api.patch(f"/api/threads/{nobody}", {"title": "x"}).status_code,
        "deletion of an unknown thread": api.delete(f"/api/threads/{nobody}").status_code,
        "message to an unknown thread": api.post(f"/api/threads/{nobody}/messages", {"role": "user"}).status_code,
        "messages of an unknown thread": api.get(f"/api/threads/{nobody}/messages").status_code,
        "deletion of an unknown message": api.delete(f"/api/messages/{nobody}").status_code,
    }

    assert list(statuses.values()) == [400, 400, 404, 404, 404, 404, 404, 404], statuses
    assert snapshot() == before


@pytest.mark.parametrize("file", NAMED_TESTS)
def test_d8_the_named_tests_are_all_there(file: str) -> None:
    tree = ast.parse((Path(__file__).parent.parent / "compat" / file).read_text(encoding="utf-8"))

    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]

    assert found == NAMED_TESTS[file].split()
    assert len(found) == {"test_threads.py": 13, "test_messages.py": 12}[file]


@pytest.mark.slow
def test_d9_nothing_migrates_by_itself_and_everybody_is_told(fresh_database: str) -> None:
    env = {"DATABASE_URL": fresh_database, "DEBUG": "true"}
    probe = """
        import config.wsgi, json
        from django.db import connection
        from django.test import Client
        answer = Client().get("/readyz")
        print(json.dumps([answer.status_code, answer.json()["checks"], connection.introspection.table_names()]))
    """

    before = finished(start("-c", textwrap.dedent(probe), env=env))
    migrated = manage("migrate", "--verbosity", "0", env=env)
    after = finished(start("-c", textwrap.dedent(probe), env=env))

    status, found, tables = json.loads(before.stdout)
    assert (before.returncode, status, tables) == (0, 503, [])
    assert re.fullmatch(r"\d+ not applied: run manage.py migrate", found["migrations"])
    assert "Run manage.py migrate, these are not applied: " in before.stderr
    assert "conversations.0001_threads_messages_and_feedback" in before.stderr
    assert migrated.returncode == 0
    status, found, tables = json.loads(after.stdout)
    assert (after.returncode, status, found["migrations"]) == (0, 200, "ok")
    assert "Run manage.py migrate" not in after.stderr
    assert {"conversations_thread", "conversations_message", "django_migrations"} <= set(tables)


@pytest.mark.parametrize(
    ("address", "engine", "name"),
    [
        ("", "core.sqlite", str(ROOT / "var" / "parley.sqlite3")),
        ("sqlite:////data/parley.sqlite3", "core.sqlite", "/data/parley.sqlite3"),
        ("sqlite:///:memory:", "core.sqlite", ":memory:"),
        ("postgresql://u:p@db.example.org:5433/parley", "core.postgresql", "parley"),
        ("postgres://u:p@db.example.org/parley", "core.postgresql", "parley"),
    ],
)
def test_d10_the_address_alone_chooses_the_database(address: str, engine: str, name: str) -> None:
    env = Env({"DATABASE_URL": address})

    chosen = database_settings(env, base_dir=ROOT)

    assert (chosen["ENGINE"], str(chosen["NAME"]), env.problems) == (engine, name, [])


def test_d10_the_suite_runs_on_the_database_that_the_address_names(db: None) -> None:
    assert connection.vendor in ("sqlite", "postgresql")
    assert Thread.objects.count() == 0


def test_d12_a_database_in_memory_is_made_in_seconds() -> None:
    started = time.monotonic()
    script = """
        import config.wsgi
        from django.core.management import call_command
        from accounts.actors import SystemActor
        from accounts.services import create_organization
        from conversations.services import create_thread
        call_command("migrate", verbosity=0)
        actor = SystemActor(create_organization(slug="acme").pk)
        fields = {"agent_type": "chat", "model": "m", "provider": "p"}
        print(create_thread(actor=actor, fields=fields).last_position)
    """

    run = finished(start("-c", textwrap.dedent(script), env={"DATABASE_URL": "sqlite:///:memory:", "DEBUG": "true"}))

    assert (run.returncode, run.stdout) == (0, "0\n"), run.stderr
    assert time.monotonic() - started < 30


def test_d12_a_database_in_memory_is_like_one_in_a_file(fresh_connection: BaseDatabaseWrapper) -> None:
    memory = database_settings(Env({"DATABASE_URL": "sqlite:///:memory:"}), base_dir=ROOT)
    file = database_settings(Env({"DATABASE_URL": "sqlite:////tmp/x.sqlite3"}), base_dir=ROOT)

    assert {key: value for key, value in memory.items() if key != "NAME"} == {
        key: value for key, value in file.items() if key != "NAME"
    }


def test_d17_a_person_logs_in_and_owns_what_they_begin(alice: User) -> None:
    browser = Client()
    stranger = browser.get("/api/threads").status_code
    entered = browser.post("/api-auth/login/", {"username": "Alice@Example.org", "password": "correct horse battery"})

    begun = browser.post("/api/threads", CREATED, "application/json").json()
    me = browser.get("/api/me").json()["user"]

    assert (stranger, entered.status_code) == (401, 302)
    assert me == {"id": str(alice.pk), "username": "alice", "email": "alice@example.org"}
    assert Thread.objects.get(pk=begun["id"]).created_by == alice
