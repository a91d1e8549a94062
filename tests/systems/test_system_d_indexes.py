"""System D, its indexes: no list and no filter of the API reads a table from end to end or sorts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.actors import SystemActor
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
OF_MESSAGES = ("branches=all", "trashed=true")
QUERIES: dict[str, tuple[str, ...]] = {
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
}
ONE_ROW_AT_MOST = ("external_id=", "slug=")
"""What is unique may be sorted: it is one row."""

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


def plans(api: ApiClient, path: str) -> Iterator[Plan]:
    """The plans of all statements of a GET."""
    statements: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        response = api.get(path)
    assert response.status_code == 200, response.content
    for sql, params in statements:
        yield plan_of_statement(sql, params)


def test_d11_every_list_is_looked_at() -> None:
    assert QUERIES.keys() == LISTS.keys()


@pytest.mark.parametrize(("name", "query"), CASES)
def test_d11_a_list_is_served_by_indexes(
    api: ApiClient, thread: Thread, message: Message, name: str, query: str
) -> None:
    row = message.pk if name.startswith("message") else thread.pk

    found = list(plans(api, f"{LISTS[name].path(row)}?{query}"))

    is_one_row = query.startswith(ONE_ROW_AT_MOST)
    assert len(found) >= 2
    assert [plan.scans for plan in found] == [[]] * len(found)
    assert [plan.sorts for plan in found if not is_one_row] == [[]] * (0 if is_one_row else len(found))


@pytest.mark.parametrize("name", LISTS)
def test_d11_a_page_behind_a_cursor_is_served_by_indexes(
    api: ApiClient, thread: Thread, message: Message, name: str
) -> None:
    row = message.pk if name.startswith("message") else thread.pk
    for _ in range(2):
        api.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"})
        api.post("/api/agents", {"name": "Ada"})
        api.post(f"/api/messages/{message.pk}/feedback", {"rating": 0})
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
