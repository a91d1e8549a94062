"""What is left of an exception in the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.db import IntegrityError, OperationalError, connection, transaction
from pytest_django import Settings

from conversations.models import Message, Thread
from core.logs import MEMBERS, JSONFormatter, QueryStringFilter, TextFormatter, described, trace_of

CANARY = "canary-Zq7"
WITHHELD = "(its text may quote content and is not logged)"


class Quoting(OSError):
    """An exception of somebody else that is one of Python's."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(CANARY), f"ValueError {WITHHELD}"),
        (KeyError(CANARY), f"KeyError {WITHHELD}"),
        (RuntimeError(CANARY), f"RuntimeError {WITHHELD}"),
        (Quoting(CANARY), f"tests.telemetry.test_log_lines.Quoting {WITHHELD}"),
        (SuspiciousOperation(CANARY), f"django.core.exceptions.SuspiciousOperation {WITHHELD}"),
        (FileNotFoundError(2, "No such file", "/x"), "FileNotFoundError: [Errno 2] No such file: '/x'"),
        (TypeError("a is not b"), "TypeError: a is not b"),
        (ImproperlyConfigured("Set X."), "django.core.exceptions.ImproperlyConfigured: Set X."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_texts_that_may_quote_are_withheld(error: Exception, told: str) -> None:
    assert described(error) == told


def failure_of(act: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as raised, transaction.atomic():
        act()
    return raised.value


def run(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def test_a_database_names_what_is_at_fault_and_no_value(thread: Thread) -> None:
    row = {"organization_id": thread.organization_id, "thread_id": thread.pk, "role": "user", "content": CANARY}
    Message.objects.create(**row, position=1, external_id=CANARY)
    twin = failure_of(lambda: Message.objects.create(**row, position=2, external_id=CANARY))
    null = failure_of(lambda: run(f"INSERT INTO conversations_message (content) VALUES ('{CANARY}')"))
    unknown = failure_of(lambda: run("SELECT * FROM no_such_table WHERE x = %s", CANARY))

    assert CANARY in str(twin) + str(null) or connection.vendor == "sqlite"
    for error in (twin, null, unknown):
        assert CANARY not in described(error) + trace_of(error).replace(f"'{CANARY}'", "")
    assert isinstance(twin, IntegrityError)
    named = "sqlstate 23505" if connection.vendor == "postgresql" else "SQLITE_CONSTRAINT_UNIQUE"
    assert described(twin).startswith(f"django.db.utils.IntegrityError: {named}, ")
    missing = "sqlstate 42P01" if connection.vendor == "postgresql" else "SQLITE_ERROR, no such table: no_such_table"
    assert described(unknown) == f"django.db.utils.{type(unknown).__name__}: {missing}"


def test_an_error_of_the_database_without_a_cause_is_withheld() -> None:
    assert described(OperationalError(CANARY)) == f"django.db.utils.OperationalError {WITHHELD}"


def chained() -> Exception:
    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError as error:
        return error


def test_a_trace_has_the_whole_chain() -> None:
    text = trace_of(chained())

    assert [line for line in text.splitlines() if not line.startswith("  ")] == [
        "Traceback (most recent call last):",
        f"KeyError {WITHHELD}",
        "",
        "which led to:",
        "",
        "Traceback (most recent call last):",
        f"ValueError {WITHHELD}",
    ]
    assert text.count(", in chained") == 2


def test_development_shows_the_texts(settings: Settings) -> None:
    settings.DEBUG = True

    assert trace_of(chained()).count(CANARY) == 2


@pytest.mark.parametrize("formatter", [JSONFormatter(), TextFormatter("%(message)s")])
def test_both_formats_withhold(formatter: logging.Formatter) -> None:
    error = chained()
    record = logging.LogRecord("x", logging.ERROR, "", 1, "It failed.", (), (type(error), error, error.__traceback__))

    text = formatter.format(record)

    assert (CANARY in text, "It failed." in text, "ValueError" in text) == (False, True, True)


def test_members_are_members() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "Done, %s ms", (3,), None)
    record.__dict__[MEMBERS] = {"duration_ms": 3, "actor": {"kind": "key"}}

    line = json.loads(JSONFormatter().format(record))

    assert {name: line[name] for name in ("message", "duration_ms", "actor")} == {
        "message": "Done, 3 ms",
        "duration_ms": 3,
        "actor": {"kind": "key"},
    }


def test_the_development_server_logs_no_query_string() -> None:
    arguments = ("GET /admin/?q=canary HTTP/1.1", "200", "17")
    record = logging.LogRecord("django.server", logging.INFO, "", 1, '"%s" %s %s', arguments, None)

    QueryStringFilter().filter(record)

    assert record.getMessage() == '"GET /admin/?… HTTP/1.1" 200 17'
