"""Which replica a request may read from."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import OperationalError

from core.replicas.fleet import Fleet
from core.replicas.positions import Position, ReplicaState

WANTED = Position(1, 1000)


class Stage:
    """Replicas that stand where a test puts them, and a clock that a sleep moves forward."""

    def __init__(self, *aliases: str, max_lag: float = 10.0) -> None:
        self.now = 100.0
        self.asked: Counter[str] = Counter()
        self.states: dict[str, ReplicaState | Exception] = dict.fromkeys(aliases, standing(1000))
        self.fleet = Fleet(
            aliases,
            wait_seconds=0.1,
            max_lag_seconds=max_lag,
            ask=self._ask,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def _ask(self, alias: str) -> ReplicaState:
        self.asked[alias] += 1
        state = self.states[alias]
        if isinstance(state, Exception):
            raise state
        return state

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        for alias, state in self.states.items():
            if isinstance(state, ReplicaState) and state.reason == "replays":
                self.states[alias] = standing(1000)


def standing(offset: int, *, timeline: int = 1, seconds: float = 0.0, reason: str = "") -> ReplicaState:
    return ReplicaState(Position(timeline, offset), seconds, reason)


def test_replicas_take_turns() -> None:
    stage = Stage("replica1", "replica2")
    assert [stage.fleet.showing(WANTED) for _ in range(4)] == ["replica1", "replica2"] * 2


def test_replica_that_gets_there_in_time_is_waited_for() -> None:
    stage = Stage("replica1")
    stage.states["replica1"] = standing(999, reason="replays")
    assert stage.fleet.showing(WANTED) == "replica1"
    assert stage.asked["replica1"] == 2


def test_replica_that_is_behind_is_left_out_for_a_second() -> None:
    stage = Stage("replica1")
    stage.states["replica1"] = standing(999)
    assert stage.fleet.showing(WANTED) == "default"
    assert 100.1 <= stage.now < 100.2
    asked = stage.asked["replica1"]

    assert stage.fleet.showing(WANTED) == "default"
    assert (stage.asked["replica1"], stage.fleet.left_out("replica1")) == (asked, "it is behind")

    stage.now, stage.states["replica1"] = stage.now + 1.0, standing(1000)
    assert stage.fleet.showing(WANTED) == "replica1"
    assert stage.fleet.left_out("replica1") == ""


def test_position_that_a_caller_made_up_leaves_no_replica_out() -> None:
    stage = Stage("replica1")
    made_up = Position(9, 2**60)
    assert stage.fleet.showing(made_up, is_told_by_primary=False) == "default"
    assert stage.fleet.showing(WANTED) == "replica1"


def test_replica_of_a_primary_that_was_replaced_is_not_read() -> None:
    stage = Stage("replica1")
    stage.states["replica1"] = standing(5000, timeline=1)
    assert stage.fleet.showing(Position(2, 1000)) == "default"


@pytest.mark.parametrize("state", [OperationalError("down"), ReplicaState(None, None, "it is not a replica")])
def test_replica_that_fails_is_left_out_and_taken_back(state: ReplicaState | Exception) -> None:
    stage = Stage("replica1", "replica2")
    stage.states["replica1"] = state
    assert [stage.fleet.showing(WANTED) for _ in range(3)] == ["default", "replica2", "replica2"]
    assert stage.asked["replica1"] == 1

    stage.now, stage.states["replica1"] = stage.now + 5.0, standing(1000)
    assert {stage.fleet.showing(WANTED) for _ in range(2)} == {"replica1", "replica2"}


def test_recent_reads_look_at_a_replica_once_a_second() -> None:
    stage = Stage("replica1")
    stage.states["replica1"] = standing(1, seconds=9.9)
    assert [stage.fleet.recent() for _ in range(3)] == ["replica1"] * 3
    assert stage.asked["replica1"] == 1

    stage.now += 1.0
    assert stage.fleet.recent() == "replica1"
    assert stage.asked["replica1"] == 2


@pytest.mark.parametrize("seconds", [10.1, None])
def test_recent_reads_leave_out_what_is_older_than_allowed(seconds: float | None) -> None:
    stage = Stage("replica1")
    stage.states["replica1"] = ReplicaState(Position(1, 1), seconds)
    assert stage.fleet.recent() == "default"
    assert stage.fleet.left_out("replica1") == "it is behind"


def test_replica_on_which_a_request_failed_is_looked_at_again() -> None:
    stage = Stage("replica1")
    assert stage.fleet.recent() == "replica1"
    stage.states["replica1"] = OperationalError("down")
    stage.fleet.failed("replica1")
    assert stage.fleet.recent() == "default"


def test_without_replicas_the_primary_is_read() -> None:
    stage = Stage()
    assert (stage.fleet.showing(WANTED), stage.fleet.recent()) == ("default", "default")
