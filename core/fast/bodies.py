"""Bodies that are plainly right, taken as their serializer would take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.db import models
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from core.query import parse_datetime, parse_uuid
from core.serializers import (
    StoredJSONField,
    StrictCharField,
    StrictChoiceField,
    StrictUUIDField,
    UTCDateTimeField,
    VisibleCharField,
)


class NotPlain(Exception):
    """The value needs the serializer: it is wrong, or right in a way that is not foreseen here."""


Take = Callable[[Any], Any]

_FORESEEN_VALIDATORS = (MaxLengthValidator, ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)
"""What takers judge themselves, and what the JSON gate does; a field with any other stays with its serializer."""


class PlainBody:
    """What a serializer makes of a JSON object, for objects in which every member is plainly right.

    The JSON gate comes first: what it refuses is not looked for again. A field of another module may have a static
    `plain_taker(field)`, which returns a function that takes a value or raises `NotPlain`.
    """

    def __init__(self, serializer: type[serializers.Serializer[Any]]) -> None:
        made = serializer()
        if serializer.validate is not serializers.Serializer.validate or made.validators:
            raise TypeError(f"{serializer.__name__} looks at more than one field at a time")
        writable = {name: field for name, field in made.fields.items() if not field.read_only}
        if own := [name for name in writable if hasattr(serializer, f"validate_{name}")]:
            raise TypeError(f"{serializer.__name__} has a judgement of its own about {own}")
        self._takers = {name: (str(field.source), _taker(field)) for name, field in writable.items()}
        self._required = tuple(name for name, field in writable.items() if field.required)
        self._defaults = tuple(
            (name, str(field.source), field.default)
            for name, field in writable.items()
            if field.default is not empty and not field.required
        )

    def take(self, data: Any) -> dict[str, Any] | None:
        """Return the validated values, None when the serializer has to look."""
        if type(data) is not dict:
            return None
        takers = self._takers
        try:
            values = {}
            for name, value in data.items():
                source, take = takers[name]
                values[source] = take(value)
        except (KeyError, NotPlain):
            return None
        if any(name not in data for name in self._required):
            return None
        for name, source, default in self._defaults:
            if name not in data:
                values[source] = default() if callable(default) else default
        return values


def _taker(field: Any) -> Take:
    make = _TAKERS.get(type(field), getattr(field, "plain_taker", _refuse))
    is_foreseen = all(isinstance(each, _FORESEEN_VALIDATORS) for each in field.validators)
    take = make(field) if is_foreseen else _refuse(field)
    return _or_null(take) if field.allow_null and not isinstance(field, StoredJSONField) else take


def _or_null(take: Take) -> Take:
    return lambda value: None if value is None else take(value)


def _refuse(_field: Any) -> Take:
    def take(_value: Any) -> Any:
        raise NotPlain

    return take


def _text(field: Any) -> Take:
    """Text of a bounded length."""
    longest = field.max_length if field.max_length is not None else float("inf")
    shortest = 0 if field.allow_blank else 1
    must_show = isinstance(field, VisibleCharField)

    def take(value: Any) -> Any:
        if type(value) is not str or not shortest <= len(value) <= longest or (must_show and not value.strip()):
            raise NotPlain
        return value

    return take


def _choice(field: Any) -> Take:
    choices = frozenset(field.choices)

    def take(value: Any) -> Any:
        if type(value) is not str or value not in choices:
            raise NotPlain
        return value

    return take


def _document(field: Any) -> Take:
    """Any JSON; a null where any kind may stand is JSON's own, which is told apart from a missing member."""
    kind = field.kind or object
    null = models.Value(None, models.JSONField()) if field.kind is None else None

    def take(value: Any) -> Any:
        if value is None and field.allow_null:
            return null
        if value is None or not isinstance(value, kind):
            raise NotPlain
        return value

    return take


def _uuid(_field: Any) -> Take:
    def take(value: Any) -> UUID:
        try:
            return parse_uuid(value)
        except (TypeError, ValueError):
            raise NotPlain from None

    return take


def _moment(_field: Any) -> Take:
    def take(value: Any) -> Any:
        try:
            return parse_datetime(value)
        except (TypeError, ValueError):
            raise NotPlain from None

    return take


_TAKERS: dict[type, Callable[[Any], Take]] = {
    StrictCharField: _text,
    VisibleCharField: _text,
    StrictChoiceField: _choice,
    StoredJSONField: _document,
    StrictUUIDField: _uuid,
    UTCDateTimeField: _moment,
}
