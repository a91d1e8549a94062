"""Moving selected rows to the trash and back, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.errors import DomainError

MAX_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Moves:
    """How many rows were moved, refused (they are there already), and left for the next time."""

    moved: int
    refused: int
    has_more: bool

    def told(self, noun: str, words: str) -> str:
        """Return a sentence, for instance `3 threads moved to the trash. 1 was there already.`"""
        sentences = [f"{_counted(self.moved, noun)} {words}."]
        if self.refused:
            sentences.append(
                f"{_counted(self.refused, noun)} left as {'it was' if self.refused == 1 else 'they were'}."
            )
        if self.has_more:
            sentences.append("There are more; repeat the action for them.")
        return " ".join(sentences)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def move_rows(queryset: QuerySet[Any], move: Callable[[UUID, UUID], Any]) -> Moves:
    """Call `move(id, organization id)` for up to `MAX_AT_ONCE` rows; one that the domain refuses is counted."""
    rows = list(queryset.values_list("pk", "organization_id")[: MAX_AT_ONCE + 1])
    moved = refused = 0
    for pk, organization_id in rows[:MAX_AT_ONCE]:
        try:
            move(pk, organization_id)
            moved += 1
        except DomainError:
            refused += 1
    return Moves(moved, refused, has_more=len(rows) > MAX_AT_ONCE)
