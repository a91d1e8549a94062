"""The metrics of this process while they are on."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from core.metrics.declared import DECLARED, Metric
from core.metrics.readings import measure

if TYPE_CHECKING:
    from core.metrics.store import Store

SECONDS_BETWEEN_MEASUREMENTS = 5.0

_end = Event()


def start(directory: Path | None = None) -> Store:
    """Switch the metrics of this process on, in a directory that all processes of the server share.

    Without one the process keeps to itself. Does nothing when they are on. Call it after the last fork.
    """
    if Metric.store is not None:
        return Metric.store
    # They need packages that are not loaded while metrics are off.
    from core.metrics import databases, standard  # noqa: F401, PLC0415
    from core.metrics.store import Store  # noqa: PLC0415

    if directory is None:
        directory = Path(tempfile.mkdtemp(prefix="parley-metrics-"))
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
    Metric.store = store = Store(directory)
    for metric in list(DECLARED.values()):
        metric.begin()
    _end.clear()
    Thread(target=_measure_until_the_end, name="metrics", daemon=True).start()
    return store


def stop() -> None:
    """Switch the metrics of this process off; what was counted stays in the directory."""
    store, Metric.store = Metric.store, None
    _end.set()
    if store is not None:
        store.close()


def _measure_until_the_end() -> None:
    while not _end.wait(SECONDS_BETWEEN_MEASUREMENTS):
        measure()


def _begin_anew_in_child() -> None:
    """A forked process counts for itself, in the files of its own id."""
    store, Metric.store = Metric.store, None
    if store is not None:
        start(store.directory)


os.register_at_fork(after_in_child=_begin_anew_in_child)
