"""What every server tells about itself: its version and its processes."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import django
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from prometheus_client import ProcessCollector

from core.metrics.declared import Reading
from core.metrics.readings import Readings, read_when_asked


def of_processes(processes: list[int]) -> Readings:
    """Processor time, memory and open files of each process, and how many there are."""
    yield Reading("parley_workers", "Processes of the server that are alive.", len(processes))
    for process in processes:
        yield from _of_process(process)


def _of_process(process: int) -> Iterator[Reading]:
    labels = {"worker": str(process)}
    for family in ProcessCollector(pid=lambda: process, registry=None).collect():
        for sample in family.samples:
            is_counter = family.type == "counter"
            yield Reading(sample.name, family.documentation, sample.value, labels, is_counter=is_counter)


@read_when_asked
def of_the_build() -> Readings:
    labels = {
        "version": settings.VERSION,
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": connections[DEFAULT_DB_ALIAS].vendor,
    }
    yield Reading("parley_build_info", "What runs: always 1.", 1, labels)
