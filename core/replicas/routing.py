"""What of a request reads from a replica.

A safe request may: what it reads of the tables of `REPLICA_APPS`, outside of transactions, until it writes something
itself. Everything else is the primary's: requests that change something, keys, sessions, members and their roles,
commands, and the pieces of a streamed answer that are made after the view has returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model


class Reading:
    """A safe request and the database that it reads from, which is chosen when it first reads."""

    def __init__(self, choose: Callable[[], str]) -> None:
        self._choose = choose
        self._alias: str | None = None
        self._blocks = 0

    @property
    def alias(self) -> str:
        if self._alias is None:
            self._alias = self._choose()
        return self._alias

    @property
    def replica(self) -> str | None:
        """The replica that it has read from, if any."""
        return None if self._alias in (None, DEFAULT_DB_ALIAS) else self._alias

    def pin(self) -> None:
        """Read from the primary from now on."""
        self._alias = DEFAULT_DB_ALIAS

    def alias_outside_transactions(self) -> str:
        """What a transaction has written is seen by itself alone; the one of the request's own scope writes nothing."""
        blocks = len(connections[DEFAULT_DB_ALIAS].atomic_blocks)
        return self.alias if blocks <= self._blocks else DEFAULT_DB_ALIAS

    @contextmanager
    def inside_scope(self) -> Iterator[None]:
        """Let the transaction that has just been opened on the primary, for row-level security, count for none."""
        before, self._blocks = self._blocks, len(connections[DEFAULT_DB_ALIAS].atomic_blocks)
        try:
            yield
        finally:
            self._blocks = before


_current: ContextVar[Reading | None] = ContextVar("current_reading", default=None)


@contextmanager
def reading(choose: Callable[[], str]) -> Iterator[Reading]:
    """Let everything inside read from the database that `choose` names; it is called at the first question."""
    current = Reading(choose)
    token = _current.set(current)
    try:
        yield current
    finally:
        _current.reset(token)


def reading_alias() -> str:
    """The database that the current request reads tenants' rows from, for statements that do not pass the router."""
    current = _current.get()
    return DEFAULT_DB_ALIAS if current is None else current.alias_outside_transactions()


def scope_aliases() -> tuple[str, ...]:
    """The databases on which a scope of row-level security is opened now: the primary, and the replica read from."""
    alias = reading_alias()
    return (DEFAULT_DB_ALIAS,) if alias == DEFAULT_DB_ALIAS else (DEFAULT_DB_ALIAS, alias)


@contextmanager
def scope_opened() -> Iterator[None]:
    """Around what is done inside a scope, after its transactions were begun."""
    current = _current.get()
    if current is None or current.replica is None:
        yield
        return
    with current.inside_scope():
        yield


class ReplicaRouter:
    """Django's database router; installed where `REPLICA_URLS` names replicas, and nowhere else."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        if not _is_of_installation(hints):
            return None
        return reading_alias() if model._meta.app_label in settings.REPLICA_APPS else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        if not _is_of_installation(hints):
            return None
        current = _current.get()
        if current is not None:
            current.pin()
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        return True if _is_known(first) and _is_known(second) else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db in settings.REPLICAS else None


def _is_of_installation(hints: dict[str, Any]) -> bool:
    """Whether a row was read here: one of a database that a command named stays there."""
    row = hints.get("instance")
    return row is None or _is_known(row)


def _is_known(row: Model) -> bool:
    return row._state.db in (None, DEFAULT_DB_ALIAS, *settings.REPLICAS)
