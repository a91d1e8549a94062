"""System D, its indexes: no list and no filter of the API reads a table from end to end or sorts it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.actors import SystemActor
from accounts.models import User
from conversations.models import Message, Thread
from conversations.services import append_messages, create_feedback
from tests.api.routes import list_routes
from tests.client import ApiClient
from tests.systems.plans import Plan, plan_of_statement

MOMENT = "2026-01-01T00:00:00Z"
ANY_LIST = ("", "order=asc", "order=desc", "count=true", "limit=1")
OF_THREADS = (
    "offset=1",
    "agent_type=chat",
    "provider=openai",
    "model=gpt-test",
    "external_id=x",
    "agent_id=01890000-0000-7000-8000-000000000000",
    "archived=true",
    "archived=false",
    "trashed=true",
    "q=words",
    *(f"{name}_{side}={MOMENT}" for name in ("created", "updated") for side in ("after", "before")),
)
NOBODY = "01890000-0000-7000-8000-000000000000"
OF_INSTANCES = ("slug=chat", "environment=production", f"agent_id={NOBODY}", "trashed=true")
OF_SESSIONS = (
    *(f"{name}_id={NOBODY}" for name in ("agent", "instance", "user")),
    *(f"started_{side}={MOMENT}" for side in ("after", "before")),
    "state=open",
    "state=ended",
)
OF_USAGE = (
    *(f"{name}_id={NOBODY}" for name in ("agent", "thread", "domain", "user", "key")),
    *("provider=openai", "model=gpt-4o"),
    *(f"created_{side}={MOMENT}" for side in ("after", "before")),
)
OF_AUDIT = (
    *("action=agent.created", "subject_type=agent", "request_id=x"),
    *(f"{name}_id={NOBODY}" for name in ("actor", "subject")),
    *(f"created_{side}={MOMENT}" for side in ("after", "before")),
)
OF_MESSAGES = ("branches=all", "trashed=true")
QUERIES: dict[str, tuple[str, ...]] = {
    "organization-list": (),
    "domain-list": ("slug=sales", "trashed=true"),
    "domain-instances": OF_INSTANCES,
    "instance-list": (*OF_INSTANCES, f"domain_id={NOBODY}"),
    "agentsession-list": OF_SESSIONS,
    "agent-list": ("offset=1", "agent_type=chat", "provider=p", "model=m", "slug=ada", "trashed=true"),
    "thread-list": OF_THREADS,
    "conversation-list": OF_THREADS,
    "session-list": OF_THREADS,
    "thread-messages": OF_MESSAGES,
    "conversation-messages": OF_MESSAGES,
    "session-messages": OF_MESSAGES,
    "message-list": ("q=words",),
    "message-feedback": (),
    "feedback-list": (),
    "role-list": (),
    "membership-list": (f"user_id={NOBODY}", f"domain_id={NOBODY}", "role=viewer"),
    "invitation-list": ("state=open", "state=revoked"),
    "key-list": ("kind=service", "state=active", "state=revoked"),
    "usage-list": OF_USAGE,
    "budget-list": (),
    "price-override-list": ("provider=openai", "model=gpt-4o"),
    "audit-list": OF_AUDIT,
    "integration-list": ("kind=webhook", "slug=ada", "trashed=true"),
}
ONE_ROW_AT_MOST = ("external_id=", "slug=")
"""What is unique may be sorted: it is one row."""

ONE_MEMBER = "membership-list?user_id="

ONE_ROW_LISTS = {"organization-list"}

SHORT_LISTS = {"role-list"}
"""An organization has a few roles, and those that all have come from another part of the index: they are sorted."""

LISTS = {route.name: route for route in list_routes()}
CASES = [(name, query) for name, queries in QUERIES.items() for query in (*ANY_LIST, *queries)]


@pytest.fixture
def message(actor: SystemActor, thread: Thread) -> Message:
    """A message with feedback, among others on a branch."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "words"} for _ in range(4)]
    first, *_others = append_messages(actor=actor, thread_id=thread.pk, messages=messages)
    append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "parent_id": first.pk}])
    create_feedback(actor=actor, message_id=first.pk, fields={"rating": 1})
    return first


@pytest.fixture
def domain(api: ApiClient) -> str:
    """One of three domains, with three instances that run an agent, each with a session."""
    agent = api.post("/api/agents", {"name": "Runner"}).json()["id"]
    made = [str(api.post("/api/domains", {"name": "Sales"}).json()["id"]) for _ in range(3)]
    for name in ("Chat", "Mail", "Phone"):
        body = {"name": name, "agent_ids": [agent]}
        instance = api.post(f"/api/domains/{made[0]}/instances", body).json()["id"]
        api.post("/api/agent-sessions", {"instance_id": instance})
    return made[0]


def make_more(api: ApiClient) -> None:
    """One more of what has a list of its own."""
    name = uuid.uuid4().hex
    for path, body in (
        ("/api/roles", {"name": name, "permissions": []}),
        ("/api/invitations", {"email": f"{name}@example.org", "role": "viewer"}),
        ("/api/keys", {"name": name}),
        ("/api/usage", {"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1}),
        ("/api/budgets", {"name": name, "period": "month", "limit": "1"}),
        ("/api/price-overrides", {"provider": "p", "model": name, "input_price": "1", "output_price": "1"}),
    ):
        response = api.post(path, body)
        assert response.status_code == 201, response.content


def row_of(name: str, *, thread: Thread, message: Message, domain: str) -> object:
    """The id in the address of a list."""
    return {"message": message.pk, "domain": domain}.get(name.partition("-")[0], thread.pk)


def plans(api: ApiClient, path: str, *, combines_indexes: bool = False) -> Iterator[Plan]:
    """The plans of all statements of a GET."""
    statements: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        response = api.get(path)
    assert response.status_code == 200, response.content
    for sql, params in statements:
        yield plan_of_statement(sql, params, combines_indexes=combines_indexes)


def test_d11_every_list_is_looked_at() -> None:
    assert QUERIES.keys() == LISTS.keys()


@pytest.mark.parametrize(("name", "query"), CASES)
def test_d11_a_list_is_served_by_indexes(
    api: ApiClient, thread: Thread, message: Message, domain: str, name: str, query: str
) -> None:
    row = row_of(name, thread=thread, message=message, domain=domain)

    found = list(plans(api, f"{LISTS[name].path(row)}?{query}", combines_indexes=name in SHORT_LISTS))

    is_one_row = f"{name}?{query}".startswith(ONE_MEMBER) or query.startswith(ONE_ROW_AT_MOST) or name in SHORT_LISTS
    assert len(found) >= 2
    assert [plan.scans for plan in found] == [[]] * len(found)
    assert [plan.sorts for plan in found if not is_one_row] == [[]] * (0 if is_one_row else len(found))


@pytest.mark.parametrize("name", [name for name in LISTS if name not in ONE_ROW_LISTS | SHORT_LISTS])
def test_d11_a_page_behind_a_cursor_is_served_by_indexes(
    api: ApiClient, thread: Thread, message: Message, domain: str, alice: User, bob: User, name: str
) -> None:
    row = row_of(name, thread=thread, message=message, domain=domain)
    for _ in range(2):
        api.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"})
        api.post("/api/agents", {"name": "Ada"})
        api.post("/api/integrations", {"name": "Hook", "kind": "webhook"})
        api.post(f"/api/messages/{message.pk}/feedback", {"rating": 0})
        make_more(api)
    link = api.get(f"{LISTS[name].path(row)}?limit=1").json()["next"]

    found = list(plans(api, link))

    assert [(plan.scans, plan.sorts) for plan in found] == [([], [])] * len(found)


@pytest.mark.parametrize(
    "path", ["/api/threads", "/api/messages", "/api/messages/{message}/feedback", "/api/feedback", "/api/agents"]
)
def test_d11_an_index_leads_to_the_organization_first(
    api: ApiClient, thread: Thread, message: Message, path: str
) -> None:
    *_before, last = plans(api, path.format(message=message.pk))

    own = {"sqlite": "(organization_id=?", "postgresql": "Index Cond: ((organization_id"}[connection.vendor]
    assert own in last.text.replace("Index Cond: (organization_id", "Index Cond: ((organization_id")
