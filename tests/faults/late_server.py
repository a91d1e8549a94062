"""The production server with a clock that goes back by an hour while it runs; run as

    python -m tests.faults.late_server FILE

From the moment at which FILE exists. What the product reads is moved: `django.utils.timezone.now`, `time.time` and
`time.time_ns`. The monotonic clock goes on, as it does when a real one is set back.
"""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

BACK = timedelta(hours=1)


def set_back(file: Path) -> None:
    """Put clocks in place of the real ones; call it before anything of the product is imported."""

    def late(clock: Callable[[], Any], by: Any) -> Callable[[], Any]:
        return lambda: clock() - by if file.exists() else clock()

    now: Callable[[], datetime] = timezone.now
    clocks = {"time": BACK.total_seconds(), "time_ns": int(BACK.total_seconds()) * 1_000_000_000}
    for name, by in clocks.items():
        setattr(time, name, late(getattr(time, name), by))
    setattr(timezone, "now", late(now, BACK))  # noqa: B010  the name is not declared to be one that changes


if __name__ == "__main__":
    set_back(Path(sys.argv[1]))
    runpy.run_module("config.server", run_name="__main__")
