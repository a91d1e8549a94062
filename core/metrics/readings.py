"""Who measures what: functions of every process, and functions of the one that is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from core.metrics.declared import Reading

log = logging.getLogger(__name__)

Readings = Iterable[Reading]

_measurements: list[Callable[[], None]] = []
_readers: list[Callable[[], Readings]] = []


def measured_by_each_process(measure: Callable[[], None]) -> Callable[[], None]:
    """Call the function every few seconds in each process of the server; it puts what it finds into metrics."""
    _measurements.append(measure)
    return measure


def read_when_asked(read: Callable[[], Readings]) -> Callable[[], Readings]:
    """Call the function in one process whenever the metrics are asked for; its values hold for the whole server."""
    _readers.append(read)
    return read


def measure() -> None:
    for each in _measurements:
        try:
            each()
        except Exception:
            log.exception("%s could not be measured.", each.__name__)


def readings() -> Readings:
    """What the readers find; one that fails is left out and logged, since the others are needed all the more then."""
    for read in _readers:
        try:
            yield from list(read())
        except Exception:
            log.exception("%s could not be read.", read.__name__)
