"""`manage.py check_integrity` finds what crosses the border between organizations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS

from accounts.actors import SystemActor
from accounts.models import AgentSession, Instance, InstanceAgent, Membership, Organization, Role, User
from accounts.services.agent_sessions import start_session
from accounts.services.domains import create_domain
from accounts.services.instances import create_instance
from agents_app.models import Agent
from agents_app.services import create_agent
from core.integrity import check_tenants


@pytest.fixture
def deployed(organization: Organization, other_organization: Organization, alice: User) -> None:
    """Both organizations have a domain, an agent, an instance of it and a session."""
    for each in (organization, other_organization):
        actor = SystemActor(each.pk)
        domain = create_domain(actor=actor, fields={"name": "Sales"})
        agent = create_agent(actor=actor, fields={"name": "Ada", "domain_id": domain.pk})
        fields = {"name": "Chat", "domain_id": domain.pk, "agent_ids": [agent.pk]}
        instance = create_instance(actor=actor, fields=fields)
        start_session(actor=actor, fields={"agent_id": agent.pk, "instance_id": instance.pk})
        Role.objects.create(organization=each, slug="desk", name="Desk")


def found() -> list[str]:
    return sorted(finding.row.partition(" ")[0] for finding in check_tenants(DEFAULT_DB_ALIAS))


def their(model: Any, organization: Organization) -> Any:
    return model.objects.get(organization=organization)


def instance_into_their_domain(own: Organization, other: Organization) -> None:
    Instance.objects.filter(organization=own).update(domain=their(Instance, other).domain)


def link_to_their_agent(own: Organization, other: Organization) -> None:
    InstanceAgent.objects.filter(organization=own).update(agent=their(Agent, other))


def session_in_their_instance(own: Organization, other: Organization) -> None:
    AgentSession.objects.filter(organization=own).update(instance=their(Instance, other))


def member_with_their_role(own: Organization, other: Organization) -> None:
    Membership.objects.filter(organization=own).update(role=their(Role, other))


CROSSINGS = {
    instance_into_their_domain: "accounts_instance",
    link_to_their_agent: "accounts_instanceagent",
    session_in_their_instance: "accounts_agentsession",
    member_with_their_role: "accounts_membership",
}


@pytest.mark.parametrize(("cross", "table"), CROSSINGS.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_row_that_points_into_another_organization_is_found(
    deployed: None,
    organization: Organization,
    other_organization: Organization,
    cross: Callable[[Organization, Organization], None],
    table: str,
) -> None:
    before = found()

    cross(organization, other_organization)

    assert (before, found()) == ([], [table])
