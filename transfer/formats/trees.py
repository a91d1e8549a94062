"""The order of messages that form a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from transfer.formats.fields import RecordError


def preorder(parents: Mapping[str, str | None], listed: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """Ids with parents before children, depth first, so that each branch stays together.

    `parents` maps each id to its parent, None for a root. Siblings follow their parent's list in `listed` where it
    names them, else the order of `parents`. Raises `RecordError` for a parent that is not there and for a cycle.
    """
    children = _children(parents)
    order: list[str] = []
    pending: list[str | None] = [None]
    while pending:
        node = pending.pop()
        siblings = children.pop(node, [])
        if node is not None:
            order.append(node)
            siblings = _sorted(siblings, (listed or {}).get(node, ()))
        pending.extend(reversed(siblings))
    if children:
        raise RecordError(f'the messages form a cycle through or above "{next(iter(children))}"')
    return order


def _children(parents: Mapping[str, str | None]) -> dict[str | None, list[str]]:
    children: dict[str | None, list[str]] = {}
    for node, parent in parents.items():
        if parent is not None and parent not in parents:
            raise RecordError(f'the parent of "{node}", "{parent}", is not in the conversation')
        children.setdefault(parent, []).append(node)
    return children


def _sorted(siblings: list[str], listed: Sequence[str]) -> list[str]:
    rank = {node: place for place, node in enumerate(listed)}
    return sorted(siblings, key=lambda node: rank.get(node, len(rank)))
