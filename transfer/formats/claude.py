"""Data export of Claude: `conversations.json`, an array of conversations; one conversation as an object is read too.

`chat_messages` lists messages with `sender`, a plain `text` and typed blocks in `content` (absent in old exports).
Newer exports name each message's `parent_message_uuid`, with a fixed id above the first message; without it they follow
one another. Times are ISO 8601. Anthropic documents no schema; this one was taken from exports of 2023 to 2026.
Export: https://support.anthropic.com/en/articles/9450526
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transfer.formats.conversation import Conversation, message_metadata
from transfer.formats.fields import Fields, RecordError
from transfer.formats.parts import Body, arguments_text, body_of, part, role_of, text_of, text_part, with_files
from transfer.formats.trees import preorder
from transfer.records import MessageRecord

PROVIDER = "anthropic"
_ABOVE_ROOT = "00000000-0000-4000-8000-000000000000"


def matches(record: dict[str, Any]) -> bool:
    return "chat_messages" in record


def convert(record: dict[str, Any]) -> Conversation:
    """One conversation. Raises `RecordError` when its tree or one of its messages is malformed."""
    thread = Fields(record, "conversation")
    values = thread.array("chat_messages")
    return Conversation(
        source_id=thread.identifier("uuid"),
        title=thread.text("name"),
        provider=PROVIDER,
        model=thread.text("model"),
        messages=_messages([Fields(value, f"message {place}") for place, value in enumerate(values, start=1)]),
        active_leaf=thread.identifier("current_leaf_message_uuid"),
        created_at=thread.time("created_at"),
        updated_at=thread.time("updated_at"),
        source=thread.rest(),
    )


def _messages(values: list[Fields]) -> list[MessageRecord]:
    parents: dict[str, str | None] = {}
    by_id: dict[str, Fields] = {}
    previous = None
    for position, message in enumerate(values, start=1):
        external_id = message.identifier("uuid") or str(position)
        if external_id in by_id:
            raise RecordError(f'two messages have the id "{external_id}"')
        by_id[external_id] = message
        parent = message.identifier("parent_message_uuid") or previous
        parents[external_id] = None if parent == _ABOVE_ROOT else parent
        previous = external_id
    return [_message(by_id[external_id], external_id, parents[external_id]) for external_id in preorder(parents)]


def _message(message: Fields, external_id: str, parent: str | None) -> MessageRecord:
    role = role_of(message.peek_text("sender"), message.where)
    message.drop_if("sender", role)
    body = _body(message)
    body = with_files(body, message.array("attachments") + message.array("files"))
    created_at = message.time("created_at")
    finish_reason = message.text("stop_reason") or ""
    return MessageRecord(
        external_id=external_id,
        parent_external_id=parent,
        role=role,
        content=body.content,
        parts=body.parts,
        metadata=message_metadata(message.rest()),
        provider=PROVIDER if role == "assistant" else "",
        finish_reason=finish_reason,
        created_at=created_at,
    )


def _body(message: Fields) -> Body:
    """The blocks where there are any; `text` repeats them for reading and stands in where they hold no text."""
    blocks = message.array("content")
    parts = [_part(block, message.where) for block in blocks]
    content = text_of(parts)
    if content is None:
        return Body(message.text("text"), parts or None)
    message.drop_if("text", content)
    return body_of(parts)


def _part(value: Any, where: str) -> Any:
    block = Fields(value, f"{where}: a block of the content")
    reader = _BLOCK_READERS.get(block.text("type") or "")
    return (reader(block) if reader else None) or value


def _read_thinking(block: Fields) -> dict[str, Any] | None:
    text, signature = block.text("thinking"), block.text("signature")
    return None if text is None else part("reasoning", text=text, signature=signature, source=block.rest())


def _read_tool_use(block: Fields) -> dict[str, Any]:
    call_id, name = block.identifier("id"), block.text("name")
    arguments = arguments_text(block.take("input"))
    return part("tool_call", id=call_id, name=name, arguments=arguments, source=block.rest())


def _read_tool_result(block: Fields) -> dict[str, Any]:
    call_id, name = block.identifier("tool_use_id"), block.text("name")
    output, is_error = block.take("content"), block.take("is_error")
    return part("tool_result", tool_call_id=call_id, name=name, output=output, is_error=is_error, source=block.rest())


_BLOCK_READERS: dict[str, Callable[[Fields], dict[str, Any] | None]] = {
    "text": text_part,
    "thinking": _read_thinking,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
}
