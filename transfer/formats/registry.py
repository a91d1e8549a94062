"""The formats conversations can be imported from, and the way from a file to records."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from transfer.formats import chatgpt, claude, oasst, openai_chat, openwebui, sharegpt
from transfer.formats.conversation import Conversation, thread_record
from transfer.formats.fields import RecordError, type_name
from transfer.formats.streams import MalformedValue, iter_values
from transfer.records import RefusedRecord, ThreadRecord, UnreadableFile

# Enough to get past a few broken records at the beginning of a good file.
_RECORDS_JUDGED = 20
_LABEL_LIMIT = 80
_REASON_LIMIT = 300
_NAMING_MEMBERS = ("title", "name", "id", "uuid", "conversation_id", "message_tree_id")


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: its name on the command line and its two functions over one record, a JSON object."""

    name: str
    description: str
    matches: Callable[[dict[str, Any]], bool]
    """Whether a record looks like this format; formats are asked in the order of the table."""
    convert: Callable[[dict[str, Any]], Conversation]
    """Raises `RecordError` when the record cannot be imported."""


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("chatgpt", "ChatGPT data export (conversations.json)", chatgpt.matches, chatgpt.convert),
        Format("claude", "Claude data export (conversations.json)", claude.matches, claude.convert),
        Format("openwebui", "Open WebUI chat export", openwebui.matches, openwebui.convert),
        Format("oasst", "OpenAssistant message trees", oasst.matches, oasst.convert),
        Format("sharegpt", "ShareGPT conversations", sharegpt.matches, sharegpt.convert),
        Format("openai_chat", "OpenAI chat messages", openai_chat.matches, openai_chat.convert),
    )
}


def detect_format(path: Path) -> Format:
    """The format of a file, judged by the structure of its first records and not by its name.

    Raises `UnreadableFile` when the file cannot be read that far or fits no known format, and OSError when it cannot be
    opened.
    """
    for value in islice(iter_values(path), _RECORDS_JUDGED):
        if not isinstance(value, dict):
            continue
        for entry in FORMATS.values():
            if entry.matches(value):
                return entry
    known = ", ".join(f"{entry.name} ({entry.description})" for entry in FORMATS.values())
    raise UnreadableFile(f"{path.name} fits none of the known formats: {known}")


def read_records(path: Path, source_format: Format) -> Iterator[ThreadRecord | RefusedRecord]:
    """The records of a file in its order, one held at a time.

    A record that cannot be imported comes as a `RefusedRecord` and the ones after it follow. Raises `UnreadableFile`,
    after the records before it, where the file itself breaks off, and OSError when it cannot be opened.
    """
    twins: Counter[bytes] = Counter()
    for number, value in enumerate(iter_values(path), start=1):
        label = _label(number, value)
        try:
            yield _record(value, source_format, label, twins)
        except RecordError as error:
            yield RefusedRecord(label=label, reason=_printable(str(error), _REASON_LIMIT))
        except RecursionError:
            yield RefusedRecord(label=label, reason="the record is nested too deeply")


def _record(value: Any, source_format: Format, label: str, twins: Counter[bytes]) -> ThreadRecord:
    if isinstance(value, MalformedValue):
        raise RecordError(value.reason)
    if not isinstance(value, dict):
        raise RecordError(f"the record must be an object, not {type_name(value)}")
    conversation = source_format.convert(value)
    source_id = conversation.source_id or _fingerprint(value, twins)
    return thread_record(conversation, external_id=f"{source_format.name}:{source_id}", label=label)


def _fingerprint(value: dict[str, Any], twins: Counter[bytes]) -> str:
    """An id for a record that has none: the digest of its canonical JSON, numbered when it occurs again."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode())
    twins[digest.digest()] += 1
    occurrence = twins[digest.digest()]
    return f"sha256:{digest.hexdigest()}" + (f"#{occurrence}" if occurrence > 1 else "")


def _label(number: int, value: Any) -> str:
    members = [value.get(key) for key in _NAMING_MEMBERS] if isinstance(value, dict) else []
    name = next((member for member in members if isinstance(member, str) and member), None)
    return f"{number}" if name is None else f"{number}: {_printable(name, _LABEL_LIMIT)}"


def _printable(text: str, limit: int) -> str:
    """One line that any terminal can show, of at most `limit` characters."""
    shown = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:limit])
    return shown if len(text) <= limit else shown[:-1] + "…"
