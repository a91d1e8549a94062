"""Typed message parts, see `docs/messages.md`, and the plain text that stands for them.

Parts of the vocabulary carry what the source says beyond it in a member `source`; parts outside the vocabulary are kept
exactly as they came.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from transfer.formats.fields import Fields, RecordError

ROLES = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "function",
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "function_call": "assistant",
    "observation": "tool",
}
"""What each format's word for a speaker means here."""


class Body(NamedTuple):
    """`content` and `parts` of a message."""

    content: str | None
    parts: list[Any] | None

    def as_parts(self) -> list[Any]:
        """The parts, where the body is plain text as one text part; without text as none."""
        if self.parts is not None:
            return self.parts
        return [part("text", text=self.content, source={})] if self.content else []


def role_of(word: str | None, where: str) -> str:
    """The role a source's word stands for. Raises `RecordError` for a word that is not known."""
    if word is None:
        raise RecordError(f"{where}: has no role")
    if word not in ROLES:
        raise RecordError(f'{where}: unknown role "{word[:50]}"')
    return ROLES[word]


def part(kind: str, *, source: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A part of the vocabulary with the members that are known (not None) and the source's other members."""
    known = {name: value for name, value in members.items() if value is not None}
    return {"type": kind, **known} | ({"source": source} if source else {})


def text_part(fields: Fields, *, key: str = "text") -> dict[str, Any] | None:
    """A text part from a block that keeps its text in `key`; None when it holds none."""
    text = fields.text(key)
    return None if text is None else part("text", text=text, source=fields.rest())


def compact_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def arguments_text(value: Any) -> str | None:
    """Arguments of a tool call: a string exactly as it came, anything else as compact JSON, None stays None."""
    return value if value is None or isinstance(value, str) else compact_json(value)


def body_of(parts: list[Any]) -> Body:
    """A body whose content is the text of its text and code parts; `parts` is None when one text says it all."""
    content = text_of(parts)
    if parts == [{"type": "text", "text": content}]:
        return Body(content, None)
    return Body("" if not parts else content, parts)


def with_files(body: Body, files: list[Any]) -> Body:
    """The body with the files that came beside it as further parts; a file's own `type` stands."""
    if not files:
        return body
    further = [{"type": "file"} | file if isinstance(file, dict) else file for file in files]
    return Body(body.content, body.as_parts() + further)


def text_of(parts: list[Any]) -> str | None:
    """The text of text and code parts, a line each; None when there is no such part."""
    texts = [value["text"] for value in parts if _has_text(value)]
    return "\n".join(texts) if texts else None


def _has_text(value: Any) -> bool:
    is_textual = isinstance(value, dict) and value.get("type") in ("text", "code", "input_text", "output_text")
    return is_textual and isinstance(value.get("text"), str)
