"""How many statements a request costs, and which: the same for one row, for three and for three hundred."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import REQUIRED, make_through
from tests.api.routes import BUDGET, PRICE, USAGE, Route, list_routes
from tests.client import ApiClient

KEY = 1
"""The statement that checks an API key."""

EXPECTED = {
    "organization-list": KEY + 1,
    "domain-list": KEY + 1,
    "domain-instances": KEY + 3,  # whether the domain is there, its instances, what they run
    "instance-list": KEY + 2,  # the instances, what they run
    "agentsession-list": KEY + 1,
    "agent-list": KEY + 1,
    "audit-list": KEY + 1,
    "thread-list": KEY + 1,
    "conversation-list": KEY + 1,
    "session-list": KEY + 1,
    "thread-messages": KEY + 1,  # the messages together with whether the thread is there
    "conversation-messages": KEY + 1,
    "session-messages": KEY + 1,
    "message-list": KEY + 1,
    "message-feedback": KEY + 2,  # whether the message is there, its feedback
    "feedback-list": KEY + 1,
    "integration-list": KEY + 1,
    "key-list": KEY + 1,
    "role-list": KEY + 1,
    "membership-list": KEY + 1,
    "invitation-list": KEY + 1,
    "usage-list": KEY + 1,
    "budget-list": KEY + 2,  # the budgets, what was spent of those of one scope and period
    "price-override-list": KEY + 1,
}
"""Statements of a list, by route; a new list states its number here."""


@dataclass(frozen=True)
class Rows:
    """Ids of the only row of every kind."""

    agent: str
    thread: str
    message: str
    feedback: str
    domain: str


@pytest.fixture
def rows(api: ApiClient) -> Rows:
    agent = make_through(api, "/api/agents", {"name": "One"})["id"]
    thread = make_through(api, "/api/threads", REQUIRED)["id"]
    message = make_through(api, f"/api/threads/{thread}/messages", {"role": "user", "content": "one"})["id"]
    feedback = make_through(api, f"/api/messages/{message}/feedback", {"rating": 1})["id"]
    make_through(api, "/api/integrations", {"name": "One", "kind": "webhook"})
    make_through(api, "/api/invitations", {"email": "one@example.org", "role": "viewer"})
    make_spending(api, "One")
    domain = make_through(api, "/api/domains", {"name": "One"})["id"]
    make_deployment(api, domain, agent)
    return Rows(agent, thread, message, feedback, domain)


LISTS = {route.name: route for route in list_routes()}

NOT_GROWING = ("organization-list", "audit-list", "role-list", "membership-list")
"""One organization; acts make the audit trail grow, see `tests.ledger`; roles and members: `tests.accounts`."""

GROWING = [name for name in LISTS if name not in NOT_GROWING]
"""Lists that may have more than one row, and begin with one."""


def statements(client: Any, path: str) -> list[str]:
    """The SQL of one GET, which must succeed."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200, response.content
    return [query["sql"] for query in captured.captured_queries]


def grow(api: ApiClient, rows: Rows, count: int) -> None:
    """Add rows to every list."""
    for index in range(count):
        make_through(api, "/api/agents", {"name": f"Grown {index}"})
        make_through(api, "/api/integrations", {"name": f"Grown {index}", "kind": "webhook"})
        make_spending(api, f"Grown {index}")
        make_through(api, "/api/domains", {"name": f"Grown {index}"})
        make_through(api, "/api/keys", {"name": f"Grown {index}"})
        make_through(api, "/api/invitations", {"email": f"grown-{index}@example.org", "role": "viewer"})
        make_deployment(api, rows.domain, rows.agent)
        make_through(api, "/api/threads", {**REQUIRED, "title": f"Grown {index}"})
        make_through(api, f"/api/messages/{rows.message}/feedback", {"rating": 1})
        make_through(api, f"/api/threads/{rows.thread}/messages", {"role": "user", "content": f"grown {index}"})


def make_deployment(api: ApiClient, domain: str, agent: str) -> None:
    """Add an instance that runs an agent, and a session of it."""
    instance = make_through(api, "/api/instances", {"name": "One", "domain_id": domain, "agent_ids": [agent]})["id"]
    make_through(api, "/api/agent-sessions", {"agent_id": agent, "instance_id": instance})


def make_spending(api: ApiClient, name: str) -> None:
    """Add a record of usage, a budget and a price."""
    make_through(api, "/api/usage", USAGE)
    make_through(api, "/api/budgets", {**BUDGET, "name": name})
    make_through(api, "/api/price-overrides", {**PRICE, "model": name})


def path_of(route: Route, rows: Rows) -> str:
    kinds = {"message": rows.message, "domain": rows.domain}
    return route.path(kinds.get(route.name.partition("-")[0], rows.thread))


def test_every_list_states_its_number() -> None:
    assert EXPECTED.keys() == LISTS.keys()


@pytest.mark.parametrize("name", GROWING)
def test_a_list_costs_the_same_at_one_row_and_at_three(api: ApiClient, rows: Rows, name: str) -> None:
    path = path_of(LISTS[name], rows)

    at_one = statements(api, path)
    grow(api, rows, 2)
    at_three = statements(api, path)

    assert len(api.get(path).json()["results"]) == 3
    assert (len(at_one), len(at_three)) == (EXPECTED[name], EXPECTED[name])
    assert not [sql for sql in at_three if "COUNT(" in sql or "OFFSET" in sql]


@pytest.mark.parametrize("name", GROWING)
def test_a_page_behind_a_cursor_costs_what_the_first_costs(api: ApiClient, rows: Rows, name: str) -> None:
    grow(api, rows, 2)
    link = api.get(f"{path_of(LISTS[name], rows)}?limit=1").json()["next"]

    behind = statements(api, link)

    parents = 1 if name.endswith("-messages") or name == "message-list" else 0
    assert len(behind) == EXPECTED[name] + parents  # a message whose parent is on another page needs its id
    assert not [sql for sql in behind if "COUNT(" in sql or "OFFSET" in sql]


@pytest.mark.parametrize("name", LISTS)
def test_a_count_costs_one_statement_more(api: ApiClient, rows: Rows, name: str) -> None:
    found = statements(api, f"{path_of(LISTS[name], rows)}?count=true")

    thread = 1 if name.endswith("-messages") else 0
    assert len(found) == EXPECTED[name] + 1 + thread  # a count of messages asks for the thread first


@pytest.mark.parametrize("name", LISTS)
def test_a_list_in_the_browser_costs_three_statements_more(
    browser: Client, api: ApiClient, rows: Rows, name: str
) -> None:
    path = path_of(LISTS[name], rows)

    found = statements(browser, path)

    # Session, user and membership in the place of the key.
    assert len(found) == EXPECTED[name] - KEY + 3


def large_messages(api: ApiClient, thread_id: str, count: int) -> None:
    message = {
        "role": "tool",
        "content": "word " * 2000,
        "metadata": {"blob": "x" * 10_000},
        "artifact_data": ["y" * 10_000],
    }
    response = api.post(f"/api/threads/{thread_id}/messages/batch", {"messages": [message] * count})
    assert response.status_code == 201


@pytest.mark.parametrize("path", ["/api/threads", "/api/conversations", "/api/sessions?order=asc&archived=false"])
def test_the_cost_of_the_thread_list_does_not_depend_on_messages(
    api: ApiClient, new_thread: Callable[..., dict[str, Any]], path: str
) -> None:
    threads = [new_thread(title=str(index))["id"] for index in range(3)]
    large_messages(api, threads[0], 3)
    few = statements(api, path)

    large_messages(api, threads[1], 297)
    many = statements(api, path)

    assert [without_values(sql) for sql in few] == [without_values(sql) for sql in many]
    assert not [sql for sql in many if "conversations_message" in sql]


def without_values(sql: str) -> str:
    """The statement with its parameters taken out: the moment at which the key is checked differs."""
    return re.sub(r"'[^']*'(::\w+)?", "?", sql)


def test_a_thread_alone_costs_one_statement(api: ApiClient, rows: Rows) -> None:
    found = statements(api, f"/api/threads/{rows.thread}")

    assert len(found) == KEY + 1
    assert not [sql for sql in found if "conversations_message" in sql]


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/api/me", KEY + 2),  # the organization, the key
        ("/api/domains/{domain}", KEY + 1),
        ("/api/agents/{agent}", KEY + 1),
        ("/api/agents/{agent}/persona", KEY + 1),
        ("/api/messages/{message}", KEY + 1),
        ("/api/feedback/{feedback}", KEY + 1),
    ],
)
def test_a_row_alone_costs_one_statement(api: ApiClient, rows: Rows, path: str, count: int) -> None:
    assert len(statements(api, path.format(**vars(rows)))) == count


def changes(client: ApiClient, path: str, body: Any, **headers: str) -> list[str]:
    """The statements of one POST, the marks of transactions left out."""
    with CaptureQueriesContext(connection) as captured:
        response = client.post(path, body, **headers)
    assert response.status_code == 201, response.content
    words = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(words)]


@pytest.mark.parametrize("length", [0, 200])
def test_an_append_costs_the_same_at_any_length_of_the_thread(api: ApiClient, thread_id: str, length: int) -> None:
    if length:
        large_messages(api, thread_id, length)
    path = f"/api/threads/{thread_id}/messages"

    silent = changes(api, path, {"role": "user"})
    spoken = changes(api, path, {"role": "user", "content": "words"})

    if connection.vendor == "postgresql":
        assert (len(silent), len(spoken)) == (KEY + 1, KEY + 1)
    else:
        assert len(silent) == KEY + 3  # positions, the id of the parent, the message
        assert len(spoken) == len(silent) + 3  # the last document's number, the document, its words
    assert not [sql for sql in silent + spoken if "COUNT(" in sql or "MAX(" in sql]


def test_an_idempotency_key_costs_three_statements(api: ApiClient, thread_id: str) -> None:
    path = f"/api/threads/{thread_id}/messages"

    plain = changes(api, path, {"role": "user", "content": None, "parent_id": None})
    keyed = changes(api, path, {"role": "user", "content": None, "parent_id": None}, idempotency_key="k")

    assert len(keyed) == len(plain) + 3 + 2  # record, look, keep; a second beginning makes a branch: jumps, path


def test_a_batch_costs_what_one_message_costs(api: ApiClient, thread_id: str) -> None:
    path = f"/api/threads/{thread_id}/messages/batch"

    three = changes(api, path, {"messages": [{"role": "user"}] * 3})
    ninety = changes(api, path, {"messages": [{"role": "user"}] * 90})

    assert len(ninety) == len(three) == (KEY + 1 if connection.vendor == "postgresql" else KEY + 3)
