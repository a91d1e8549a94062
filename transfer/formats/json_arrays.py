"""Find the items of a huge JSON array without building them.

A general streaming parser is not used here on purpose. The items are located by their brackets and each is then decoded
by the standard library, which keeps integers of any size and lone surrogates as they are written, and confines an
error inside one item to that item.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK_BYTES = 1 << 16
# Strings without an escape, and runs of escapes, are passed in one step. The run is bounded because the engine keeps a
# state for each repetition.
_STRUCTURE = re.compile(rb'"[^"\\]*"|["\[\]{},]')
_IN_STRING = re.compile(rb'"|(?:\\.[^"\\]*){1,64}|\\', re.DOTALL)
_CLOSER = {b"[": b"]", b"{": b"}"}


class BrokenArrayError(Exception):
    """The text is not an array of balanced items; `offset` is the byte where that showed."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


def item_spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Byte offsets (start, end) of each item of the array that begins at the file's position.

    Moves the file's position; whoever reads the items needs a handle of their own. Raises `BrokenArrayError`, after the
    items before it, where brackets do not match, where the text ends too early, and where something follows the array.
    """
    start = file.tell() + 1
    end, has_items = start, False
    for end, mark in _outer_marks(file):
        if mark == b"," or not _is_blank(file, start, end) or (has_items and mark == b"]"):
            yield start, end
        start, has_items = end + 1, True
    if not _is_blank(file, end + 1, None):
        raise BrokenArrayError("goes on after the end of its array", end + 1)


def _outer_marks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The commas between items and the closing bracket; an empty mark where the text ends between two items."""
    closers: list[bytes] = []
    for offset, mark in _marks(file):
        if mark in _CLOSER:
            closers.append(_CLOSER[mark])
        elif mark == b",":
            if len(closers) == 1:
                yield offset, mark
        elif closers.pop() != mark:
            raise BrokenArrayError(f"has a '{mark.decode()}' that closes nothing", offset)
        if not closers:
            yield offset, mark
            return
    size = file.tell()
    if len(closers) == 1:
        yield size, b""
    raise BrokenArrayError("breaks off", size)


def _marks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Offset and byte of each bracket and comma outside strings."""
    offset = file.tell()
    position = 0
    is_in_string = False
    while chunk := file.read(_CHUNK_BYTES):
        while match := (_IN_STRING if is_in_string else _STRUCTURE).search(chunk, position):
            mark, position = match.group(), match.end()
            if mark == b'"':
                is_in_string = not is_in_string
            elif mark == b"\\":
                position += 1
            elif not is_in_string and len(mark) == 1:
                yield offset + match.start(), mark
        # A backslash as the last byte escapes the first byte of the next chunk.
        position = max(position - len(chunk), 0)
        offset += len(chunk)


def _is_blank(file: BinaryIO, start: int, end: int | None) -> bool:
    """Whether only white space lies between two offsets; `end` None means the end of the file."""
    file.seek(start)
    while chunk := file.read(_CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - file.tell())):
        if chunk.strip():
            return False
    return True
