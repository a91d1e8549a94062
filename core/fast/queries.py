"""QuerySets that are compiled once and run many times."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from core.fast.statements import Rows, Statement, connection_of

MAX_FORMS = 2000
"""Compiled forms of one query that are kept: a page of another length is another form."""

_IDS = tuple(UUID(f"7ac3f1d0-5e1b-4c59-8a8d-{number:012x}") for number in range(8))
_MOMENTS = tuple(datetime(9876, 5, 4, 3, 2, 1, 100 + number, UTC) for number in range(8))
_NUMBERS = tuple(2_113_579_000 + number for number in range(8))


class Places:
    """Hands out values that stand for those of a later run, at most eight of each type."""

    def __init__(self) -> None:
        self.used: list[Any] = []

    def of(self, kind: type) -> Any:
        """Return a value of the type (`UUID`, `datetime` or `int`) that holds the next parameter's place."""
        stock: Sequence[Any] = {UUID: _IDS, datetime: _MOMENTS, int: _NUMBERS}[kind]
        value = stock[sum(isinstance(each, kind) for each in self.used)]
        self.used.append(value)
        return value


Build = Callable[[Hashable, Places], QuerySet[Any]]


class CompiledQuery:
    """A family of queries that differ in their form, and a form in nothing but the values of its parameters.

    `build(form, places)` makes the QuerySet of a form, with a value of `places` wherever a run has one of its own;
    a run gives its values in the order in which the places were handed out. A place may be used more than once.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._of_form = lru_cache(maxsize=MAX_FORMS)(self._compile)

    def rows(self, form: Hashable, values: Sequence[Any], *, using: str = DEFAULT_DB_ALIAS) -> Rows:
        """Run a form and return its rows as the driver gives them."""
        statement, plan = self._of_form(form, using)
        adapted = [_adapted(value, using) for value in values]
        return statement.rows([adapted[place] if is_place else place for is_place, place in plan], using=using)

    def _compile(self, form: Hashable, using: str) -> tuple[Statement, tuple[tuple[bool, Any], ...]]:
        places = Places()
        queryset = self._build(form, places).using(using)
        sql, parameters = queryset.query.get_compiler(using).as_sql()
        standing = {_adapted(value, using): index for index, value in enumerate(places.used)}
        plan = tuple((True, standing[each]) if each in standing else (False, each) for each in parameters)
        return Statement(sql), plan


def _adapted(value: Any, using: str) -> Any:
    """A value in the form in which the ORM hands it to the driver."""
    if connection_of(using).vendor == "postgresql":
        return value
    if isinstance(value, UUID):
        return value.hex
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value
