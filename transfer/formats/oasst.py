"""Message trees of OpenAssistant (OASST1, OASST2) as JSONL: `{"message_tree_id", "tree_state", "prompt": {…}}`.

`prompt` is the first message; each message nests its answers in `replies`, ranked by `rank` from 0, the best. Source:
https://github.com/LAION-AI/Open-Assistant and https://huggingface.co/datasets/OpenAssistant/oasst2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transfer.formats.conversation import Conversation, message_metadata
from transfer.formats.fields import Fields, RecordError
from transfer.formats.parts import role_of
from transfer.records import MessageRecord


@dataclass(frozen=True, slots=True)
class _Reply:
    value: Any
    parent: str | None
    is_best: bool
    """Whether every message on the way here is the best answer to the one before."""


def matches(record: dict[str, Any]) -> bool:
    return "prompt" in record and "message_tree_id" in record


def convert(record: dict[str, Any]) -> Conversation:
    """One tree. Raises `RecordError` when a message is malformed."""
    thread = Fields(record, "conversation")
    messages: list[MessageRecord] = []
    active_leaf = None
    pending = [_Reply(thread.object("prompt").rest(), parent=None, is_best=True)]
    while pending:
        reply = pending.pop()
        fields = Fields(reply.value, f"message {len(messages) + 1}")
        replies = fields.array("replies")
        message = _message(fields, position=len(messages) + 1, parent=reply.parent)
        messages.append(message)
        if reply.is_best:
            active_leaf = message.external_id
        best = _best(replies, fields.where) if reply.is_best else None
        pending.extend(
            _Reply(value, parent=message.external_id, is_best=place == best)
            for place, value in reversed(list(enumerate(replies)))
        )
    return Conversation(
        source_id=thread.identifier("message_tree_id"),
        messages=messages,
        active_leaf=active_leaf,
        source=thread.rest(),
    )


def _best(replies: list[Any], where: str) -> int:
    """Place of the reply with the lowest rank; a reply without a rank comes after the ranked ones."""
    ranks = [_rank(value, where) for value in replies]
    return min(range(len(ranks)), key=lambda place: ranks[place], default=-1)


def _rank(value: Any, where: str) -> float:
    rank = Fields(value, f"{where}: a reply").take("rank")
    if rank is None:
        return float("inf")
    if isinstance(rank, bool) or not isinstance(rank, int | float):
        raise RecordError(f'{where}: the "rank" of a reply must be a number')
    return rank


def _message(message: Fields, *, position: int, parent: str | None) -> MessageRecord:
    external_id = message.identifier("message_id") or str(position)
    role = role_of(message.peek_text("role"), message.where)
    message.drop_if("role", role)
    message.drop_if("parent_id", parent)
    content = message.text("text")
    created_at = message.time("created_date")
    return MessageRecord(
        external_id=external_id,
        parent_external_id=parent,
        role=role,
        content=content,
        metadata=message_metadata(message.rest()),
        model=(message.peek_text("model_name") or "") if role == "assistant" else "",
        created_at=created_at,
    )
