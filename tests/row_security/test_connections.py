"""A connection that comes back to a pool has nothing of the request left, neither in Django's nor in PgBouncer's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import pytest
from django.db import DataError, connection
from django.test import Client
from pytest_django import Settings

from accounts.actors import SystemActor
from accounts.models import Domain, Organization
from accounts.services import create_api_key, create_organization
from conversations.services import append_messages, create_thread
from core.row_security import ORGANIZATIONS_SETTING, scope
from tests.client import ApiClient
from tests.row_security.pgbouncer import through_pgbouncer
from tests.row_security.stage import on_postgresql, rows_of, touched

pytestmark = [on_postgresql, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("wall")]

REQUESTS = 10
VISITORS = 6
STATE = f"SELECT current_setting('role'), COALESCE(current_setting('{ORGANIZATIONS_SETTING}', true), '')"


@dataclass(frozen=True)
class Tenant:
    """An organization with one thread of one message, and a key to it."""

    organization: Organization
    thread_id: str
    key: str


@pytest.fixture(params=["pool", "pgbouncer"])
def way(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[str]:
    """The way to the server: by Django's pool alone, or through PgBouncer too."""
    with through_pgbouncer() if request.param == "pgbouncer" else nullcontext():
        yield request.param


@pytest.fixture
def tenants(way: str) -> list[Tenant]:
    return [tenant_named(slug) for slug in ("acme", "rival")]


def tenant_named(slug: str) -> Tenant:
    organization = create_organization(slug=slug)
    actor = SystemActor(organization.pk)
    thread = create_thread(actor=actor, fields={"agent_type": "a", "model": "m", "provider": "p", "title": slug})
    append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": slug}])
    return Tenant(organization, str(thread.pk), create_api_key(organization=organization, name="tests")[1])


def states() -> set[tuple[str, str]]:
    """Role and organizations on every connection of the pool."""
    connection.close()
    pool = connection.pool  # type: ignore[attr-defined]
    with ExitStack() as held:
        taken = [held.enter_context(pool.connection()) for _ in range(pool.get_stats()["pool_size"])]
        assert taken
        return {each.execute(STATE).fetchone() for each in taken}


def visit(own: Tenant, foreign: Tenant) -> list[tuple[object, ...]]:
    """What a client gets to see in many requests, one after the other."""
    api = ApiClient(own.key)
    seen: list[tuple[object, ...]] = []
    for _ in range(REQUESTS):
        threads = [each["title"] for each in api.get("/api/threads").json()["results"]]
        messages = {each["content"] for each in api.get("/api/messages").json()["results"]}
        status = api.get(f"/api/threads/{foreign.thread_id}").status_code
        appended = api.post(f"/api/threads/{own.thread_id}/messages", {"role": "user", "content": threads[0]})
        refused = api.post(f"/api/threads/{foreign.thread_id}/messages", {"role": "user", "content": "foreign"})
        seen.append((threads, messages, status, appended.status_code, refused.status_code))
        connection.close()
    return seen


def test_concurrent_requests_see_their_own_organization_alone(
    tenants: list[Tenant], no_filter: None, settings: Settings
) -> None:
    pairs = [(tenants[n % 2], tenants[1 - n % 2]) for n in range(VISITORS)]

    with ThreadPoolExecutor(VISITORS) as visitors:
        seen = list(visitors.map(visit, *zip(*pairs, strict=True)))

    expected = [([own.organization.slug], {own.organization.slug}, 404, 201, 404) for own, _foreign in pairs]
    assert [set(map(repr, each)) for each in seen] == [{repr(one)} for one in expected]
    assert sorted(rows_of("SELECT title, message_count FROM conversations_thread")) == [
        ("acme", 1 + VISITORS * REQUESTS // 2),
        ("rival", 1 + VISITORS * REQUESTS // 2),
    ]
    settings.ROW_LEVEL_SECURITY = False
    assert len(ApiClient(tenants[0].key).get("/api/threads").json()["results"]) == 2, "there was nothing to leak"


def test_nothing_is_left_on_connections_after_requests(tenants: list[Tenant]) -> None:
    own, foreign = tenants
    api = ApiClient(own.key)

    statuses = [
        api.get("/api/threads").status_code,
        api.get(f"/api/threads/{foreign.thread_id}").status_code,
        api.post("/api/threads", {"title": 1}).status_code,
        api.post("/api/agents", {"name": "A", "slug": "a"}).status_code,
        api.post("/api/agents", {"name": "A", "slug": "a"}).status_code,
        Client().get("/api/threads").status_code,
    ]

    assert statuses == [200, 404, 400, 201, 409, 401]
    assert states() == {("none", "")}


def test_nothing_is_left_after_an_error(tenants: list[Tenant]) -> None:
    own = tenants[0].organization

    with pytest.raises(ZeroDivisionError), scope({own.pk}):
        Domain.objects.create(organization=own, name="A", slug="a")
        _ = 1 / 0
    with pytest.raises(DataError), scope({own.pk}):
        rows_of("SELECT 1 / 0")

    assert Domain.objects.count() == 0
    assert states() == {("none", "")}


def test_a_setting_of_the_session_would_be_left(tenants: list[Tenant]) -> None:
    own = str(tenants[0].organization.pk)

    rows_of(f"SELECT set_config('{ORGANIZATIONS_SETTING}', %s, false)", own)
    found = states()
    touched("RESET ALL")
    connection.close_pool()  # type: ignore[attr-defined]

    assert ("none", own) in found
