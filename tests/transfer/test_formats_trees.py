"""The order of messages that form a tree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.formats.fields import RecordError
from transfer.formats.trees import preorder


def test_branches_stay_together_in_the_order_listed() -> None:
    parents = {"c": "a", "b": "a", "a": None, "d": "b", "e": "a"}

    assert preorder(parents, {"a": ["b", "c", "gone"]}) == ["a", "b", "d", "c", "e"]


def test_unlisted_siblings_keep_the_order_of_the_source() -> None:
    assert preorder({"z": None, "b": "z", "a": "z", "y": None}) == ["z", "b", "a", "y"]


def test_missing_parent_is_refused() -> None:
    with pytest.raises(RecordError, match='the parent of "b", "gone", is not in the conversation'):
        preorder({"a": None, "b": "gone"})


@pytest.mark.parametrize("parents", [{"a": "a"}, {"a": "b", "b": "a"}, {"r": None, "a": "b", "b": "a", "c": "b"}])
def test_cycle_is_refused(parents: dict[str, str | None]) -> None:
    with pytest.raises(RecordError, match="the messages form a cycle"):
        preorder(parents)


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=30))
def test_every_node_comes_once_and_after_its_parent(choices: list[int]) -> None:
    parents = {str(node): str(choice % node) if node else None for node, choice in enumerate(choices)}

    order = preorder(parents)

    assert sorted(order) == sorted(parents)
    assert all(order.index(parent) < order.index(node) for node, parent in parents.items() if parent is not None)
