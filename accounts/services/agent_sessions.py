"""Sessions of agents: started, kept alive by heartbeats, ended by their client or closed when they went silent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.instances import visible_agents
from accounts.models import AgentSession, Instance
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict, DomainError, NotFound
from core.preconditions import ANY_VERSION, Precondition
from core.retries import unit_of_work
from ledger.services import record, subject_of

BATCH = 200
"""Sessions that one transaction closes at most."""


class SessionConflict(Conflict):
    """The id belongs to another session."""

    code = "session_exists"


class SessionEnded(Conflict):
    """A session that has ended takes no heartbeat any more."""

    code = "session_ended"


class UnknownReference(DomainError):
    """The body names an agent or an instance that is not there, not visible or in the trash."""

    def __init__(self, **reasons: str) -> None:
        errors = {field: [reason] for field, reason in reasons.items()}
        super().__init__("See errors for the fields and the reasons.", errors=errors)


@transaction.atomic
def start_session(*, actor: Actor, fields: dict[str, Any], now: datetime | None = None) -> AgentSession:
    """Start a session of the actor, with an agent and in an instance when `agent_id` and `instance_id` name them.

    It belongs to the domain the actor is narrowed to, else to that of the instance, else to that of the agent.
    Raises `UnknownReference`, `SessionConflict`.
    """
    moment = now or timezone.now()
    session = AgentSession(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        api_key_id=actor.key_id,
        domain_id=_domain_of(actor, fields),
        started_at=moment,
        last_heartbeat_at=moment,
        created_at=moment,
        updated_at=moment,
        **fields,
    )
    try:
        with transaction.atomic():
            session.save(force_insert=True)
    except IntegrityError:
        raise SessionConflict("A session with this id is there already.") from None
    after = {name: getattr(session, name) for name in ("agent_id", "instance_id", "domain_id", "metadata")}
    record(actor=actor, action="session.started", subject=_subject(session), after=after, now=moment)
    return session


def _domain_of(actor: Actor, fields: dict[str, Any]) -> UUID | None:
    named = {
        "instance_id": Instance.objects.visible_to(actor).active(),
        "agent_id": visible_agents(actor).active(),  # type: ignore[attr-defined]
    }
    domains = [actor.domain_id]
    for field, rows in named.items():
        if fields.get(field) is not None:
            found = rows.filter(pk=fields[field]).values_list("domain_id", flat=True)[:1]
            if not found:
                raise UnknownReference(**{field: f"There is no such {field.removesuffix('_id')}."})
            domains.append(found[0])
    return next((domain for domain in domains if domain is not None), None)


def beat(*, actor: Actor, session_id: UUID, now: datetime | None = None) -> tuple[datetime, int]:
    """Note that a session is alive, by one statement; returns the moment and the version.

    Raises `NotFound`, `SessionEnded`.
    """
    moment = now or timezone.now()
    rows = AgentSession.objects.visible_to(actor).filter(pk=session_id)
    changes = {"last_heartbeat_at": moment, "updated_at": moment, "version": F("version") + 1}
    changed = rows.open().update_returning(changes, "version")
    if not changed:
        raise SessionEnded("Start another session.") if rows.exists() else NotFound()
    return moment, int(changed[0][0] or 0)


@transaction.atomic
def end_session(
    *, actor: Actor, session_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> AgentSession:
    """End a session; one that has ended already stays as it is. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    session = lock_row(AgentSession.objects.visible_to(actor), session_id, precondition)
    if session.ended_at is None:
        ending = {"ended_at": moment, "end_reason": AgentSession.EndReason.ENDED}
        save_changes(session, ending, now=moment)
        record(actor=actor, action="session.ended", subject=_subject(session), after=ending, now=moment)
    return session


def close_stale_sessions(*, actor: Actor, silent_since: datetime, now: datetime | None = None) -> int:
    """Close the organization's sessions whose last heartbeat is older, in bounded batches; returns how many.

    A session is taken to have ended with its last heartbeat: nothing is known of it after that.
    """
    closed = 0
    while count := _close_batch(actor, silent_since, now or timezone.now()):
        closed += count
    return closed


@unit_of_work
def _close_batch(actor: Actor, silent_since: datetime, now: datetime) -> int:
    stale = AgentSession.objects.visible_to(actor).silent_since(silent_since)
    sessions = list(stale.select_for_update(of=("self",)).order_by("last_heartbeat_at", "id")[:BATCH])
    for session in sessions:
        ending = {"ended_at": session.last_heartbeat_at, "end_reason": AgentSession.EndReason.STALE}
        save_changes(session, ending, now=now)
        record(actor=actor, action="session.ended", subject=_subject(session), after=ending, now=now)
    return len(sessions)


def _subject(session: AgentSession) -> Any:
    return subject_of(session, label="")
