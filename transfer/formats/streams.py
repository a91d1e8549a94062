"""Records of a JSON file in bounded memory: an array, one object, or one object a line (JSONL)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from transfer.formats.json_arrays import BrokenArrayError, item_spans
from transfer.records import UnreadableFile

_BOM = b"\xef\xbb\xbf"
_WHITE_SPACE = b" \t\r\n"
_FOREIGN_BEGINNINGS = {
    b"PK\x03\x04": "is a zip archive; unpack it and import the JSON file inside",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
}


@dataclass(frozen=True, slots=True)
class MalformedValue:
    """Stands in the stream for a record that is not JSON."""

    reason: str


def iter_values(path: Path) -> Iterator[Any]:
    """The records of a file in order: decoded JSON of any type, or a `MalformedValue`.

    No more than one record is held at a time. Raises `UnreadableFile`, after the records before it, where the file is
    empty, breaks off or is no JSON at all, and OSError where it cannot be opened.
    """
    with path.open("rb") as file:
        start = _first_record(file, path.name)
        if file.read(1) == b"[":
            yield from _array_values(path, start)
        elif _is_lines(file, start):
            yield from _line_values(file, start)
        else:
            yield _single_value(file, start, path.name)


def _first_record(file: BinaryIO, name: str) -> int:
    """Offset of the first byte that is neither byte order mark nor white space; the file is left there."""
    beginning = file.read(4)
    for magic, advice in _FOREIGN_BEGINNINGS.items():
        if beginning.startswith(magic):
            raise UnreadableFile(f"{name} {advice}")
    file.seek(len(_BOM) if beginning.startswith(_BOM) else 0)
    while byte := file.read(1):
        if byte not in _WHITE_SPACE:
            return file.seek(file.tell() - 1)
    raise UnreadableFile(f"{name} is empty")


def _array_values(path: Path, start: int) -> Iterator[Any]:
    number = 0
    with path.open("rb") as scanned, path.open("rb") as items:
        scanned.seek(start)
        try:
            for begin, end in item_spans(scanned):
                number += 1
                items.seek(begin)
                yield _decode(items.read(end - begin), f"the record that starts at byte {begin}")
        except BrokenArrayError as error:
            place = f"at byte {error.offset}, after record {number}"
            raise UnreadableFile(f"{path.name} {error} {place}") from error
    if number == 0:
        raise UnreadableFile(f"{path.name} is an empty array: it holds no records")


def _is_lines(file: BinaryIO, start: int) -> bool:
    """Whether each line is a record of its own, judged by the first two so that one of them may be broken."""
    file.seek(start)
    lines = (line for line in file if line.strip())
    return any(isinstance(_decode(line, ""), dict) for line in islice(lines, 2))


def _line_values(file: BinaryIO, start: int) -> Iterator[Any]:
    file.seek(0)
    skipped = file.read(start).count(b"\n")
    for number, line in enumerate(file, start=skipped + 1):
        if line.strip():
            yield _decode(line, f"line {number}")


def _single_value(file: BinaryIO, start: int, name: str) -> Any:
    file.seek(start)
    value = _decode(file.read(), "the file")
    if isinstance(value, MalformedValue):
        raise UnreadableFile(f"{name}: {value.reason}")
    return value


def _decode(text: bytes, place: str) -> Any:
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        return MalformedValue(f"{place} is nested too deeply")
    except UnicodeDecodeError as error:
        return MalformedValue(f"{place} is not UTF-8 text (byte {error.start})")
    except json.JSONDecodeError as error:
        return MalformedValue(f"{place} is not valid JSON: {error.msg} (character {error.pos})")
    except ValueError as error:
        return MalformedValue(f"{place} is not valid JSON: {error}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
