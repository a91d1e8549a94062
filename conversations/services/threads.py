"""Threads: created, changed, trashed, restored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents_app.models import Agent
from conversations.branches import open_path, path_to
from conversations.models import Message, Thread
from conversations.search import Document, index_documents, remove_documents
from conversations.services.appending import jumps_of
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import record, subject_of

FROM_AGENT = ("agent_type", "model", "provider")


class ThreadConflict(Conflict):
    """The id or the external id belongs to another thread."""

    code = "thread_exists"
    title = "A thread with this id or external_id is there already."


class InvalidThread(DomainError):
    """Fields contradict each other or name something that is not there."""

    code = "invalid"
    title = "The body has fields that cannot be used."

    def __init__(self, message: str, *fields: str) -> None:
        super().__init__("See errors for the fields and the reasons.", errors={field: [message] for field in fields})


def create_thread(
    *,
    actor: Actor,
    fields: dict[str, Any],
    defaults: Mapping[str, str] = MappingProxyType({}),
    now: datetime | None = None,
) -> Thread:
    """Create a thread. `agent_id` may stand for the agent type, model and provider that are not given.

    `defaults` holds what those three are when neither the fields nor the agent tell.

    Raises `InvalidThread` (an unknown agent, a required field that nobody supplies) and `ThreadConflict`.
    """
    moment = now or timezone.now()
    values = _with_agent_defaults(actor, fields, defaults)
    thread = Thread(
        organization_id=actor.organization_id,
        created_by_id=actor.user_id,
        created_at=moment,
        updated_at=moment,
        **values,
    )
    try:
        with transaction.atomic():
            thread.save(force_insert=True)
            index_title(thread)
    except IntegrityError:
        raise ThreadConflict("Nothing was created; send ids that are not in use.") from None
    return thread


def _with_agent_defaults(actor: Actor, fields: dict[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    agent = find_agent(actor, fields["agent_id"]) if fields.get("agent_id") else None
    values = {**fields, "domain_id": agent.domain_id if agent else actor.domain_id}
    for name in FROM_AGENT:
        values[name] = values.get(name) or getattr(agent, name, "") or defaults.get(name)
    if missing := [name for name in FROM_AGENT if not values[name]]:
        raise InvalidThread("This field is required unless an agent supplies it.", *missing)
    return values


def find_agent(actor: Actor, agent_id: UUID) -> Agent:
    """Return the actor's agent; raises `InvalidThread`, the same for an unknown one and for somebody else's."""
    agent = Agent.objects.visible_to(actor).active().filter(pk=agent_id).first()
    if agent is None:
        raise InvalidThread("There is no such agent.", "agent_id")
    return agent


def index_title(thread: Thread) -> None:
    """Put the thread's title into the search index, in place of the one before."""
    if thread.title:
        index_documents([Document(thread.pk, thread.pk, thread.organization_id, thread.title)])


def update_thread(
    *,
    actor: Actor,
    thread_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> Thread:
    """Change a thread's own fields. `archived` sets or clears `archived_at`, `active_leaf_id` chooses the branch.

    Raises `NotFound`, `VersionMismatch`, `InvalidThread`, `ThreadConflict`.
    """
    moment = now or timezone.now()
    try:
        with transaction.atomic():
            thread = lock_row(Thread.objects.visible_to(actor).active(), thread_id, precondition)
            values = _resolved(actor, thread, changes, moment)
            has_new_title = "title" in values and values["title"] != thread.title
            save_changes(thread, values, now=moment)
            if has_new_title:
                remove_documents([thread.pk], organization_id=thread.organization_id)
                index_title(thread)
    except IntegrityError:
        raise ThreadConflict("Nothing was changed; send an external_id that is not in use.") from None
    return thread


def _resolved(actor: Actor, thread: Thread, changes: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Turn what the API says into columns."""
    values = dict(changes)
    if "archived" in values:
        is_archived = values.pop("archived")
        values["archived_at"] = (thread.archived_at or now) if is_archived else None
    if values.get("agent_id"):
        find_agent(actor, values["agent_id"])
    if "active_leaf_id" in values:
        values |= select_branch(thread, values.pop("active_leaf_id"))
    return values


def select_branch(thread: Thread, leaf_id: UUID) -> dict[str, Any]:
    """Return the columns that make the branch ending in a message the active one; the thread must be locked."""
    leaf = Message.objects.of_thread(thread).active().filter(pk=leaf_id).values_list("position", flat=True).first()
    if leaf is None:
        raise InvalidThread("There is no such message in this thread.", "active_leaf_id")
    path = path_to(leaf, jumps_of(thread.organization_id, thread.pk))
    if leaf == thread.last_position:
        return {"active_path": open_path(path), "active_leaf": None}
    return {"active_path": path, "active_leaf": leaf}


@transaction.atomic
def trash_thread(
    *, actor: Actor, thread_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> None:
    """Move a thread with all its messages to the trash. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    thread = lock_row(Thread.objects.visible_to(actor).active(), thread_id, precondition)
    save_changes(thread, {"trashed_at": moment}, now=moment)
    record(actor=actor, action="thread.deleted", subject=subject_of(thread, label=""), now=moment)


@transaction.atomic
def restore_thread(
    *, actor: Actor, thread_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> Thread:
    """Bring a thread back from the trash; messages that were deleted one by one stay there.

    Raises `NotFound`, `VersionMismatch`.
    """
    moment = now or timezone.now()
    thread = lock_row(Thread.objects.visible_to(actor).in_trash(), thread_id, precondition)
    save_changes(thread, {"trashed_at": None}, now=moment)
    record(actor=actor, action="thread.restored", subject=subject_of(thread, label=""), now=moment)
    return thread
