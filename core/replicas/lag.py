"""How far the replicas are behind."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError

from core.replicas.fleet import fleet
from core.replicas.positions import Position, primary_position, replica_state


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """How far a replica is behind. None where it cannot be told: it does not answer, or receives nothing."""

    alias: str
    bytes: int | None
    """Log of the primary that it has not replayed."""
    seconds: float | None
    """The age of the last transaction it shows; 0.0 when it has replayed all it was sent."""
    reason: str
    """Why this process does not read from it at the moment; empty when it does."""


def replication_lag() -> list[ReplicaLag]:
    """Ask every replica, each for a second at most; an empty list where there are none.

    Raises nothing when a server does not answer.
    """
    if not settings.REPLICAS:
        return []
    try:
        written: Position | None = primary_position()
    except DatabaseError:
        written = None
    return [_lag(alias, written) for alias in settings.REPLICAS]


def _lag(alias: str, written: Position | None) -> ReplicaLag:
    try:
        state = replica_state(alias)
    except DatabaseError as error:
        return ReplicaLag(alias, None, None, f"it does not answer ({type(error).__name__})")
    if state.position is None:
        return ReplicaLag(alias, None, state.seconds, state.reason)
    behind = None if written is None else max(0, written.offset - state.position.offset)
    return ReplicaLag(alias, behind, state.seconds, fleet().left_out(alias))
