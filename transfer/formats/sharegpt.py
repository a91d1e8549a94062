"""Conversations of the ShareGPT kind, as an array or as JSONL.

`conversations` holds turns with `from` and `value`, or with `role` and `content`; a turn of `function_call` is the JSON
text of a tool call and a turn of `observation` its result. The newer variant has `messages` whose content is an array
of `{"type", "value"}`. Members beside them, such as `system` and `tools`, are kept in the thread's metadata. Sources:
https://github.com/lm-sys/FastChat and https://github.com/hiyouga/LLaMA-Factory/tree/main/data
"""

from __future__ import annotations

from typing import Any

from transfer.formats.chat_messages import chat_message
from transfer.formats.conversation import Conversation
from transfer.formats.fields import Fields
from transfer.records import MessageRecord


def matches(record: dict[str, Any]) -> bool:
    if isinstance(record.get("conversations"), list):
        return True
    messages = record.get("messages")
    return isinstance(messages, list) and any(_is_own_turn(message) for message in messages)


def _is_own_turn(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    content = message.get("content")
    return "from" in message or (isinstance(content, list) and any(_is_typed_value(block) for block in content))


def _is_typed_value(block: Any) -> bool:
    return isinstance(block, dict) and "type" in block and "value" in block


def convert(record: dict[str, Any]) -> Conversation:
    """One conversation. Raises `RecordError` when a turn is malformed."""
    thread = Fields(record, "conversation")
    turns = thread.array("conversations" if "conversations" in thread else "messages")
    messages: list[MessageRecord] = []
    for position, value in enumerate(turns, start=1):
        turn = Fields(value, f"message {position}")
        messages.append(_message(turn, position, messages[-1].external_id if messages else None))
    return Conversation(
        source_id=thread.identifier("id"),
        title=thread.text("title"),
        model=thread.text("model"),
        messages=messages,
        source=thread.rest(),
    )


def _message(turn: Fields, position: int, parent: str | None) -> MessageRecord:
    return chat_message(
        turn,
        speaker_key="from" if "from" in turn else "role",
        content_key="value" if "value" in turn else "content",
        position=position,
        parent=parent,
    )
