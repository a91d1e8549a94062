"""Which agents instances run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Instance, InstanceAgent
from core.access import Actor


def visible_agents(actor: Actor) -> QuerySet[Any]:
    """The agents that the actor sees, those in the trash included. Their model lives on a higher floor."""
    agents: Any = InstanceAgent._meta.get_field("agent").related_model
    rows: QuerySet[Any] = agents._default_manager.visible_to(actor)
    return rows


def links_of(actor: Actor) -> QuerySet[InstanceAgent]:
    """Which instance runs which agent, as far as the actor sees the agents."""
    links = InstanceAgent.objects.filter(organization_id=actor.organization_id)
    return links if actor.domain_id is None else links.filter(agent__in=visible_agents(actor))


def with_agents(instances: Iterable[Instance], actor: Actor) -> list[Instance]:
    """Set `agent_ids` of every instance, sorted; one query for all of them, none for none."""
    rows = list(instances)
    ids: dict[UUID, list[UUID]] = {row.pk: [] for row in rows}
    if ids:
        links = links_of(actor).filter(instance__in=list(ids))
        for instance_id, agent_id in links.values_list("instance_id", "agent_id"):
            ids[instance_id].append(agent_id)
    for row in rows:
        row.agent_ids = sorted(ids[row.pk])
    return rows
