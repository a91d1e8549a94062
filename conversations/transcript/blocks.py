"""What a message says, cut into blocks that a page can show.

A part of a known type is shown by its type; what else it carries, and parts of unknown types, are shown as JSON. So
what is stored is seen or, where it is long, said to be there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conversations.transcript.budget import Budget
from core.json_gate import read_json
from core.markdown import shown_address

SUMMARY_LENGTH = 90
MAX_BLOCKS = 200
"""Parts of a message that are shown one by one; those behind them are shown as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a message. `html` is sanitized, `text` is not and must be escaped where it is shown."""

    kind: str
    label: str
    name: str = ""
    """Of a tool, or the language of code."""
    summary: str = ""
    """A line that tells what is folded away."""
    html: str = ""
    text: str = ""
    note: str = ""
    """Says what is not shown here."""
    is_folded: bool = True
    is_error: bool = False
    others: str = ""
    """The part's other members, as JSON."""


class PartMembers:
    """The members of a part, of which some are shown by name and the others as JSON."""

    def __init__(self, part: dict[str, Any]) -> None:
        self._members = dict(part)
        self._members.pop("type", None)

    def text(self, *names: str) -> str:
        """Take the first of the members that is a text, "" without one."""
        name = next((name for name in names if isinstance(self._members.get(name), str)), None)
        return "" if name is None else str(self._members.pop(name))

    def value(self, *names: str) -> Any:
        """Take the first of the members that is there, None without one."""
        name = next((name for name in names if name in self._members), None)
        return None if name is None else self._members.pop(name)

    @property
    def rest(self) -> dict[str, Any]:
        return self._members


@dataclass(slots=True)
class BlockBuilder:
    """Turns the content and parts of messages into blocks, within the budget of a page."""

    budget: Budget = field(default_factory=Budget)

    def blocks(self, content: str | None, parts: Any, *, length: int | None = None) -> list[Block]:
        """Return the blocks of a message in order; content that its parts repeat is shown once.

        `length` is how long the content is where it was stored, when only its beginning was read.
        """
        if not isinstance(parts, list) or not parts:
            blocks = [self.data(parts, label="Parts")] if parts else []
        else:
            blocks = self._parts(parts)
            if content and _is_repeated(content, parts):
                return blocks
        return [self.prose(content, length=length), *blocks] if content else blocks

    def _parts(self, parts: list[Any]) -> list[Block]:
        blocks = [self._part(part) for part in parts[:MAX_BLOCKS]]
        if surplus := parts[MAX_BLOCKS:]:
            blocks.append(self.data(surplus, label=f"{len(surplus):,} more parts"))
        return blocks

    def prose(self, text: str, *, length: int | None = None) -> Block:
        """Markdown, or folded plain text where it is too long to be rendered."""
        html = self.budget.markdown(text)
        if html is not None:
            return Block(kind="text", label="Text", html=html, is_folded=False)
        shown, note = self.budget.cut(text, length=length)
        return Block(kind="text", label="Long text", text=shown, note=note, summary=first_line(text))

    def data(self, value: Any, *, kind: str = "other", label: str = "Data", summary: str = "") -> Block:
        """Any JSON value, folded."""
        shown, note = self.budget.cut(pretty(value))
        return Block(kind=kind, label=label, text=shown, note=note, summary=summary)

    def _part(self, part: Any) -> Block:
        kind = part.get("type") if isinstance(part, dict) else None
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        block = reader(self, PartMembers(part)) if reader else None
        return block or self.data(part, label="Part", summary=str(kind or "")[:SUMMARY_LENGTH])

    def _others(self, members: PartMembers) -> str:
        return self.budget.cut(pretty(members.rest))[0] if members.rest else ""

    def _text(self, members: PartMembers) -> Block | None:
        text = members.text("text")
        return replace(self.prose(text), others=self._others(members)) if text else None

    def _reasoning(self, members: PartMembers) -> Block | None:
        text = members.text("text", "thinking")
        if not text:
            return None
        others = self._others(members)
        return replace(
            self.prose(text),
            kind="reasoning",
            label="Reasoning",
            summary=first_line(text),
            is_folded=True,
            others=others,
        )

    def _tool_call(self, members: PartMembers) -> Block:
        name, arguments = members.text("name"), members.value("arguments", "input")
        shown, note = self.budget.cut(pretty_text(arguments))
        return Block(
            kind="tool-call",
            label="Tool call",
            name=name,
            summary=first_line(compact(arguments)),
            text=shown,
            note=note,
            others=self._others(members),
        )

    def _tool_result(self, members: PartMembers) -> Block:
        name, output = members.text("name"), members.value("output", "content")
        shown, note = self.budget.cut(pretty_text(output))
        is_error = members.rest.get("is_error") is True
        return Block(
            kind="tool-result",
            label="Tool error" if is_error else "Tool result",
            name=name,
            summary=first_line(compact(output)),
            text=shown,
            note=note,
            is_error=is_error,
            others=self._others(members),
        )

    def _code(self, members: PartMembers) -> Block | None:
        text, language = members.text("text", "code"), members.text("language")
        if not text:
            return None
        shown, note = self.budget.cut(text)
        block = Block(kind="code", label="Code", name=language, text=shown, note=note, is_folded=bool(note))
        return replace(block, summary=first_line(text) if note else "", others=self._others(members))

    def _file(self, members: PartMembers) -> Block:
        return self._attachment(members, kind="file", label="File")

    def _image(self, members: PartMembers) -> Block:
        return self._attachment(members, kind="image", label="Image")

    def _attachment(self, members: PartMembers, *, kind: str, label: str) -> Block:
        """A name and an address as text: what a message points to is never fetched."""
        name = members.text("alt", "name", "filename", "file_name")
        address = members.text("url", "image_url", "file_url", "asset_pointer", "file_id", "data") or _nested_address(
            members
        )
        others = self._others(members)
        return Block(kind=kind, label=label, name=name, text=shown_address(address), is_folded=False, others=others)


def _nested_address(members: PartMembers) -> str:
    """The address in `{"image_url": {"url": …}}`; the member is shown among the others as well."""
    inner = members.rest.get("image_url") or members.rest.get("source")
    address = inner.get("url") if isinstance(inner, dict) else None
    return address if isinstance(address, str) else ""


def _is_repeated(content: str, parts: Sequence[Any]) -> bool:
    """Whether the parts show the content anyway: their texts, a line each, or one member of one of them."""
    known = [part for part in parts if isinstance(part, dict)]
    texts = [part["text"] for part in known if isinstance(part.get("text"), str) and part.get("type") in _PROSE_TYPES]
    single = (part.get(name) for part in known for name in ("text", "arguments", "output", "content"))
    return content in ("\n".join(texts), "\n\n".join(texts)) or any(value == content for value in single)


def pretty(value: Any) -> str:
    """Return a JSON value with line breaks."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def pretty_text(value: Any) -> str:
    """Return a JSON value with line breaks; a text as it is, or as the JSON it holds."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return pretty(value)
    if value[:1] not in ("{", "["):
        return value
    try:
        return pretty(read_json(value.encode()).value)
    except ValueError:
        return value


def compact(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def first_line(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join(text[: SUMMARY_LENGTH * 4].split())
    return line if len(line) <= SUMMARY_LENGTH and len(text) <= SUMMARY_LENGTH * 4 else f"{line[:SUMMARY_LENGTH]}…"


_Reader = Callable[[BlockBuilder, PartMembers], Block | None]

_PROSE_TYPES = frozenset({"text", "input_text", "output_text", "code"})
_READERS: dict[str, _Reader] = {
    "text": BlockBuilder._text,
    "input_text": BlockBuilder._text,
    "output_text": BlockBuilder._text,
    "reasoning": BlockBuilder._reasoning,
    "thinking": BlockBuilder._reasoning,
    "tool_call": BlockBuilder._tool_call,
    "tool_use": BlockBuilder._tool_call,
    "function_call": BlockBuilder._tool_call,
    "tool_result": BlockBuilder._tool_result,
    "function_call_output": BlockBuilder._tool_result,
    "code": BlockBuilder._code,
    "image": BlockBuilder._image,
    "image_url": BlockBuilder._image,
    "input_image": BlockBuilder._image,
    "file": BlockBuilder._file,
}
