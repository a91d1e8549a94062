"""Content of ChatGPT messages.

`content_type` tells the shape: `text` and `multimodal_text` keep strings and objects in `parts`, others have members of
their own. Content of other types, and content that has not the shape its type promises, becomes one part exactly as it
came.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transfer.formats.fields import Fields
from transfer.formats.parts import Body, body_of, part, text_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who speaks to whom: a message to a tool is a call of it, a message from a tool its result."""

    role: str
    name: str | None
    recipient: str | None

    @property
    def is_calling(self) -> bool:
        return self.role == "assistant" and self.recipient not in (None, "", "all")


def content_body(value: Any, speaker: Speaker, where: str) -> tuple[Body, dict[str, Any]]:
    """Content and parts of a message from the member `content`, and what of it they leave out.

    Raises `RecordError` for members of a wrong type.
    """
    if value is None:
        return Body(None, None), {}
    content = Fields(value, f'{where}: "content"')
    reader = _READERS.get(content.peek_text("content_type") or "")
    body = reader(content, speaker) if reader else None
    if body is None:
        return Body(_readable_text(value), [value]), {}
    content.drop_if("content_type", "text")
    return body, content.rest()


def _read_parts(content: Fields, speaker: Speaker) -> Body | None:
    if "parts" not in content:
        return None
    values = content.array("parts")
    if len(values) == 1 and isinstance(values[0], str):
        return _spoken(values[0], speaker)
    return body_of([_part(value, content.where) for value in values])


def _spoken(text: str, speaker: Speaker) -> Body:
    if speaker.is_calling:
        return Body(text, [part("tool_call", name=speaker.recipient, arguments=text, source={})])
    return _tool_result(text, speaker) if speaker.role == "tool" else Body(text, None)


def _part(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return part("text", text=value, source={})
    kind = value.get("content_type") if isinstance(value, dict) else None
    if kind == "audio_transcription":
        return text_part(Fields(value, where)) or value
    if kind == "image_asset_pointer":
        return {"type": "image"} | value
    return value


def _read_code(content: Fields, speaker: Speaker) -> Body | None:
    text = content.text("text")
    return None if text is None else Body(text, [part("code", language=content.text("language"), text=text, source={})])


def _read_tool_text(content: Fields, speaker: Speaker) -> Body | None:
    text = content.text("text")
    return None if text is None else _tool_result(text, speaker)


def _read_browsing(content: Fields, speaker: Speaker) -> Body | None:
    text = content.text("result")
    return None if text is None else _tool_result(text, speaker)


def _tool_result(output: str, speaker: Speaker) -> Body:
    return Body(output, [part("tool_result", name=speaker.name, output=output, source={})])


def _read_thoughts(content: Fields, speaker: Speaker) -> Body | None:
    thoughts = content.array("thoughts") + content.array("parts")
    return Body(None, [_thought(thought, content.where) for thought in thoughts]) if thoughts else None


def _thought(value: Any, where: str) -> Any:
    if isinstance(value, str):
        return part("reasoning", text=value, source={})
    thought = Fields(value, f"{where}: a thought")
    text = thought.text("content")
    return value if text is None else part("reasoning", text=text, source=thought.rest())


def _read_recap(content: Fields, speaker: Speaker) -> Body | None:
    text = content.text("content")
    if text is None:
        return _read_thoughts(content, speaker)
    return Body(None, [part("reasoning", text=text, source={})])


def _readable_text(content: dict[str, Any]) -> str | None:
    """Text for reading and searching from content of whatever type."""
    parts = content.get("parts")
    texts = [text for text in parts if isinstance(text, str)] if isinstance(parts, list) else []
    if texts:
        return "\n".join(texts)
    return next((text for key in ("text", "result") if isinstance(text := content.get(key), str)), None)


_READERS: dict[str, Callable[[Fields, Speaker], Body | None]] = {
    "text": _read_parts,
    "multimodal_text": _read_parts,
    "code": _read_code,
    "execution_output": _read_tool_text,
    "tether_quote": _read_tool_text,
    "tether_browsing_display": _read_browsing,
    "thoughts": _read_thoughts,
    "reasoning_recap": _read_recap,
}
