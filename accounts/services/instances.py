"""Instances: created, changed with the agents they run, trashed, restored."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.instances import links_of, visible_agents, with_agents
from accounts.models import Instance, InstanceAgent
from accounts.services.domains import UnknownDomain, hold_domain
from accounts.services.slugs import free_slug
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of


class InstanceConflict(Conflict):
    """The slug belongs to another instance of the domain, or the id to another instance."""

    code = "instance_exists"


class DomainInTrash(Conflict):
    """The instance cannot come back before its domain does."""

    code = "domain_in_trash"


class UnknownAgents(DomainError):
    """The body names an agent that is not there, not visible or in the trash, or one agent twice."""

    def __init__(self, reason: str = "There is no such agent.") -> None:
        super().__init__("See errors for the reason.", errors={"agent_ids": [reason]})


@transaction.atomic
def create_instance(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> Instance:
    """Create an instance in `domain_id`, running `agent_ids`; without a slug one is made from the name.

    Raises `UnknownDomain`, `UnknownAgents`, `InstanceConflict`.
    """
    moment = now or timezone.now()
    hold_domain(actor, fields["domain_id"])
    taken = Instance.objects.filter(organization_id=actor.organization_id, domain_id=fields["domain_id"]).active()
    values = {**fields, "slug": fields.get("slug") or free_slug(taken, fields["name"], fallback="instance")}
    columns = {name: value for name, value in values.items() if name != "agent_ids"}
    instance = Instance(organization_id=actor.organization_id, created_at=moment, updated_at=moment, **columns)
    try:
        with transaction.atomic():
            instance.save(force_insert=True)
    except IntegrityError:
        raise InstanceConflict("An instance with this slug or id is there already.") from None
    instance.agent_ids = []
    _run(actor, instance, values.setdefault("agent_ids", []))
    record(actor=actor, action="instance.created", subject=subject_of(instance), after=values, now=moment)
    return instance


@transaction.atomic
def update_instance(
    *,
    actor: Actor,
    instance_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Instance:
    """Change an instance, its domain, and with `agent_ids` which of the agents that the actor sees it runs.

    Raises `NotFound`, `VersionMismatch`, `UnknownDomain`, `UnknownAgents`, `InstanceConflict`.
    """
    moment = now or timezone.now()
    instance = lock_row(Instance.objects.visible_to(actor).active(), instance_id, precondition)
    with_agents([instance], actor)
    if "agent_ids" in changes:
        changes = {**changes, "agent_ids": sorted(changes["agent_ids"])}
    before, after = change_of(instance, changes)
    if "domain_id" in after:
        hold_domain(actor, after["domain_id"])
    if "agent_ids" in after:
        _run(actor, instance, after["agent_ids"])
    try:
        with transaction.atomic():
            save_changes(instance, {name: changes[name] for name in changes if name != "agent_ids"}, now=moment)
    except IntegrityError:
        raise InstanceConflict("Another instance of the domain has this slug.") from None
    subject = subject_of(instance)
    record(actor=actor, action="instance.updated", subject=subject, before=before, after=after, now=moment)
    return instance


def _run(actor: Actor, instance: Instance, wanted: list[UUID]) -> None:
    """Let the instance run these agents, and none but these of all that the actor sees."""
    if len(set(wanted)) != len(wanted):
        raise UnknownAgents("The list names an agent twice.")
    added = sorted(set(wanted) - set(instance.agent_ids))
    if visible_agents(actor).active().filter(pk__in=added).count() != len(added):  # type: ignore[attr-defined]
        raise UnknownAgents
    removed = set(instance.agent_ids) - set(wanted)
    links_of(actor).filter(instance=instance, agent__in=removed).delete()
    InstanceAgent.objects.bulk_create(
        [
            InstanceAgent(organization_id=instance.organization_id, instance=instance, agent_id=agent_id)
            for agent_id in added
        ]
    )
    instance.agent_ids = sorted(wanted)


@transaction.atomic
def trash_instance(
    *, actor: Actor, instance_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move an instance to the trash; it keeps its agents for a return. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    instance = lock_row(Instance.objects.visible_to(actor).active(), instance_id, precondition)
    save_changes(instance, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="instance.deleted", subject=subject_of(instance), now=moment)


@transaction.atomic
def restore_instance(
    *, actor: Actor, instance_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Instance:
    """Bring an instance back. Raises `NotFound`, `DomainInTrash`, `InstanceConflict` when its slug was given away."""
    moment = now or timezone.now()
    instance = lock_row(Instance.objects.visible_to(actor).in_trash(), instance_id, precondition)
    try:
        hold_domain(actor, instance.domain_id)
    except UnknownDomain:
        raise DomainInTrash("Its domain lies in the trash; restore that one first.") from None
    try:
        with transaction.atomic():
            save_changes(instance, {"trashed_at": None}, now=moment)
    except IntegrityError:
        raise InstanceConflict("Another instance of the domain has taken the slug; rename that one first.") from None
    with_agents([instance], actor)
    record(actor=actor, action="instance.restored", subject=subject_of(instance), now=moment)
    return instance
