"""Messages in the manner of chat APIs: a role, content that is text or typed parts, and tool calls.

Shared by the formats that are lists of such messages. The shapes are those of OpenAI's chat completions, see
https://platform.openai.com/docs/api-reference/chat, and of the data sets of LLaMA-Factory, see
https://github.com/hiyouga/LLaMA-Factory/tree/main/data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from transfer.formats.conversation import message_metadata
from transfer.formats.fields import Fields, RecordError, type_name
from transfer.formats.parts import Body, arguments_text, body_of, part, role_of, text_part
from transfer.records import MessageRecord

CALL_WORD = "function_call"
"""The speaker of a turn whose text is the JSON of a tool call."""


def chat_message(
    message: Fields, *, speaker_key: str, content_key: str, position: int, parent: str | None
) -> MessageRecord:
    """One message; `position` counts from 1 and names a message that has no id. Raises `RecordError`."""
    word = message.peek_text(speaker_key)
    role = role_of(word, message.where)
    message.drop_if(speaker_key, role)
    content = message.take(content_key)
    body = called_body(content) if word == CALL_WORD else _body(message, role, content)
    return MessageRecord(
        external_id=message.identifier("id") or str(position),
        parent_external_id=parent,
        role=role,
        content=body.content,
        parts=body.parts,
        metadata=message_metadata(message.rest()),
    )


def content_body(content: Any, where: str) -> Body:
    """Content and parts from a string, an array of parts, or null. Raises `RecordError` for other types."""
    if content is None or isinstance(content, str):
        return Body(content, None)
    if not isinstance(content, list):
        raise RecordError(f"{where}: the content must be a string, an array or null, not {type_name(content)}")
    return body_of([_part(value, where) for value in content])


def called_body(content: Any) -> Body:
    """Tool calls from an object or array with `name` and `arguments`, or from its JSON text."""
    calls = _parsed(content) if isinstance(content, str) else content
    parts = [_named_call(call) for call in (calls if isinstance(calls, list) else [calls])]
    if not parts or None in parts:
        parts = [part("tool_call", arguments=arguments_text(content), source={})]
    return Body(content if isinstance(content, str) else None, parts)


def _body(message: Fields, role: str, content: Any) -> Body:
    if role in ("tool", "function"):
        return _result_body(message, content)
    body = content_body(content, message.where)
    reasoning = message.text("reasoning_content")
    calls = [_tool_call(call, message.where) for call in message.array("tool_calls")]
    if message.rest().get("function_call") is not None:
        calls.append(_function_call(message.object("function_call")))
    if reasoning is None and not calls:
        return body
    thoughts = [] if reasoning is None else [part("reasoning", text=reasoning, source={})]
    return Body(body.content, thoughts + body.as_parts() + calls)


def _result_body(message: Fields, content: Any) -> Body:
    result = part(
        "tool_result",
        tool_call_id=message.identifier("tool_call_id"),
        name=message.text("name"),
        output=content,
        source={},
    )
    is_text = content is None or isinstance(content, str | list)
    return Body(content_body(content, message.where).content if is_text else None, [result])


def _tool_call(value: Any, where: str) -> Any:
    call = Fields(value, f"{where}: a tool call")
    if "function" not in call:
        return value
    function = call.object("function")
    call.drop_if("type", "function")
    name, arguments = function.text("name"), arguments_text(function.take("arguments"))
    call_id = call.identifier("id")
    source = call.rest() | ({"function": function.rest()} if function.rest() else {})
    return part("tool_call", id=call_id, name=name, arguments=arguments, source=source)


def _function_call(call: Fields) -> dict[str, Any]:
    name, arguments = call.text("name"), arguments_text(call.take("arguments"))
    return part("tool_call", name=name, arguments=arguments, source=call.rest())


def _named_call(value: Any) -> dict[str, Any] | None:
    is_call = isinstance(value, dict) and isinstance(value.get("name"), str)
    return _function_call(Fields(value, "tool call")) if is_call else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _part(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return part("text", text=value, source={})
    kind = value.get("type") if isinstance(value, dict) else None
    reader = _PART_READERS.get(kind) if isinstance(kind, str) else None
    return (reader(Fields(value, f"{where}: a part of the content")) if reader else None) or value


def _read_text(block: Fields) -> dict[str, Any] | None:
    block.take("type")
    return text_part(block, key="value" if "value" in block else "text")


def _read_reasoning(block: Fields) -> dict[str, Any] | None:
    text = block.text("value" if "value" in block else "text")
    block.take("type")
    return None if text is None else part("reasoning", text=text, source=block.rest())


def _read_call(block: Fields) -> dict[str, Any] | None:
    return _named_call(_parsed(block.text("value") or ""))


def _read_image(block: Fields) -> dict[str, Any]:
    return block.rest() | {"type": "image"}


_PART_READERS: dict[str, Callable[[Fields], dict[str, Any] | None]] = {
    "text": _read_text,
    "reasoning": _read_reasoning,
    "tool_call": _read_call,
    "image_url": _read_image,
}
