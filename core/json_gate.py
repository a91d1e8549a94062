"""The gate every JSON text passes before anything looks at it.

JSON that one of the two databases could not hold, or that would be stored as something else than was sent, is
refused here with a JSON pointer (RFC 6901) to the place: NUL and lone surrogates (PostgreSQL's `jsonb` has neither),
numbers that are not finite, repeated keys (RFC 7493, section 2.3), nesting beyond `MAX_DEPTH`.

Reading costs one pass of the C parser; a second, slower pass runs only to name the place of an error.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

MAX_DEPTH = 128
MAX_DIGITS = 4300
"""Python's own limit for turning digits into an integer; it keeps a long number from blocking a worker."""

REPLACEMENT = "\ufffd"
_INVALID_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(rf"(?P<key>{_STRING})\s*:|{_STRING}|[\[\]{{}},]")
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_CONTAINERS = (list, dict)
_TOO_LARGE = 10**MAX_DIGITS


class RefusedJSON(ValueError):
    """The text is not JSON that can be stored. `pointer` names the place, "" the whole document."""

    def __init__(self, message: str, *, pointer: str = "", code: str = "invalid_json") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = _INVALID_CHARACTER.sub(REPLACEMENT, pointer)
        self.code = code


@dataclass(frozen=True, slots=True)
class GatedJSON:
    """A JSON value that both databases hold alike, and how many characters had to be replaced in it."""

    value: Any
    replaced: int = 0


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, repeated keys included."""


class _Oddity(ValueError):
    """Raised inside the parser where a value must be refused; the place is found afterwards."""


def read_json(raw: bytes, *, replace_invalid_text: bool = False) -> GatedJSON:
    """Parse UTF-8 JSON strictly; raises `RefusedJSON`.

    With `replace_invalid_text` NUL and lone surrogates become U+FFFD and are counted instead of refused.
    """
    text = _decode(raw)
    try:
        value = json.loads(text, object_pairs_hook=_unique_members, parse_float=_finite, parse_constant=_refuse)
    except RecursionError:
        raise _too_deep(_first_too_deep(text)) from None
    except json.JSONDecodeError as error:
        raise RefusedJSON(f"The body is not JSON: {error}.") from None
    except ValueError:
        raise _explain(text) from None
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return _check_text(value, replace=replace_invalid_text) if _SUSPICIOUS_ESCAPE.search(raw) else GatedJSON(value)


def check_value(value: Any) -> None:
    """Apply the gate to a value that did not come as JSON text (an import, a script); raises `RefusedJSON`."""
    _check_depth(value)
    for keys, item in _walk(value):
        if isinstance(item, float) and not math.isfinite(item):
            raise RefusedJSON("The number is not finite.", pointer=_pointer(keys), code="not_finite")
        if isinstance(item, int) and abs(item) >= _TOO_LARGE:
            raise _too_many_digits(keys)
    _check_text(value, replace=False)


def replace_invalid_text(value: Any) -> GatedJSON:
    """Return the value with U+FFFD for every NUL and lone surrogate, in keys too, and their number.

    Raises `RefusedJSON` where values are nested too deep, or where two keys would become the same.
    """
    _check_depth(value)
    counter = _Replacer()
    return GatedJSON(counter.clean(value), counter.count)


def _decode(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedJSON(f"The body is not UTF-8 at byte {error.start}.", code="not_utf8") from None
    if not text.strip():
        raise RefusedJSON("The body is empty; send a JSON document.")
    return text


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Oddity
    return members


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Oddity
    return number


def _refuse(_constant: str) -> Any:
    raise _Oddity


def _explain(text: str) -> RefusedJSON:
    """Parse once more, keeping what is odd, to say where it stands."""
    try:
        tree = json.loads(text, object_pairs_hook=_Pairs, parse_int=_integer_or_oddity)
    except RecursionError:
        return _too_deep(_first_too_deep(text))
    except json.JSONDecodeError as error:
        return RefusedJSON(f"The body is not JSON: {error}.")
    for keys, item in _walk(tree):
        if isinstance(item, _Oddity):
            return _too_many_digits(keys)
        if isinstance(item, float) and not math.isfinite(item):
            return RefusedJSON("The number is not finite.", pointer=_pointer(keys), code="not_finite")
        if isinstance(item, _Pairs) and (key := _first_repeated(item)) is not None:
            return RefusedJSON("The key is repeated.", pointer=_pointer([*keys, key]), code="repeated_key")
    raise AssertionError("the first pass refused what the second accepts")


def _integer_or_oddity(digits: str) -> int | _Oddity:
    return _Oddity() if len(digits.lstrip("-")) > MAX_DIGITS else 0


def _first_too_deep(text: str) -> list[str | int]:
    """Return the keys to the first value beyond `MAX_DEPTH`, in JSON too deep for the parser."""
    path: list[str | int] = []
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in "[{":
            if len(path) == MAX_DEPTH:
                break
            path.append(0 if sign == "[" else "")
        elif sign in "]}":
            path.pop()
        elif token["key"] is not None:
            path[-1] = json.loads(token["key"])
        elif sign == "," and isinstance(path[-1], int):
            path[-1] += 1
    return path


def _too_deep(keys: Sequence[Any]) -> RefusedJSON:
    message = f"Values are nested deeper than {MAX_DEPTH} levels."
    return RefusedJSON(message, pointer=_pointer(keys), code="too_deep")


def _too_many_digits(keys: Sequence[Any]) -> RefusedJSON:
    message = f"The number has more than {MAX_DIGITS} digits."
    return RefusedJSON(message, pointer=_pointer(keys), code="too_many_digits")


def _first_repeated(pairs: _Pairs) -> str | None:
    seen: set[str] = set()
    for key, _value in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _check_depth(value: Any) -> None:
    for depth, level in enumerate(_levels(value)):
        if depth >= MAX_DEPTH and any(isinstance(item, _CONTAINERS) for item in level):
            break
    else:
        return
    for keys, item in _walk(value):
        if isinstance(item, _CONTAINERS) and len(keys) >= MAX_DEPTH:
            raise _too_deep(keys)


def _check_text(value: Any, *, replace: bool) -> GatedJSON:
    if not any(_INVALID_CHARACTER.search("".join(_texts(level))) for level in _levels(value)):
        return GatedJSON(value)
    if replace:
        return replace_invalid_text(value)
    raise _invalid_text(value)


def _invalid_text(value: Any) -> RefusedJSON:
    for keys, item in _walk(value):
        for text in (item,) if isinstance(item, str) else item if isinstance(item, dict) else ():
            if match := _INVALID_CHARACTER.search(text):
                name = "NUL (U+0000)" if match[0] == "\x00" else f"a lone surrogate (U+{ord(match[0]):04X})"
                message = f"The text holds {name} at offset {match.start()}."
                return RefusedJSON(message, pointer=_pointer(keys), code="invalid_text")
    raise AssertionError("the text was found by levels and is not found by pointers")


class _Replacer:
    """Puts U+FFFD in the place of characters that cannot be stored, and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def clean(self, value: Any) -> Any:
        if isinstance(value, str):
            text, replaced = _INVALID_CHARACTER.subn(REPLACEMENT, value)
            self.count += replaced
            return text
        if isinstance(value, dict):
            return self._clean_members(value)
        return [self.clean(item) for item in value] if isinstance(value, list) else value

    def _clean_members(self, members: dict[str, Any]) -> dict[str, Any]:
        cleaned = {self.clean(key): self.clean(item) for key, item in members.items()}
        if len(cleaned) != len(members):
            raise RefusedJSON("Two keys are the same once invalid characters are replaced.", code="repeated_key")
        return cleaned


def _levels(value: Any) -> Iterator[list[Any]]:
    """Yield the values of each depth, outermost first; much faster than a walk that knows its place."""
    level = [value]
    while level:
        yield level
        opened = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, _CONTAINERS))
        level = list(chain.from_iterable(opened))


def _texts(level: list[Any]) -> Iterator[str]:
    """The texts and the keys among some values."""
    yield from (item for item in level if isinstance(item, str))
    yield from chain.from_iterable(item for item in level if isinstance(item, dict))


def _walk(value: Any) -> Iterator[tuple[list[Any], Any]]:
    """Yield every value, outer before inner, with the keys and indexes that lead to it; without recursion.

    The keys are one list that changes from value to value, so that a wide document under long keys costs nothing.
    """
    keys: list[Any] = []
    yield keys, value
    opened = [_members(value)]
    while opened:
        for key, item in opened[-1]:
            keys.append(key)
            yield keys, item
            if isinstance(item, _CONTAINERS):
                opened.append(_members(item))
                break
            keys.pop()
        else:
            opened.pop()
            del keys[-1:]


def _members(item: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(item, _Pairs):
        return iter(item)
    if isinstance(item, dict):
        return iter(item.items())
    return iter(enumerate(item)) if isinstance(item, list) else iter(())


def _pointer(keys: Sequence[Any]) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)
