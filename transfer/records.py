"""Neutral records: what a foreign file becomes before it touches the store.

A format module turns bytes into `ThreadRecord` and `RefusedRecord` values; `transfer.importing` writes them.
Formats therefore know nothing of Django, and the writer knows nothing of file formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """One message. `external_id` is the source's own id, unique within its thread."""

    external_id: str
    role: str
    content: str | None
    parent_external_id: str | None = None
    """The message this one answers; None for the first message of a conversation or of another root."""
    parts: list[Any] | None = None
    """Typed parts in order when the message is more than plain text, see `docs/messages.md`."""
    artifact_data: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)
    status: str = "completed"
    provider: str = ""
    model: str = ""
    usage: dict[str, Any] | None = None
    finish_reason: str = ""
    created_at: datetime | None = None
    """Aware UTC, or None where the source tells no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadRecord:
    """One conversation. `messages` lists parents before children."""

    external_id: str
    """The source's id behind the format's name, for instance `chatgpt:0f1e…`; unique in an organization."""
    label: str
    """How an outcome report names the record: its place in the file, counted from 1, and its title or id."""
    title: str | None
    agent_type: str
    model: str
    provider: str
    messages: list[MessageRecord]
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    active_leaf: str | None = None
    """external_id of the message the source shows last; None means the last in `messages`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecord:
    """A record that cannot be imported, and why, in words the file's owner can act on."""

    label: str
    reason: str


class UnreadableFile(Exception):
    """The file as a whole is not what its format says; the message tells where reading stopped."""
