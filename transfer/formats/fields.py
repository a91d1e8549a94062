"""Typed access to JSON objects of uncertain shape.

Everything a format reads goes through `Fields`: a member of the wrong type becomes a `RecordError` that names it, and
members nobody took remain in `rest()`, so that nothing of the source is lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from transfer.formats.times import parse_time

_TYPE_NAMES: dict[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class RecordError(Exception):
    """One record cannot become a thread; the message says why, in words the owner of the file can act on."""


def type_name(value: Any) -> str:
    """The JSON name of a value's type with its article, for instance `an array`."""
    return _TYPE_NAMES.get(type(value), type(value).__name__)


class Fields:
    """A JSON object read member by member.

    Except for the `peek_…` methods, reading a member takes it out; null and missing both read as None. `where` opens
    every error message, for instance `message 3`. Raises `RecordError` when `value` is not an object, as its methods do
    for a member of the wrong type.
    """

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise RecordError(f"{where}: must be an object, not {type_name(value)}")
        self._members: dict[str, Any] = dict(value)
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def wrong(self, key: str, value: Any, expected: str) -> RecordError:
        """The error for a member that is not of the `expected` type."""
        return RecordError(f'{self.where}: "{key}" must be {expected}, not {type_name(value)}')

    def take(self, key: str) -> Any:
        """The member as it came, of any type."""
        return self._members.pop(key, None)

    def peek_text(self, key: str) -> str | None:
        """A string that stays in `rest()`."""
        value = self._members.get(key)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, value, "a string")
        return value

    def peek_flag(self, key: str) -> bool:
        """Whether a member that stays in `rest()` is true."""
        return self._members.get(key) is True

    def peek_object(self, key: str) -> Fields:
        """An object that stays in `rest()`; null and missing read as an empty object."""
        value = self._members.get(key)
        return Fields({} if value is None else value, f'{self.where}: "{key}"')

    def text(self, key: str) -> str | None:
        value = self.peek_text(key)
        self._members.pop(key, None)
        return value

    def identifier(self, key: str) -> str | None:
        """A string or an integer as a string; the empty string means that there is none."""
        value = self.take(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None and not isinstance(value, str):
            raise self.wrong(key, value, "a string")
        return value or None

    def time(self, key: str) -> datetime | None:
        """Aware UTC, see `parse_time`. A text or number that is no time stays in `rest()`; it costs no conversation."""
        value = self._members.get(key)
        try:
            moment = parse_time(value)
        except ValueError:
            return None
        except TypeError as error:
            raise self.wrong(key, value, "a number, an ISO 8601 string or null") from error
        self._members.pop(key, None)
        return moment

    def array(self, key: str) -> list[Any]:
        """An array; null and missing read as an empty one."""
        value = self.take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(key, value, "an array")
        return value

    def texts(self, key: str) -> list[str]:
        """An array of strings."""
        values = self.array(key)
        for value in values:
            if not isinstance(value, str):
                raise RecordError(f'{self.where}: "{key}" must hold strings only, not {type_name(value)}')
        return values

    def object(self, key: str) -> Fields:
        """An object that must be there."""
        if self._members.get(key) is None:
            raise RecordError(f'{self.where}: "{key}" is missing')
        return Fields(self.take(key), f'{self.where}: "{key}"')

    def drop_if(self, key: str, value: Any) -> None:
        """Take the member out when it says only what `value` already tells."""
        if key in self._members and self._members[key] == value:
            del self._members[key]

    def items(self) -> list[tuple[str, Any]]:
        """The members not taken so far, in the source's order."""
        return list(self._members.items())

    def rest(self) -> dict[str, Any]:
        """What was not taken, verbatim."""
        return dict(self._members)
