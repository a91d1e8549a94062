"""Conversations in OpenAI's chat format: `{"messages": [{"role", "content", …}]}`, as JSONL or as an array.

The format of fine-tuning files, see https://platform.openai.com/docs/api-reference/fine-tuning/chat-input. Members
beside `messages`, such as `tools` and `images`, are kept in the thread's metadata.
"""

from __future__ import annotations

from typing import Any

from transfer.formats.chat_messages import chat_message
from transfer.formats.conversation import Conversation
from transfer.formats.fields import Fields
from transfer.records import MessageRecord


def matches(record: dict[str, Any]) -> bool:
    messages = record.get("messages")
    return isinstance(messages, list) and any(isinstance(message, dict) and "role" in message for message in messages)


def convert(record: dict[str, Any]) -> Conversation:
    """One conversation. Raises `RecordError` when a message is malformed."""
    thread = Fields(record, "conversation")
    messages: list[MessageRecord] = []
    for position, value in enumerate(thread.array("messages"), start=1):
        parent = messages[-1].external_id if messages else None
        message = Fields(value, f"message {position}")
        messages.append(
            chat_message(message, speaker_key="role", content_key="content", position=position, parent=parent)
        )
    return Conversation(
        source_id=thread.identifier("id"),
        title=thread.text("title"),
        model=thread.text("model"),
        messages=messages,
        source=thread.rest(),
    )
