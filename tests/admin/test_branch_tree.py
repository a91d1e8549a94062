"""The tree of a thread, against one that is drawn out message by message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conversations.branches import Jump
from conversations.transcript.tree import Branch, BranchTree, Fork

# 1 ─ 2 ─ 3
#     └── 4 ─ 5
#         └── 6
# 7
JUMPS: list[Jump] = [(4, 2), (6, 4), (7, 0)]


def test_tree_lists_the_path_to_a_leaf() -> None:
    tree = BranchTree(last=7, jumps=JUMPS)

    assert {leaf: tree.path_to(leaf) for leaf in (3, 5, 6, 7)} == {
        3: [1, 2, 3],
        5: [1, 2, 4, 5],
        6: [1, 2, 4, 6],
        7: [7],
    }


def test_tree_finds_the_forks() -> None:
    tree = BranchTree(last=7, jumps=JUMPS)

    forks = {place: tree.fork_at(place) for place in range(1, 8)}

    at_2 = (Branch(3, 3), Branch(4, 6))
    at_4 = (Branch(5, 5), Branch(6, 6))
    beginnings = (Branch(1, 6), Branch(7, 7))
    assert forks == {
        1: Fork(1, beginnings),
        2: None,
        3: Fork(1, at_2),
        4: Fork(2, at_2),
        5: Fork(1, at_4),
        6: Fork(2, at_4),
        7: Fork(2, beginnings),
    }


def test_tree_leaves_out_branches_that_lie_in_the_trash_as_a_whole() -> None:
    tree = BranchTree(last=7, jumps=JUMPS, trashed={4, 5, 7})

    assert tree.fork_at(1) is None
    assert tree.fork_at(3) == Fork(1, (Branch(3, 3), Branch(4, 6)))
    assert tree.fork_at(6) is None


def test_fork_knows_the_branches_beside() -> None:
    branches = (Branch(3, 3), Branch(4, 6), Branch(7, 7))

    assert [(fork.previous, fork.next) for fork in (Fork(1, branches), Fork(2, branches), Fork(3, branches))] == [
        (None, branches[1]),
        (branches[0], branches[2]),
        (branches[1], None),
    ]


def test_tree_passes_over_jumps_behind_the_last_position() -> None:
    tree = BranchTree(last=3, jumps=[(4, 2)])

    assert [tree.fork_at(place) for place in (1, 2, 3)] == [None, None, None]


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[int], set[int]]:
    """Parents of the positions 1 … n, and those in the trash."""
    size = draw(st.integers(1, 25))
    parents = [draw(st.integers(0, place - 1) | st.just(place - 1)) for place in range(1, size + 1)]
    return parents, draw(st.sets(st.integers(1, size)))


@given(trees())
def test_tree_agrees_with_one_that_is_drawn_out(drawn: tuple[list[int], set[int]]) -> None:
    parents, trashed = drawn
    jumps = [(place, parent) for place, parent in enumerate(parents, 1) if parent != place - 1]
    tree = BranchTree(last=len(parents), jumps=jumps, trashed=trashed)

    for place, parent in enumerate(parents, 1):
        path = _ancestors(parents, place)
        living = {child: _newest(parents, child, trashed) for child, above in enumerate(parents, 1) if above == parent}
        branches = tuple(Branch(child, leaf) for child, leaf in living.items() if leaf)
        is_fork = len(branches) > 1 and living[place] > 0
        assert tree.path_to(place) == path
        assert tree.parent(place) == parent
        assert tree.fork_at(place) == (
            Fork([b.position for b in branches].index(place) + 1, branches) if is_fork else None
        )


def _ancestors(parents: list[int], place: int) -> list[int]:
    return [*_ancestors(parents, parents[place - 1]), place] if place else []


def _newest(parents: list[int], top: int, trashed: set[int]) -> int:
    below = [place for place in range(1, len(parents) + 1) if top in _ancestors(parents, place)]
    return max((place for place in below if place not in trashed), default=0)
