"""The conversations that every target is filled with: the same ones at every run, made from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

MESSAGES_PER_THREAD = 50
BLOCK = 1000
"""Threads whose messages arrive by turns, as they do where many people talk at once."""

START = datetime(2026, 1, 1, tzinfo=UTC)
ARTIFACT = {"type": "code", "language": "python", "content": "print('hello')\n" * 8}
TEXTS = 2000
VOCABULARY = 4000
SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in "aeiou"]
DEEP = UUID("01930000-0000-7000-bfff-ffffffffffff")
"""The one long thread of the databases that have one."""
STRANGERS = UUID("01930000-0000-7000-bfff-fffffffffffe")
"""A thread of another organization, newer than all others, which nobody may see."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message: `position` counts from 1 in its thread, the time grows with every message."""

    thread: UUID
    position: int
    role: str
    content: str
    artifact_data: dict[str, Any] | None
    metadata: dict[str, Any]
    created_at: datetime


def thread_ids(messages: int) -> list[UUID]:
    """Version 7 UUIDs in order of creation."""
    return [thread_id(number) for number in range(messages // MESSAGES_PER_THREAD)]


def thread_id(number: int) -> UUID:
    return UUID(int=0x0193 << 112 | 0x7 << 76 | 0b10 << 62 | number)


def said(messages: int) -> Iterator[Said]:
    """All messages in the order in which they were said."""
    ids, serial = thread_ids(messages), 0
    for first in range(0, len(ids), BLOCK):
        for position in range(1, MESSAGES_PER_THREAD + 1):
            for thread in ids[first : first + BLOCK]:
                yield message(thread, position, serial)
                serial += 1


def said_in_deep_thread(messages: int, *, serial: int) -> Iterator[Said]:
    """The messages of the long thread; `serial` is the number of those said before."""
    for position in range(1, messages + 1):
        yield message(DEEP, position, serial + position - 1)


def message(thread: UUID, position: int, serial: int) -> Said:
    return Said(
        thread=thread,
        position=position,
        role="user" if position % 2 else "assistant",
        content=texts()[serial % TEXTS],
        artifact_data=ARTIFACT if serial % 5 == 0 else None,
        metadata={"model": "gpt-4o-mini", "tokens": serial % 100, "finish_reason": "stop"},
        created_at=START + timedelta(milliseconds=serial),
    )


def bodies(count: int) -> list[dict[str, Any]]:
    """New messages as a client sends them."""
    found = [message(DEEP, serial + 1, serial) for serial in range(count)]
    return [
        {"role": each.role, "content": each.content, "artifact_data": each.artifact_data, "metadata": each.metadata}
        for each in found
    ]


@cache
def texts() -> list[str]:
    """Texts of 10 to 110 words, frequent and rare ones as in a language."""
    source = random.Random(7)  # noqa: S311  the same texts at every run
    words = sorted({"".join(source.choices(SYLLABLES, k=source.randint(1, 4))) for _ in range(2 * VOCABULARY)})
    source.shuffle(words)
    words = words[:VOCABULARY]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return [" ".join(source.choices(words, weights, k=source.randint(10, 110))) for _ in range(TEXTS)]
