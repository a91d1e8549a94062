"""The outcome of a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """The outcome of one fault on one database. Times are in milliseconds unless their names say otherwise."""

    fault: str
    database: str
    acknowledged: int = 0
    absent: int = 0
    doubled: int = 0
    repeated: int = 0
    statuses: Mapping[int, int] = field(default_factory=dict)
    worst_wait_ms: int = 0
    longest_stall_ms: int = 0
    recovered_s: float | None = None
    restarts: int = 0
    notes: str = ""
    """Figures that only this fault has."""
    problems: tuple[str, ...] = ()
    """What does not hold; empty when the fault is passed."""


def assert_passed(verdict: Verdict) -> None:
    """AssertionError with everything that does not hold."""
    assert verdict.problems == (), "\n".join(verdict.problems)
