"""UUIDv7: the right bits, and an order that no clock can disturb."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import pytest

from core import ids
from core.ids import uuid7

MILLISECOND = 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The nanoseconds that the clock shows, in a list of one; a whole millisecond, an hour from now."""
    now = [(time.time_ns() // MILLISECOND + 3_600_000) * MILLISECOND]
    monkeypatch.setattr(ids, "_last_tick", 0)
    monkeypatch.setattr("core.ids.time.time_ns", lambda: now[0])
    return now


def milliseconds_of(made: UUID) -> int:
    return made.int >> 80


def test_version_and_variant_are_right() -> None:
    for made in [uuid7() for _ in range(1000)]:
        assert (made.version, made.variant) == (7, RFC_4122)


def test_time_is_told_in_milliseconds_and_their_fraction(clock: list[int]) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    clock[0] = int(moment.timestamp() * 1000) * MILLISECOND + MILLISECOND // 2
    made = uuid7()
    assert milliseconds_of(made) == int(moment.timestamp() * 1000)
    assert made.int >> 64 & 0xFFF == 2048


def test_ids_grow_while_the_clock_stands_still(clock: list[int]) -> None:
    made = [uuid7() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert milliseconds_of(made[0]) == clock[0] // MILLISECOND
    assert milliseconds_of(made[-1]) == clock[0] // MILLISECOND + 9_999 // 4096


def test_ids_grow_while_the_clock_goes_back(clock: list[int]) -> None:
    made = []
    for step in (0, -1, -3600 * 1000, -1, 5, -(10**9)):
        clock[0] += step * MILLISECOND
        made += [uuid7() for _ in range(100)]
    assert made == sorted(set(made))


def test_ids_follow_the_clock_again_when_it_catches_up(clock: list[int]) -> None:
    start = clock[0]
    before = uuid7()
    clock[0] = start - 1000 * MILLISECOND
    meanwhile = uuid7()
    clock[0] = start + 1000 * MILLISECOND
    after = uuid7()
    assert before < meanwhile < after
    assert milliseconds_of(meanwhile) - milliseconds_of(before) <= 1
    assert milliseconds_of(after) == clock[0] // MILLISECOND


def test_random_part_has_62_bits() -> None:
    seen_set, seen_clear = 0, 0
    for _ in range(200):
        tail = uuid7().int & (1 << 62) - 1
        seen_set |= tail
        seen_clear |= ~tail & (1 << 62) - 1
    assert seen_set == seen_clear == (1 << 62) - 1


def test_threads_never_share_an_id_and_each_sees_them_grow() -> None:
    made: list[list[UUID]] = [[] for _ in range(8)]
    barrier = threading.Barrier(len(made))

    def make(own: list[UUID]) -> None:
        barrier.wait()
        own.extend(uuid7() for _ in range(2000))

    threads = [threading.Thread(target=make, args=[own]) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(own == sorted(own) for own in made)
    ticks = [made_id.int >> 64 for own in made for made_id in own]
    assert len(set(ticks)) == len(ticks) == 16_000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("is_locked", [False, True], ids=["free", "locked"])
def test_forked_child_makes_ids_of_its_own(is_locked: bool) -> None:
    before = uuid7()
    reading, writing = os.pipe()
    if is_locked:
        ids._lock.acquire()
    child = os.fork()
    if child == 0:
        os.write(writing, uuid7().bytes)
        os._exit(0)
    if is_locked:
        ids._lock.release()
    ours = uuid7()
    theirs = UUID(bytes=os.read(reading, 16))
    os.close(reading)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert before < theirs
    assert before < ours
    assert ours != theirs
