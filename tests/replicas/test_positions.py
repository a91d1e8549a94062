"""Places in the write-ahead log."""

from __future__ import annotations

import re

import pytest

from core.replicas.positions import Position, ReplicaState, parse_position


@pytest.mark.parametrize(
    ("position", "text"),
    [
        (Position(1, 0), "1-0/0"),
        (Position(10, 0x16_B374_0A00), "A-16/B3740A00"),
        (Position(0xFFFF_FFFF, 2**64 - 1), "FFFFFFFF-FFFFFFFF/FFFFFFFF"),
    ],
)
def test_position_is_read_as_it_was_written(position: Position, text: str) -> None:
    assert (str(position), parse_position(text)) == (text, position)


@pytest.mark.parametrize("text", ["", "0/0", "1-0", "1-0/", "1-g/0", "1-0/0 ", "a-0/0", "1-0/123456789", "-1-0/0"])
def test_text_that_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        parse_position(text)


@pytest.mark.parametrize(
    ("here", "is_shown"),
    [
        (Position(2, 100), True),
        (Position(2, 101), True),
        (Position(2, 99), False),
        (Position(3, 100), True),
        (Position(1, 10_000), False),
        (None, False),
    ],
)
def test_replica_shows_what_its_own_timeline_reached(here: Position | None, is_shown: bool) -> None:
    assert ReplicaState(here, 0.0).shows(Position(2, 100)) is is_shown
