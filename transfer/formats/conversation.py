"""What a format module makes of one record, and the checks every format shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from transfer.formats.fields import RecordError
from transfer.records import MessageRecord, ThreadRecord

ID_LIMIT = 255
TITLE_LIMIT = 255
MODEL_LIMIT = 100
FINISH_REASON_LIMIT = 50

AGENT_TYPE = "chat"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversation as its format tells it, before it is named and checked."""

    source_id: str | None
    """The source's own id; None where it has none."""
    messages: list[MessageRecord]
    provider: str = UNKNOWN
    model: str | None = None
    """The conversation's default model; None where the source names none."""
    title: str | None = None
    source: dict[str, Any] = field(default_factory=dict)
    """What the source says beyond the other members, verbatim."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    active_leaf: str | None = None


def thread_record(conversation: Conversation, *, external_id: str, label: str) -> ThreadRecord:
    """The conversation as a record fit for the store. Raises `RecordError` when it breaks one of the store's limits."""
    check_length(external_id, ID_LIMIT, "the conversation's id")
    _check_messages(conversation.messages)
    ids = {message.external_id for message in conversation.messages}
    if conversation.active_leaf is not None and conversation.active_leaf not in ids:
        raise RecordError(f'the current message "{conversation.active_leaf}" is not in the conversation')
    return ThreadRecord(
        external_id=external_id,
        label=label,
        title=_short_title(conversation.title),
        agent_type=AGENT_TYPE,
        model=check_length(_model(conversation), MODEL_LIMIT, "the model's name"),
        provider=conversation.provider,
        messages=conversation.messages,
        metadata=_metadata(conversation),
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        active_leaf=conversation.active_leaf,
    )


def message_metadata(source: dict[str, Any], *, is_hidden: bool = False) -> dict[str, Any]:
    """Metadata of a message: leftovers of the source and whether the source keeps the message out of sight."""
    metadata: dict[str, Any] = {"source": source} if source else {}
    return metadata | {"hidden": True} if is_hidden else metadata


def check_length(text: str, limit: int, name: str) -> str:
    """The text itself. Raises `RecordError` when it has more code points than `limit`."""
    if len(text) > limit:
        raise RecordError(f"{name} has {len(text)} characters, more than {limit}")
    return text


def _check_messages(messages: list[MessageRecord]) -> None:
    if not messages:
        raise RecordError("the conversation has no messages")
    seen: set[str] = set()
    for message in messages:
        check_length(message.external_id, ID_LIMIT, "a message's id")
        check_length(message.model, MODEL_LIMIT, f'the model\'s name of message "{message.external_id}"')
        check_length(message.finish_reason, FINISH_REASON_LIMIT, f'the finish reason of "{message.external_id}"')
        if message.external_id in seen:
            raise RecordError(f'two messages have the id "{message.external_id}"')
        seen.add(message.external_id)


def _model(conversation: Conversation) -> str:
    if conversation.model:
        return conversation.model
    answers = (message.model for message in reversed(conversation.messages) if message.role == "assistant")
    return next(filter(None, answers), UNKNOWN)


def _short_title(title: str | None) -> str | None:
    if title is None or len(title) <= TITLE_LIMIT:
        return title
    return title[: TITLE_LIMIT - 1] + "…"


def _metadata(conversation: Conversation) -> dict[str, Any]:
    metadata: dict[str, Any] = {"source": conversation.source} if conversation.source else {}
    if _short_title(conversation.title) != conversation.title:
        metadata["source_title"] = conversation.title
    return metadata
