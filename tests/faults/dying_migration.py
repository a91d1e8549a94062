"""Migrate, be killed at the statements that are named, and begin again until it is done.

    DATABASE_URL=… python -m tests.faults.dying_migration migrate|online STATEMENT…

Each try is a process of its own, forked before it has a connection, which sends itself SIGKILL right after its n-th
statement: inside the transaction of an atomic migration, between the steps of another. The last try is let through.
Prints as JSON how many were killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import django

Execute = Callable[..., Any]


def main(what: str, *statements: str) -> None:
    deaths = sum(_killed(what, int(statement)) for statement in statements)
    assert not _killed(what, None)
    print(json.dumps({"killed": deaths}))


def _killed(what: str, statement: int | None) -> bool:
    """Try once and tell whether it was killed; AssertionError when it failed in another way."""
    child = os.fork()
    if child == 0:
        _die_by_exit_code(what, statement)
    status = os.waitpid(child, 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, f"{what} ended with {status}"
    return status != 0


def _die_by_exit_code(what: str, statement: int | None) -> None:
    try:
        _work(what, statement)
    except BaseException:  # noqa: BLE001  a forked process must not return into what forked it
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _work(what: str, statement: int | None) -> None:
    from django.core.management import call_command
    from django.db import connection

    with connection.execute_wrapper(Death(statement)):
        if what == "migrate":
            call_command("migrate", verbosity=0)
        else:
            from tests.faults.later_release import carry_out_online

            carry_out_online(connection)


class Death:
    """Comes after the n-th statement; None: never."""

    def __init__(self, statement: int | None) -> None:
        self._left = statement

    def __call__(self, execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(*sys.argv[1:])
