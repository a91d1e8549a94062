"""Cut into shards by organization, the product's tables serve its requests as before, each from one shard."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from accounts.services import create_api_key
from agents_app.models import Agent
from conversations.models import Message, Thread
from core.logs import request_id
from tests.client import ApiClient
from tests.row_security.stage import on_postgresql
from tests.scale.sharding import SHARDS, cut_tables, statements, whole_tables

pytestmark = [on_postgresql, pytest.mark.django_db]

REQUIRED = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}
MESSAGE = {"role": "user", "content": "Which shard is mine?"}
PAGE = "/api/threads/{thread}/messages"

REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", PAGE, MESSAGE),
    ("POST", f"{PAGE}/batch", {"messages": [MESSAGE, MESSAGE]}),
    ("GET", f"{PAGE}?order=desc&limit=50", None),
    ("GET", "/api/threads?limit=20", None),
    ("GET", "/api/threads/{thread}", None),
    ("GET", "/api/messages?q=shard", None),
    ("GET", "/api/threads?q=quantum", None),
    ("POST", "/api/threads", REQUIRED),
    ("GET", "/api/me", None),
]
"""The hot paths; every one checks the key first."""

EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")


@pytest.fixture
def sharded(db: None) -> Iterator[None]:
    """The suite's database in shards, with the demo data; the end of the test's transaction puts it together again."""
    call_command("load_demo", stdout=StringIO())
    with connection.cursor() as cursor:
        for statement in list(statements()):
            cursor.execute(statement)
    yield


def test_every_table_is_cut_or_whole_for_a_reason() -> None:
    """A new table of the product is cut by itself: this list is for people who read it."""
    assert [table for table in whole_tables() if not table.startswith(("django_", "auth_"))] == [
        "accounts_apikey",
        "accounts_domain",
        "accounts_invitation",
        "accounts_membership",
        "accounts_organization",
        "accounts_permission",
        "accounts_role",
        "accounts_user",
    ]


def test_rows_are_all_there_and_spread_over_shards(sharded: None) -> None:
    homes = defaultdict(set)
    for table in ("conversations_thread", "conversations_message", "search_document"):
        for home, organization in rows(f"SELECT tableoid::regclass::text, organization_id FROM {table}"):
            homes[organization].add(home.removeprefix(table))

    assert [len(shards) for shards in homes.values()] == [1, 1]
    assert Message.objects.count() == 31
    call_command("check_integrity", stdout=StringIO())


def test_requests_are_served_by_one_shard(sharded: None) -> None:
    organization = Organization.objects.get(slug="quant")
    api = ApiClient(create_api_key(organization=organization, name="shards")[1])
    thread = Thread.objects.filter(organization=organization).active().order_by("pk")[0]

    astray: list[tuple[str, str, set[str]]] = []
    for method, path, body in REQUESTS:
        with touched() as shards, explained() as plans:
            answer = api.send(method, path.format(thread=thread.pk), body)
        assert answer.status_code in (200, 201), answer.content
        assert plans, path
        assert len(shards) <= 1, path
        astray += [(path, sql, found) for sql, found in plans.items() if len(found) > 1]
    assert astray == []


def test_reference_to_another_organization_is_refused_by_the_database(sharded: None) -> None:
    """What the code refuses with 400, the composite foreign keys refuse again."""
    quant, cibc = Organization.objects.filter(slug__in=("quant", "cibc")).order_by("-slug")
    foreign = Agent.objects.filter(organization=cibc)[0]
    own = Thread.objects.filter(organization=quant)[0]

    with pytest.raises(IntegrityError), transaction.atomic():
        Thread.objects.filter(organization=quant, pk=own.pk).update(agent=foreign)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert Thread.objects.get(organization=quant, pk=own.pk).agent_id == own.agent_id


def rows(sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


@contextmanager
def explained() -> Iterator[dict[str, set[str]]]:
    """Yield, for each statement of the requests inside, the shards (`…_0`, `…_1`) that it reads or changes.

    Each is carried out twice: by EXPLAIN ANALYZE, which is taken back, and for the request.
    """
    found: dict[str, set[str]] = {}

    def explain(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if request_id.get() != "-" and sql.lstrip().upper().startswith(EXPLAINED):
            for each in parameters if many else [parameters]:
                found.setdefault(sql, set()).update(_shards_of(sql, each))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        yield found


def _shards_of(sql: str, parameters: Any) -> set[str]:
    with transaction.atomic():
        [[plan]] = rows(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
        transaction.set_rollback(True)
    return set(_shards_in(json.loads(plan) if isinstance(plan, str) else plan))


def _shards_in(plan: Any) -> Iterator[str]:
    """What the parts of a plan look at that were carried out: others were left out only then, by a value of another."""
    if isinstance(plan, list):
        for part in plan:
            yield from _shards_in(part)
    elif isinstance(plan, dict) and plan.get("Actual Loops") != 0:
        table, cut, shard = str(plan.get("Relation Name", "")).rpartition("_")
        if table in cut_tables() and shard.isdigit():
            yield cut + shard
        for part in plan.values():
            yield from _shards_in(part)


@contextmanager
def touched() -> Iterator[set[str]]:
    """Yield the shards of which rows or indexes were looked at inside, by foreign keys too, as PostgreSQL counts it."""
    before = _scans()
    found: set[str] = set()
    yield found
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    found |= {name[-2:] for name, count in _scans().items() if count > before[name]}


def _scans() -> dict[str, int]:
    names = [f"{table}_{number}" for table in cut_tables() for number in range(SHARDS)]
    counted = rows(
        "SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del "
        "FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)",
        [names],
    )
    return defaultdict(int, counted)
