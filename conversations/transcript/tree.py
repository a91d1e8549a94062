"""The whole tree of a thread, known from its jumps alone, for switching between branches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from conversations.branches import Jump, parent_of, path_to


@dataclass(frozen=True, slots=True)
class Branch:
    """One of several messages that answer the same one. `leaf` is the newest message that follows from it."""

    position: int
    leaf: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Where several branches part. `number` counts the one that is shown from 1."""

    number: int
    branches: tuple[Branch, ...]

    @property
    def total(self) -> int:
        return len(self.branches)

    @property
    def previous(self) -> Branch | None:
        return self.branches[self.number - 2] if self.number > 1 else None

    @property
    def next(self) -> Branch | None:
        return self.branches[self.number] if self.number < self.total else None


class BranchTree:
    """Parents and children of the positions 1 … `last`; a branch that lies in the trash as a whole is left out."""

    def __init__(self, *, last: int, jumps: Iterable[Jump], trashed: Collection[int] = frozenset()) -> None:
        self._last = last
        self._parents = {place: parent for place, parent in jumps if place <= last}
        self._trashed = trashed
        self._jumps_to: defaultdict[int, list[int]] = defaultdict(list)
        for place, parent in sorted(self._parents.items()):
            self._jumps_to[parent].append(place)

    def path_to(self, leaf: int) -> list[int]:
        """Return the positions from the beginning to `leaf`."""
        return [
            place
            for start, end in path_to(leaf, self._parents.items())
            for place in range(start, (leaf if end is None else end) + 1)
        ]

    def parent(self, position: int) -> int:
        """Return the position that this one answers, 0 for none."""
        return parent_of(position, self._parents.get(position))

    def is_jump(self, position: int) -> bool:
        return position in self._parents

    def fork_at(self, position: int) -> Fork | None:
        """Return the fork of which this position is a branch, None where there is no other."""
        if not self._parents:
            return None
        places = [place for place in self._children(self.parent(position)) if self._newest_leaves[place]]
        if len(places) < 2 or position not in places:
            return None
        branches = tuple(Branch(place, self._newest_leaves[place]) for place in places)
        return Fork(places.index(position) + 1, branches)

    def newest_leaf(self, position: int) -> int:
        """Return the last position outside the trash that follows from this one."""
        return self._newest_leaves[position] or position

    def _children(self, position: int) -> list[int]:
        follower = position + 1
        follows = follower <= self._last and follower not in self._parents
        return [follower] * follows + self._jumps_to.get(position, [])

    @cached_property
    def _newest_leaves(self) -> list[int]:
        """For each position the last one of its subtree outside the trash, 0 for none; parents come before children."""
        leaves = [0 if place in self._trashed else place for place in range(self._last + 1)]
        leaves[0] = 0
        for place in range(self._last, 0, -1):
            parent = self.parent(place)
            leaves[parent] = max(leaves[parent], leaves[place])
        return leaves
