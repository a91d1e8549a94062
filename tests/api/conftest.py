"""What the API's tests find on the stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.actors import SystemActor
from accounts.models import User
from accounts.services.agent_sessions import start_session
from accounts.services.domains import create_domain, trash_domain
from accounts.services.instances import create_instance, trash_instance
from accounts.services.invitations import create_invitation
from accounts.services.keys import issue_key
from accounts.services.memberships import add_membership
from accounts.services.roles import create_role
from agents_app.integrations import create_integration, trash_integration
from agents_app.services import create_agent, trash_agent
from conversations.services import (
    append_messages,
    create_feedback,
    create_thread,
    trash_feedback,
    trash_message,
    trash_thread,
)
from core.secrets import SecretText
from ledger.services import UsageReport, create_budget, create_price_override, record_usage
from tests.api.routes import HOUSE, Route
from tests.client import ApiClient
from tests.row_security.stage import IS_POSTGRESQL, policies

__all__ = ["policies"]

BEHIND_THE_WALL = frozenset(
    f"tests.api.test_{name}" for name in ("agents", "batch", "feedback", "idempotency", "messages", "threads")
)
"""Modules that are run a second time on PostgreSQL, with row-level security."""

REQUIRED = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}


@dataclass(frozen=True)
class Shelf:
    """Ids of one row of every kind, and of one of every kind in the trash."""

    agent: str
    thread: str
    message: str
    feedback: str
    integration: str
    domain: str
    instance: str
    trashed_agent: str
    trashed_thread: str
    trashed_message: str
    trashed_feedback: str
    trashed_integration: str
    trashed_domain: str
    trashed_instance: str
    agentsession: str
    organization: str
    usage: str
    budget: str
    price: str
    key: str
    role: str
    membership: str
    invitation: str


KINDS = {"conversation": "thread", "session": "thread"}
"""Kinds by the first word of a route's name, where the two differ."""


def row_for(route: Route, shelf: Shelf) -> str:
    """The id that the route is about; for `restore` one that lies in the trash. Empty where there is none to name."""
    word = route.name.partition("-")[0]
    kind = KINDS.get(word, word)
    return str(getattr(shelf, f"trashed_{kind}" if route.name.endswith("-restore") else kind, ""))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if IS_POSTGRESQL and metafunc.module.__name__ in BEHIND_THE_WALL:
        metafunc.fixturenames.append("row_level_security")
        metafunc.parametrize("row_level_security", [False, True], indirect=True, ids=["", "behind the wall"])


@pytest.fixture
def row_level_security(request: pytest.FixtureRequest, policies: None, settings: Settings) -> None:
    settings.ROW_LEVEL_SECURITY = request.param


@pytest.fixture
def new_thread(api: ApiClient) -> Callable[..., dict[str, Any]]:
    """Create a thread through the API and return it."""
    return lambda **fields: make_through(api, "/api/threads", {**REQUIRED, **fields})


@pytest.fixture
def thread_id(new_thread: Callable[..., dict[str, Any]]) -> str:
    return str(new_thread(title="A thread")["id"])


@pytest.fixture
def say(api: ApiClient, thread_id: str) -> Callable[..., dict[str, Any]]:
    """Append a message to the thread and return it."""
    return lambda **fields: make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user", **fields})


@pytest.fixture
def browser(alice: User) -> Client:
    """A browser in which alice, who has one organization, is logged in."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def shelf(actor: SystemActor) -> Shelf:
    return make_shelf(actor)


def make_shelf(actor: SystemActor) -> Shelf:
    """One row of every kind, and one of every kind in the trash, in the organization of the actor."""
    agents = [create_agent(actor=actor, fields={"name": name}).pk for name in ("Kept", "Thrown away")]
    threads = [create_thread(actor=actor, fields={**REQUIRED, "title": title}).pk for title in ("Kept", "Thrown away")]
    spoken = [{"role": "user", "content": text} for text in ("kept", "thrown away")]
    messages = [row.pk for row in append_messages(actor=actor, thread_id=threads[0], messages=spoken)]
    feedback = [
        create_feedback(actor=actor, message_id=messages[0], fields={"rating": rating}).pk for rating in (1, -1)
    ]
    integrations = [
        create_integration(
            actor=actor, fields={"name": name, "kind": "openai"}, secrets={"api_key": SecretText("kept")}
        ).pk
        for name in ("Kept", "Thrown away")
    ]
    domains = [create_domain(actor=actor, fields={"name": name}).pk for name in ("Kept", "Thrown away")]
    house = create_domain(actor=actor, fields={"id": UUID(HOUSE), "name": "House"}).pk
    instances = [
        create_instance(actor=actor, fields={"name": name, "domain_id": house, "agent_ids": agents[:1]}).pk
        for name in ("Kept", "Thrown away")
    ]
    spending = make_spending(actor)
    session = start_session(actor=actor, fields={"agent_id": agents[0], "instance_id": instances[0]})
    trash_domain(actor=actor, domain_id=domains[1])
    trash_instance(actor=actor, instance_id=instances[1])
    trash_agent(actor=actor, agent_id=agents[1])
    trash_integration(actor=actor, integration_id=integrations[1])
    trash_thread(actor=actor, thread_id=threads[1])
    trash_message(actor=actor, message_id=messages[1])
    trash_feedback(actor=actor, feedback_id=feedback[1])
    kinds = (agents, threads, messages, feedback, integrations, domains, instances)
    rows = [str(rows[index]) for index in (0, 1) for rows in kinds]
    others = {"agentsession": str(session.pk), "organization": str(actor.organization_id), "key": make_key(actor)}
    return Shelf(**dict(zip(Shelf.__annotations__, rows, strict=False)), **others, **spending, **make_people(actor))


def make_spending(actor: SystemActor) -> dict[str, str]:
    """Make a record of usage, a budget and a price; return their ids by kind."""
    report = UsageReport(provider="openai", model="gpt-test", input_tokens=1, output_tokens=1)
    prices = {"input_price_units": 1, "output_price_units": 1}
    usage = record_usage(actor=actor, report=report)
    budget = create_budget(actor=actor, fields={"name": "Kept", "period": "month", "limit_units": 1})
    price = create_price_override(actor=actor, fields={"provider": "openai", "model": "kept", **prices})
    return {"usage": str(usage.pk), "budget": str(budget.pk), "price": str(price.pk)}


def make_people(actor: SystemActor) -> dict[str, str]:
    """Make a role, somebody who is a member, and an invitation; return their ids by kind."""
    role = create_role(actor=actor, fields={"name": "Kept", "permissions": ["thread.read"]})
    person = User.objects.create_user("kept")
    membership = add_membership(actor=actor, user=person, role="viewer")
    invitation, _secret = create_invitation(actor=actor, email="kept@example.org", role="viewer")
    return {"role": str(role.pk), "membership": str(membership.pk), "invitation": str(invitation.pk)}


def make_key(actor: SystemActor) -> str:
    return str(issue_key(actor=actor, fields={"name": "Kept"})[0].pk)


def make_through(client: ApiClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST and return the new row; anything but 201 fails the test."""
    response = client.post(path, body)
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()
    return made
