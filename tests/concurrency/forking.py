"""Work done by many processes at once, each forked from a process that holds no connection."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connection

RESULT_TIMEOUT_SECONDS = 120


def in_processes(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(number)` in `count` processes that start together; return what each returned.

    Results must be picklable. Raises RuntimeError with the traceback of the first process that failed.
    """
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(count), context.Queue()

    def run(number: int) -> None:
        barrier.wait()
        try:
            results.put((number, work(number), None))
        except BaseException:
            results.put((number, None, traceback.format_exc()))
            raise

    processes = [context.Process(target=run, args=[number]) for number in range(count)]
    for process in processes:
        process.start()
    found = [results.get(timeout=RESULT_TIMEOUT_SECONDS) for _ in processes]
    for process in processes:
        process.join()
    if failures := [error for _number, _result, error in found if error]:
        raise RuntimeError(failures[0])
    return [result for _number, result, _error in sorted(found)]
