"""The replicas of this installation, and which of them a request may read from."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from core.replicas.positions import Position, ReplicaState, replica_state

log = logging.getLogger(__name__)

SECONDS_OUT_WHEN_BEHIND = 1.0
SECONDS_OUT_WHEN_FAILED = 5.0
SECONDS_BETWEEN_LOOKS = 1.0
"""How often a replica is asked for its lag where reads may be stale."""

FIRST_PAUSE_SECONDS = 0.0005
LONGEST_PAUSE_SECONDS = 0.01
"""Between two looks at a replica that is waited for; doubled each time."""


@dataclass(slots=True)
class _Member:
    alias: str
    out_until: float = 0.0
    reason: str = ""
    looked_at: float | None = None


class Fleet:
    """Chooses among replicas by turns; one that fails or is too far behind is left out for a while."""

    def __init__(
        self,
        aliases: Sequence[str],
        *,
        wait_seconds: float,
        max_lag_seconds: float,
        ask: Callable[[str], ReplicaState] = replica_state,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._members = [_Member(alias) for alias in aliases]
        self._turns = itertools.count()
        self._wait_seconds = wait_seconds
        self._max_lag_seconds = max_lag_seconds
        self._ask = ask
        self._clock = clock
        self._sleep = sleep

    def showing(self, wanted: Position, *, is_told_by_primary: bool = True) -> str:
        """The alias of a replica that shows everything up to a position; the primary's when none does in time.

        A position that a caller made up says nothing about the replica that never gets there.
        """
        member = self._next()
        if member is None:
            return DEFAULT_DB_ALIAS
        deadline, pause = self._clock() + self._wait_seconds, FIRST_PAUSE_SECONDS
        while (state := self._state_of(member)) is not None:
            if state.shows(wanted):
                return self._taken(member)
            if self._clock() >= deadline:
                if is_told_by_primary:
                    self._leave_out(member, SECONDS_OUT_WHEN_BEHIND, "it is behind")
                break
            self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return DEFAULT_DB_ALIAS

    def recent(self) -> str:
        """The alias of a replica that is not further behind than the settings allow; the primary's when there is none.

        It is looked at once a second, not for every request.
        """
        member = self._next()
        if member is None:
            return DEFAULT_DB_ALIAS
        now = self._clock()
        if member.looked_at is not None and now - member.looked_at < SECONDS_BETWEEN_LOOKS:
            return member.alias
        state = self._state_of(member)
        if state is None:
            return DEFAULT_DB_ALIAS
        if state.seconds is None or state.seconds > self._max_lag_seconds:
            self._leave_out(member, SECONDS_OUT_WHEN_BEHIND, "it is behind")
            return DEFAULT_DB_ALIAS
        member.looked_at = now
        return self._taken(member)

    def failed(self, alias: str) -> None:
        """Look at a replica again before it is read from: a request failed on it."""
        for member in self._members:
            if member.alias == alias:
                member.looked_at = None

    def left_out(self, alias: str) -> str:
        """Why a replica is not read from at the moment; empty when it is."""
        now = self._clock()
        return next((each.reason for each in self._members if each.alias == alias and each.out_until > now), "")

    def _next(self) -> _Member | None:
        now = self._clock()
        usable = [member for member in self._members if member.out_until <= now]
        return usable[next(self._turns) % len(usable)] if usable else None

    def _state_of(self, member: _Member) -> ReplicaState | None:
        """What the replica tells; None when it cannot be read from, and is left out from now on."""
        try:
            state = self._ask(member.alias)
        except DatabaseError as error:
            self._leave_out(member, SECONDS_OUT_WHEN_FAILED, f"it does not answer ({type(error).__name__})")
            return None
        if state.position is None:
            self._leave_out(member, SECONDS_OUT_WHEN_FAILED, state.reason)
            return None
        return state

    def _leave_out(self, member: _Member, seconds: float, reason: str) -> None:
        if member.reason != reason:
            log.warning("The database %s is left out: %s.", member.alias, reason)
        member.reason, member.out_until, member.looked_at = reason, self._clock() + seconds, None

    def _taken(self, member: _Member) -> str:
        if member.reason:
            log.info("The database %s is read from again.", member.alias)
            member.reason = ""
        return member.alias


@cache
def fleet() -> Fleet:
    """The replicas of the settings."""
    return Fleet(
        settings.REPLICAS,
        wait_seconds=settings.REPLICA_WAIT_MILLISECONDS / 1000,
        max_lag_seconds=settings.REPLICA_MAX_LAG_SECONDS,
    )
