"""Refusals in the audit trail: written after the fact, seldom enough to be no burden, and never in anybody's way."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from threading import Lock
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from core.access import Actor
from ledger.services.audit import NO_SUBJECT, Subject, record_for

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0
"""How long a refusal of the same kind is not written again."""

MAX_REMEMBERED = 10_000
"""Refusals that a process remembers; beyond it the oldest is forgotten and would be written again."""


class Recently:
    """Tells whether something happened in the last minute in this process; holds a bounded number of things."""

    def __init__(self, *, seconds: float = QUIET_SECONDS, most: int = MAX_REMEMBERED) -> None:
        self.seconds = seconds
        self.most = most
        self._moments: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = Lock()

    def has_seen(self, thing: Hashable, *, now: float | None = None) -> bool:
        """Whether the thing was seen less than `seconds` ago; when not, it counts as seen from now on."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            last = self._moments.get(thing)
            if last is not None and moment - last < self.seconds:
                return True
            self._moments[thing] = moment
            self._moments.move_to_end(thing)
            while len(self._moments) > self.most:
                self._moments.popitem(last=False)
            return False

    def __len__(self) -> int:
        return len(self._moments)


_recently = Recently()


def record_access_refusal(actor: Actor, code: str, method: str, route: str) -> None:
    """Write down that the actor lacks a permission: `access.refused`, once a minute for each code."""
    record_refusal(
        organization_id=actor.organization_id,
        kind=actor.kind,
        actor_id=actor.key_id or actor.user_id,
        label=actor.label,
        action="access.refused",
        after={"code": code, "method": method, "route": route},
        once_per=code,
    )


def record_refusal(
    *,
    organization_id: UUID,
    kind: str,
    actor_id: UUID | None,
    label: str,
    action: str,
    after: Mapping[str, Any] | None = None,
    subject: Subject = NO_SUBJECT,
    once_per: Hashable = None,
) -> None:
    """Write down that somebody known was refused, in the chain of the organization.

    `kind` is an `AuditEntry.ActorKind` (`key` for an API key), `actor_id` the id of the key or the person, `label`
    what people know it by (a key's visible prefix, never its secret), `action` a name such as `key.refused` or
    `access.refused`, `after` the circumstances, for instance `{"cause": "revoked"}`.

    The same organization, actor, action and `once_per` are written at most once a minute and process. Call it when no
    transaction of the request is open any more, or one that is not rolled back. Whatever the database says, nothing
    is raised: the refusal stands.
    """
    if _recently.has_seen((organization_id, actor_id, action, once_per)):
        return
    try:
        with transaction.atomic():
            record_for(
                organization_id=organization_id,
                kind=kind,
                actor_id=actor_id,
                label=label,
                action=action,
                subject=subject,
                after=after,
            )
    except DatabaseError:
        log.exception("The refusal %s of %s %s could not be written to the audit trail.", action, kind, actor_id)
