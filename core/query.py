"""Query parameters, read strictly: what is not known, repeated or malformed is an error and never ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from rest_framework.request import Request

from core.errors import DomainError

_INTEGER = re.compile(r"[0-9]{1,9}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)")


class InvalidParameter(DomainError):
    """A query parameter is not known or has a value that cannot be used."""

    code = "invalid_parameter"
    title = "A query parameter cannot be used."

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}", errors={name: [message]})


def parse_datetime(text: str) -> datetime:
    """Return an aware UTC datetime for ISO 8601 with an offset; raises ValueError with a reason otherwise."""
    if not _DATETIME.fullmatch(text):
        raise ValueError("Write a date and time with an offset, for instance 2026-01-02T03:04:05Z.")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such date and time in UTC.") from None


def parse_uuid(text: str) -> UUID:
    """Return the UUID written in its usual form; raises ValueError for what `uuid.UUID` would accept besides."""
    if not _UUID.fullmatch(text):
        raise ValueError("Write a UUID in its usual form, 8-4-4-4-12.")
    return UUID(text)


class QueryParameters:
    """The parameters of one request."""

    def __init__(self, request: Request) -> None:
        self._values = request._request.GET

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise `InvalidParameter` for the first name that is not known or stands twice."""
        names = set(known)
        for name, values in self._values.lists():
            if name not in names:
                raise InvalidParameter(name, "This parameter is not known here.")
            if len(values) > 1:
                raise InvalidParameter(name, "Give this parameter once.")

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is not None and ("\x00" in value or "\ufffd" in value):
            raise InvalidParameter(name, "The value holds a character that no stored text has.")
        return value

    def integer(self, name: str, *, default: int, minimum: int, maximum: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not _INTEGER.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise InvalidParameter(name, f"Give a whole number from {minimum} to {maximum}.")
        return int(value)

    def boolean(self, name: str) -> bool | None:
        value = self.choice(name, ("true", "false"))
        return None if value is None else value == "true"

    def choice(self, name: str, choices: Sequence[str], *, default: str | None = None) -> str | None:
        value = self.text(name)
        if value is None:
            return default
        if value not in choices:
            raise InvalidParameter(name, f"Give one of: {', '.join(choices)}.")
        return value

    def datetime(self, name: str) -> datetime | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            # A "+" that was not percent-encoded arrives as a blank.
            return parse_datetime(re.sub(r" (\d\d:\d\d)$", r"+\1", value))
        except ValueError as error:
            raise InvalidParameter(name, str(error)) from None

    def uuid(self, name: str) -> UUID | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            return parse_uuid(value)
        except ValueError:
            raise InvalidParameter(name, "Give a UUID.") from None
