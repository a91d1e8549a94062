"""What a page says about one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from conversations.models import Feedback, Message
from conversations.transcript.blocks import Block, BlockBuilder
from conversations.transcript.tree import Fork


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackNote:
    """Feedback as it stands at its message."""

    rating: str
    comment: str
    author: str
    created_at: datetime
    payload: Block | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The links of a fork, as query strings."""

    fork: Fork
    previous: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message stands among the branches."""

    switches: Sequence[Switch] = ()
    answers: int | None = None
    """The position it answers where that is not the one before; only in the whole tree."""
    branch: str = ""
    """The query string that shows the branch it is on; only with `answers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message on a page."""

    id: UUID
    position: int
    role: str
    created_at: datetime
    facts: list[str]
    """Model, tokens and the like, in the order in which they are shown."""
    is_hidden: bool
    blocks: list[Block]
    details: list[Block]
    """Artifact, metadata and usage."""
    emptiness: str
    """Says which kind of nothing the message holds, "" for one that says something."""
    feedback: list[FeedbackNote]
    place: Place


class EntryBuilder:
    """Builds the entries of a page, whose texts share one budget."""

    def __init__(self) -> None:
        self._blocks = BlockBuilder()

    def entry(self, row: dict[str, Any], feedback: Sequence[dict[str, Any]], place: Place) -> Entry:
        """Build an entry from a row of `message_rows` and rows of `feedback_rows`."""
        return Entry(
            id=row["id"],
            position=row["position"],
            role=row["role"],
            created_at=row["created_at"],
            facts=_facts(row),
            is_hidden=isinstance(row["metadata_value"], dict) and row["metadata_value"].get("hidden") is True,
            blocks=self._body(row),
            details=self._details(row),
            emptiness=_emptiness(row),
            feedback=[self._note(each) for each in feedback],
            place=place,
        )

    def _body(self, row: dict[str, Any]) -> list[Block]:
        blocks = self._blocks.blocks(row["content_start"], row["parts_value"], length=row["content_length"])
        return blocks + _left_out(row, "parts")

    def _details(self, row: dict[str, Any]) -> list[Block]:
        labels = {"artifact_data": "Artifact", "metadata": "Metadata", "usage": "Usage"}
        found: list[Block] = []
        for name, label in labels.items():
            if row[f"{name}_size"] is not None and row[f"{name}_value"] != {}:
                found += _left_out(row, name) or [self._blocks.data(row[f"{name}_value"], kind=name, label=label)]
        return found

    def _note(self, row: dict[str, Any]) -> FeedbackNote:
        has_payload = row["payload_size"] is not None
        payload = _left_out(row, "payload") or [self._blocks.data(row["payload_value"], label="Payload")]
        return FeedbackNote(
            rating="" if row["rating"] is None else str(Feedback.Rating(row["rating"]).label),
            comment=self._blocks.budget.cut(row["comment"])[0],
            author=row["created_by__username"] or "",
            created_at=row["created_at"],
            payload=payload[0] if has_payload else None,
        )


def _facts(row: dict[str, Any]) -> list[str]:
    usage = row["usage_value"] if isinstance(row["usage_value"], dict) else {}
    facts = [row["model"], row["provider"], _tokens(usage)]
    if row["finish_reason"] not in ("", "stop"):
        facts.append(f"finished: {row['finish_reason']}")
    if row["status"] != Message.Status.COMPLETED:
        facts.append(row["status"].replace("_", " "))
    return [fact for fact in facts if fact]


def _tokens(usage: dict[str, Any]) -> str:
    """Tokens in and out, under the names of the common providers."""
    given = _number(usage, "input_tokens", "prompt_tokens")
    answered = _number(usage, "output_tokens", "completion_tokens")
    if given is None or answered is None:
        return ""
    return f"{given:,} → {answered:,} tokens"


def _number(usage: dict[str, Any], *names: str) -> int | None:
    return next((usage[name] for name in names if type(usage.get(name)) is int), None)


def _emptiness(row: dict[str, Any]) -> str:
    if row["content_start"] or row["parts_value"] or _left_out(row, "parts"):
        return ""
    return "No content." if row["content_start"] is None else "The content is an empty text."


def _left_out(row: dict[str, Any], name: str) -> list[Block]:
    """A block that says what was too large to be read, none when the value is there."""
    size = row[f"{name}_size"]
    if size is None or row[f"{name}_value"] is not None or size == len("null"):
        return []
    note = f"{size:,} characters of JSON, too long to be shown here. An export holds them."
    return [Block(kind=name, label=name.replace("_", " ").capitalize(), note=note)]
