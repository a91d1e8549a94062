"""Changes to agents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from agents_app.models import Agent
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict
from core.ids import uuid7
from core.preconditions import ANY_VERSION, Precondition


class AgentConflict(Conflict):
    """The slug or the id belongs to another agent."""

    code = "agent_exists"


def create_agent(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Agent:
    """Create an agent; without a slug one is made from the name. Raises `AgentConflict`."""
    moment = now or timezone.now()
    agent = Agent(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **fields)
    try:
        with transaction.atomic():
            agent.slug = agent.slug or _free_slug(actor, agent.name)
            agent.save(force_insert=True)
    except IntegrityError:
        raise AgentConflict("An agent with this slug or id is there already.") from None
    return agent


def update_agent(
    *,
    actor: Actor,
    agent_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Agent:
    """Change an agent. Raises `NotFound`, `VersionMismatch`, `AgentConflict`."""
    try:
        with transaction.atomic():
            agent = lock_row(Agent.objects.visible_to(actor).active(), agent_id, precondition)
            save_changes(agent, changes, now=now or timezone.now())
    except IntegrityError:
        raise AgentConflict("Another agent has this slug.") from None
    return agent


@transaction.atomic
def trash_agent(
    *, actor: Actor, agent_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move an agent to the trash; its threads stay and keep pointing at it. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    agent = lock_row(Agent.objects.visible_to(actor).active(), agent_id, precondition)
    save_changes(agent, {"trashed_at": moment}, now=moment)


def restore_agent(
    *, actor: Actor, agent_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Agent:
    """Bring an agent back from the trash. Raises `NotFound`, `AgentConflict` when its slug was given away since."""
    try:
        with transaction.atomic():
            agent = lock_row(Agent.objects.visible_to(actor).in_trash(), agent_id, precondition)
            save_changes(agent, {"trashed_at": None}, now=now or timezone.now())
    except IntegrityError:
        raise AgentConflict("Another agent has taken the slug; rename that one first.") from None
    return agent


def _free_slug(actor: Actor, name: str) -> str:
    slug = slugify(name)[:60] or "agent"
    if Agent.objects.visible_to(actor).active().filter(slug=slug).exists():
        return f"{slug}-{uuid7().hex[-12:]}"
    return slug
