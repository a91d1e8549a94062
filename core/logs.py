"""Log records with the id of the request they belong to, and without the texts that a failure has in its hands."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseFailure

from core.renderers import format_datetime

request_id: ContextVar[str] = ContextVar("request_id", default="-")
client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Where the current request came from; empty outside of requests."""

MEMBERS = "members"
"""The attribute of a record, a `dict`, whose entries become members of the JSON line."""

SPEAKING = (OSError, ImportError, AttributeError, NameError, TypeError)
"""Python's own exceptions whose texts speak of the machine and of the code; those of others may quote what was sent."""

TELLING_STARTS = ("no such table", "database is locked", "disk I/O error", "database or disk is full")
"""How SQLite's messages begin that quote nothing but the schema."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class RequestIdFilter(logging.Filter):
    """Puts the id of the request on a record, also where Django speaks of a request that has left the middleware."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(getattr(record, "request", None), "request_id", request_id.get())
        return True


class QueryStringFilter(logging.Filter):
    """Takes the query string, which may hold the words of a search, out of the lines of the development server."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(each) if isinstance(each, str) else each for each in record.args)
        return True


def _without_query(request_line: str) -> str:
    address, mark, rest = request_line.partition("?")
    return f"{address}?… {rest.rpartition(' ')[2]}" if mark else request_line


def described(error: BaseException) -> str:
    """Return an exception's class, and its text where that cannot quote content; a database's by what is at fault."""
    kind = type(error)
    name = _name_of(error)
    if kind is ImproperlyConfigured or (isinstance(error, SPEAKING) and kind.__module__ == "builtins"):
        return f"{name}: {error}"
    told = _of_database(error)
    return f"{name}: {told}" if told else f"{name} (its text may quote content and is not logged)"


def _name_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _of_database(error: BaseException) -> str:
    """What a driver says apart from values: SQLSTATE, table, column and constraint, or SQLite's name of the error."""
    cause = error.__cause__ if isinstance(error, DatabaseFailure) and error.__cause__ else error
    diagnosis = getattr(cause, "diag", None)
    if diagnosis is not None:
        named = ("sqlstate", "table_name", "column_name", "constraint_name")
        return ", ".join(f"{name} {value}" for name in named if (value := getattr(diagnosis, name, None)))
    sqlite_name = getattr(cause, "sqlite_errorname", "")
    text = str(cause)
    if sqlite_name.startswith("SQLITE_CONSTRAINT") or (sqlite_name and text.startswith(TELLING_STARTS)):
        return f"{sqlite_name}, {text}"
    return str(sqlite_name)


class TextFormatter(logging.Formatter):
    """Lines for people."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  the name is logging's
        return trace_of(ei[1]) if ei[1] is not None else ""


def trace_of(error: BaseException) -> str:
    """Return the traceback of an exception and of those it came from, with texts that quote no content.

    In development, where the error page shows them too, the texts are whole.
    """
    return "\n".join(_parts(error, seen=set()))


def _parts(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _parts(before, seen)
        yield "\nwhich led to:\n"
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield f"{_name_of(error)}: {error}" if settings.DEBUG else described(error)


class JSONFormatter(TextFormatter):
    """One JSON object a line; line breaks inside a message are escaped, so that a message cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "time": format_datetime(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
            **getattr(record, MEMBERS, {}),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, ensure_ascii=False)
