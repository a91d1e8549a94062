"""Numbers about the running server, for Prometheus: declared where they are counted, added up over all processes.

Counters and histograms are written when something happens. What is measured instead, such as connections in use, is
written by each process every few seconds (`measured_by_each_process`), or read by the process that is asked, when it
holds for the whole server (`read_when_asked`).
"""

from core.metrics.declared import DECLARED, Counter, Gauge, Histogram, Reading
from core.metrics.readings import measured_by_each_process, read_when_asked
from core.metrics.running import start, stop

__all__ = [
    "DECLARED",
    "Counter",
    "Gauge",
    "Histogram",
    "Reading",
    "measured_by_each_process",
    "read_when_asked",
    "start",
    "stop",
]
