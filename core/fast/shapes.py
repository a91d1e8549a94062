"""Rows as JSON text, made column by column: what a serializer shows, without an object for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Cast
from rest_framework import serializers

from core.fast.statements import Rows

Column = Sequence[Any]
Convert = Callable[[Column], Iterable[str]]

NULL = "null"
LENGTH_OF_HEX = 32
LENGTH_WITHOUT = len("2026-01-02 03:04:05.678901")
LENGTH_WITH_OFFSET = LENGTH_WITHOUT + len("+00")


def uuids(column: Column) -> list[str]:
    """UUIDs as text, with hyphens (PostgreSQL) or without (SQLite)."""
    if len(column) > 1 and column[0] == column[-1] and len(set(column)) == 1:
        return uuids(column[:1]) * len(column)
    return [
        NULL
        if text is None
        else f'"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"'
        if len(text) == LENGTH_OF_HEX
        else f'"{text}"'
        for text in column
    ]


def texts(column: Column) -> list[str]:
    return [NULL if text is None else encode_basestring(text) for text in column]


def numbers(column: Column) -> list[str]:
    return [NULL if number is None else str(number) for number in column]


def documents(column: Column) -> list[str]:
    """Stored JSON, which is JSON as it stands; SQL's null and JSON's are shown alike."""
    return [NULL if text is None else text for text in column]


def moments(column: Column) -> list[str]:
    """Times in UTC as the databases write them: with as many digits of a second as there are, PostgreSQL's with +00."""
    return [
        NULL
        if text is None
        else f'"{text[:10]}T{text[11:26]}Z"'
        if len(text) == LENGTH_WITH_OFFSET or (len(text) == LENGTH_WITHOUT and text[-3] != "+")
        else f'"{text[:10]}T{_padded(text[11:].removesuffix("+00"))}Z"'
        for text in column
    ]


def _padded(clock: str) -> str:
    seconds, _, fraction = clock.partition(".")
    return f"{seconds}.{fraction:0<6}"


_CONVERTERS: tuple[tuple[type[models.Field[Any, Any]], Convert], ...] = (
    (models.UUIDField, uuids),
    (models.ForeignKey, uuids),
    (models.JSONField, documents),
    (models.DateTimeField, moments),
    (models.IntegerField, numbers),
    (models.CharField, texts),
    (models.TextField, texts),
)


class RowShape:
    """The members of a serializer whose values are columns of one model, in the serializer's order.

    `computed` names members that are not: they are made by the caller, from rows that hold `extra` columns behind
    those of the members.
    """

    def __init__(
        self,
        serializer: type[serializers.ModelSerializer[Any]],
        *,
        computed: Sequence[str] = (),
        extra: Sequence[str] = (),
    ) -> None:
        self.model: type[models.Model] = serializer.Meta.model
        shown = {name: field for name, field in serializer().fields.items() if not field.write_only}
        self.members = tuple(shown)
        self.columns = tuple(str(field.source) for name, field in shown.items() if name not in computed)
        self.computed = tuple(computed)
        self.selected = tuple(dict.fromkeys((*self.columns, *extra)))
        self._fields = {name: _field_of(self.model, name) for name in self.selected}
        self._converters = [_converter_of(self._fields[name]) for name in self.columns]
        members = (f'"{name}":%s' for name in self.members)
        self._template = "{" + ",".join(members) + "}"
        self._order = self._order_of_members(shown)

    def select(self, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Have the queryset give the shape's columns, UUIDs, times and JSON as text."""
        return queryset.values_list(*(_as_text(self._fields[name], name) for name in self.selected))

    def encode(self, rows: Rows, computed: Sequence[Iterable[str]] = ()) -> list[str]:
        """Return the JSON text of each row; `computed` holds the JSON texts of each computed member, row by row."""
        if not rows:
            return []
        columns = list(zip(*rows, strict=True))[: len(self._converters)]
        converted = [convert(column) for convert, column in zip(self._converters, columns, strict=True)]
        converted += computed
        template = self._template
        return [template % members for members in zip(*(converted[place] for place in self._order), strict=True)]

    def place(self, column: str) -> int:
        """Where in a row the column stands."""
        return self.selected.index(column)

    def plain(self, row: Sequence[Any], place: int) -> str | int:
        """Return a value of a row as a cursor holds it: a number, or a time or UUID in the API's form."""
        value = row[place]
        if isinstance(value, int):
            return value
        [text] = self._converters[place]([value])
        return text.strip('"')

    def _order_of_members(self, shown: dict[str, Any]) -> list[int]:
        plain = [name for name in shown if name not in self.computed]
        return [
            len(plain) + self.computed.index(name) if name in self.computed else plain.index(name)
            for name in self.members
        ]


def _field_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _converter_of(field: models.Field[Any, Any]) -> Convert:
    for kind, convert in _CONVERTERS:
        if isinstance(field, kind):
            return convert
    raise TypeError(f"{type(field).__name__} has no fast form")


def _as_text(field: models.Field[Any, Any], name: str) -> Any:
    """The column as text where the driver would make an object of it."""
    if isinstance(field, models.UUIDField | models.ForeignKey | models.JSONField | models.DateTimeField):
        return AsText(F(name), models.TextField())
    return F(name)


class AsText(Cast):
    """A column as text. Of these SQLite's module makes an object of times alone; the others are text there anyway."""

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        [source] = self.get_source_expressions()
        if isinstance(source.output_field, models.DateTimeField):
            return super().as_sqlite(compiler, connection, **context)
        return compiler.compile(source)
