"""Units of work that are carried out again when the database asks for it.

PostgreSQL ends a transaction of a deadlock or of a serialization failure with an error that says: nothing was done, try
again. CockroachDB does so in everyday work, and a replica when a query stands in the way of what it replays. A
connection that is lost before the commit was sent has done nothing either; one that is lost while the commit is under
way may have done everything, and is reported instead: only the caller's own key of the request tells then.

What is repeated must have no effect but in the database, and what it does `on_commit` happens once.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 5
SHORTEST_PAUSE_SECONDS = 0.01
"""Doubled with each attempt; the pause is drawn between none and this, so that rivals do not meet again."""

SERIALIZATION_FAILURE = "40001"
DEADLOCK = "40P01"
UNDONE = frozenset({SERIALIZATION_FAILURE, DEADLOCK})
"""SQLSTATEs by which the database says that a transaction was undone and may be tried again."""


def carry_out(unit: Callable[[], R], *, using: str = DEFAULT_DB_ALIAS, attempts: int = ATTEMPTS) -> R:
    """Run a unit of work in one transaction, again as often as the database asks for it, and return what it returns.

    Inside a transaction it runs once, in a savepoint: whoever began the transaction repeats the whole of it.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        with transaction.atomic(using=using):
            return unit()
    for attempt in range(1, attempts):
        done: list[R] = []
        # Outside of the attempt: who waits for a connection has waited as long as the pool allows.
        connection.ensure_connection()
        driver = connection.connection
        try:
            with transaction.atomic(using=using):
                done.append(unit())
            return done[0]
        except Error as error:
            # Django has put a lost connection away and made another one, if it could.
            is_lost = getattr(driver, "closed", False) and not done and connection.connection is not None
            if not is_lost and _sqlstate(error) not in UNDONE:
                raise
            log.info("Attempt %d of a unit of work came to nothing: %s", attempt, _sqlstate(error) or "connection lost")
        _pause(attempt)
    with transaction.atomic(using=using):
        return unit()


def again_when_undone(unit: Callable[[], R], *, using: str = DEFAULT_DB_ALIAS, attempts: int = ATTEMPTS) -> R:
    """Run a unit that makes its one transaction by itself, again as often as the database undoes it.

    Inside a transaction it runs once. A connection that is lost is reported: nobody knows here whether the commit was
    sent.
    """
    for attempt in range(1, attempts):
        try:
            return unit()
        except Error as error:
            if _sqlstate(error) not in UNDONE or connections[using].in_atomic_block:
                raise
            log.info("Attempt %d was undone by the database: %s", attempt, _sqlstate(error))
        _pause(attempt)
    return unit()


def unit_of_work(function: Callable[P, R]) -> Callable[P, R]:
    """Like `transaction.atomic` on a function of the default database, and repeated as `carry_out` does."""

    @wraps(function)
    def carried_out(*args: P.args, **kwargs: P.kwargs) -> R:
        return carry_out(lambda: function(*args, **kwargs))

    return carried_out


def _sqlstate(error: Error) -> str | None:
    """The database's own word for the error; Django's error stands around the driver's."""
    found: str | None = getattr(error.__cause__, "sqlstate", None)
    return found


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, SHORTEST_PAUSE_SECONDS * 2**attempt))  # noqa: S311  no secret
