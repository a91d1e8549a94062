"""Changes to agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.services.domains import UnknownDomain, hold_domain, place_in_domain
from accounts.services.slugs import free_slug
from agents_app.models import Agent
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of


class AgentConflict(Conflict):
    """The slug or the id belongs to another agent."""

    code = "agent_exists"


@transaction.atomic
def create_agent(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Agent:
    """Create an agent; without a slug one is made from the name. Raises `AgentConflict`, `UnknownDomain`."""
    moment = now or timezone.now()
    values = {**fields, "domain_id": place_in_domain(actor, fields.get("domain_id"))}
    agent = Agent(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **values)
    try:
        with transaction.atomic():
            taken = Agent.objects.filter(organization_id=actor.organization_id).active()
            agent.slug = agent.slug or free_slug(taken, agent.name, fallback="agent", longest=60)
            agent.save(force_insert=True)
    except IntegrityError:
        raise AgentConflict("An agent with this slug or id is there already.") from None
    after = {**values, "slug": agent.slug}
    record(actor=actor, action="agent.created", subject=subject_of(agent), after=after, now=moment)
    return agent


@transaction.atomic
def update_agent(
    *,
    actor: Actor,
    agent_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Agent:
    """Change an agent. Raises `NotFound`, `VersionMismatch`, `AgentConflict`, `UnknownDomain`."""
    if "domain_id" in changes:
        changes = {**changes, "domain_id": place_in_domain(actor, changes["domain_id"])}
    moment = now or timezone.now()
    agent = lock_row(Agent.objects.visible_to(actor).active(), agent_id, precondition)
    before, after = change_of(agent, changes)
    try:
        with transaction.atomic():
            save_changes(agent, changes, now=moment)
    except IntegrityError:
        raise AgentConflict("Another agent has this slug.") from None
    record(actor=actor, action="agent.updated", subject=subject_of(agent), before=before, after=after, now=moment)
    return agent


@transaction.atomic
def trash_agent(
    *, actor: Actor, agent_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move an agent to the trash; its threads stay and keep pointing at it. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    agent = lock_row(Agent.objects.visible_to(actor).active(), agent_id, precondition)
    save_changes(agent, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="agent.deleted", subject=subject_of(agent), now=moment)


@transaction.atomic
def restore_agent(
    *, actor: Actor, agent_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Agent:
    """Bring an agent back from the trash.

    Raises `NotFound`, `VersionMismatch`, `AgentConflict` when its slug was given away or its domain deleted since.
    """
    moment = now or timezone.now()
    _hold_domain_of(actor, agent_id)
    agent = lock_row(Agent.objects.visible_to(actor).in_trash(), agent_id, precondition)
    try:
        with transaction.atomic():
            save_changes(agent, {"trashed_at": None}, now=moment)
    except IntegrityError:
        raise AgentConflict("Another agent has taken the slug; rename that one first.") from None
    record(actor=actor, action="agent.restored", subject=subject_of(agent), now=moment)
    return agent


def _hold_domain_of(actor: Actor, agent_id: UUID) -> None:
    """The domain is locked before the agent: who deletes a domain takes the locks in this order too."""
    domain_id = Agent.objects.visible_to(actor).filter(pk=agent_id).values_list("domain_id", flat=True).first()
    if domain_id is None:
        return
    try:
        hold_domain(actor, domain_id)
    except UnknownDomain:
        raise AgentConflict("The agent's domain lies in the trash; restore that one first.") from None
