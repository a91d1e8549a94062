"""Branches of a thread, told by positions.

A message follows the one before it unless it says otherwise: `parent_position` is null for "the previous position",
0 for "no parent" (another beginning), and a smaller position for a branch. A message with an explicit parent is a
*jump*. The path from the first message to any other is therefore a short list of runs of positions, however long the
thread is, and a page of it is a range of one index.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Segment = tuple[int, int | None]
"""First and last position of a run, both included; None as the last leaves it open to what is appended."""

Jump = tuple[int, int]
"""Position of a message with an explicit parent, and that parent's position (0: none)."""

ROOT = 0


def path_to(position: int, jumps: Iterable[Jump]) -> list[Segment]:
    """Return the runs from the beginning to `position`, in reading order."""
    ordered = sorted(jump for jump in jumps if jump[0] <= position)
    places = [place for place, _parent in ordered]
    segments: list[Segment] = []
    end = position
    while end >= 1:
        index = bisect_right(places, end) - 1
        start, parent = ordered[index] if index >= 0 else (1, ROOT)
        segments.append((start, end))
        end = parent
    return segments[::-1]


def open_path(segments: Sequence[Segment]) -> list[Segment] | None:
    """Leave the last run open, None when that makes the path the whole thread."""
    start, _end = segments[-1]
    path = [*segments[:-1], (start, None)]
    return None if path == [(1, None)] else path


def parent_of(position: int, parent_position: int | None) -> int:
    """Return the position of a message's parent, 0 for none."""
    return position - 1 if parent_position is None else parent_position


def stored_parent(position: int, parent: int) -> int | None:
    """Return what `parent_position` holds for a message at `position` that answers `parent`."""
    return None if parent == position - 1 else parent
