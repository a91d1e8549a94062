"""Paths through a tree of messages, compared with following parents one by one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.branches import ROOT, Segment, open_path, parent_of, path_to, stored_parent

Parents = list[int]
"""Parent of position 1, 2, 3 …; 0 for none."""


@st.composite
def trees(draw: st.DrawFn) -> Parents:
    """Threads as people make them: mostly straight on, now and then an answer to something earlier."""
    size = draw(st.integers(1, 60))
    branches = draw(st.booleans())
    straight = st.just(-1)
    return [
        position - 1 if not branches or (jump := draw(straight | st.integers(0, position - 1))) < 0 else jump
        for position in range(1, size + 1)
    ]


def oracle(position: int, parents: Parents) -> list[int]:
    path = []
    while position != ROOT:
        path.append(position)
        position = parents[position - 1]
    return path[::-1]


def jumps(parents: Parents) -> list[tuple[int, int]]:
    stored = [(position, stored_parent(position, parent)) for position, parent in enumerate(parents, 1)]
    return [(position, parent) for position, parent in stored if parent is not None]


def positions(segments: list[Segment], last: int) -> list[int]:
    return [place for start, end in segments for place in range(start, (last if end is None else end) + 1)]


@given(trees(), st.data())
def test_path_holds_the_ancestors_in_reading_order(parents: Parents, data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(parents)))
    shuffled = data.draw(st.permutations(jumps(parents)))
    assert positions(path_to(position, shuffled), position) == oracle(position, parents)


@given(trees(), st.data())
def test_path_is_as_short_as_it_can_be(parents: Parents, data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(parents)))
    path = oracle(position, parents)
    gaps = sum(after != before + 1 for before, after in pairwise(path))
    assert len(path_to(position, jumps(parents))) == gaps + 1


@given(trees())
def test_open_path_goes_on_with_what_is_appended(parents: Parents) -> None:
    last = len(parents)
    opened = open_path(path_to(last, jumps(parents)))
    assert positions([(1, None)] if opened is None else opened, last + 3) == [
        *oracle(last, parents),
        last + 1,
        last + 2,
        last + 3,
    ]
    assert (opened is None) == (oracle(last, parents) == list(range(1, last + 1)))


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_stored_parent_reads_back(position: int, parent: int) -> None:
    assert parent_of(position, stored_parent(position, parent)) == parent


@pytest.mark.parametrize(
    ("position", "jump_list", "path"),
    [
        (0, [], []),
        (1, [], [(1, 1)]),
        (5, [], [(1, 5)]),
        (5, [(3, 1)], [(1, 1), (3, 5)]),
        (2, [(3, 1)], [(1, 2)]),
        (5, [(4, 0)], [(4, 5)]),
        (9, [(3, 1), (6, 2), (8, 4)], [(1, 1), (3, 4), (8, 9)]),
        (2, [(2, 0)], [(2, 2)]),
    ],
)
def test_path_of_a_known_tree(position: int, jump_list: list[tuple[int, int]], path: list[Segment]) -> None:
    assert path_to(position, jump_list) == path


def test_long_thread_has_a_short_path() -> None:
    assert path_to(10_000_000, [(5_000_000, 3)]) == [(1, 3), (5_000_000, 10_000_000)]
