"""Serializers that take values as they are: nothing is trimmed, coerced or quietly left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.core.validators import validate_slug
from django.db import models
from rest_framework import serializers

from core.query import parse_datetime, parse_uuid
from core.renderers import format_datetime


class StrictCharField(serializers.CharField):
    """A string, code point for code point; numbers are not taken for text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, **options})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if not isinstance(data, str) and data is not serializers.empty and data is not None:
            self.fail("invalid")
        return super().run_validation(data)


class VisibleCharField(StrictCharField):
    """A string that shows something: white space alone is refused as blank."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and not data.strip():
            self.fail("blank")
        return super().run_validation(data)


class StrictChoiceField(serializers.ChoiceField):
    """One of the choices, written exactly so."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A JSON integer; neither text nor a boolean nor 1.0."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class StrictBooleanField(serializers.BooleanField):
    """`true` or `false`; neither 1 nor "yes"."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictUUIDField(serializers.UUIDField):
    """A UUID as text in its usual form."""

    def to_internal_value(self, data: Any) -> UUID:
        try:
            return parse_uuid(data)
        except (TypeError, ValueError):
            self.fail("invalid", value=data)


class StrictSlugField(StrictCharField):
    """Letters, digits, hyphens and underscores."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators.append(validate_slug)


class UTCDateTimeField(serializers.DateTimeField):
    """ISO 8601 with an offset in, UTC with microseconds and `Z` out."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            raise serializers.ValidationError("Give a text in ISO 8601.")
        try:
            return parse_datetime(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value: Any) -> Any:
        return format_datetime(value) if isinstance(value, datetime) else None


class StoredJSONField(serializers.JSONField):
    """Any JSON value, or only objects with `kind=dict`. An explicit null is kept apart from a missing member."""

    def __init__(self, *, kind: type | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.kind = kind

    def to_internal_value(self, data: Any) -> Any:
        if self.kind is dict and not isinstance(data, dict):
            raise serializers.ValidationError("Give a JSON object.")
        return data

    def run_validation(self, data: Any = serializers.empty) -> Any:
        value = super().run_validation(data)
        return models.Value(None, models.JSONField()) if data is None and self.kind is None else value

    def to_representation(self, value: Any) -> Any:
        return None if isinstance(value, models.Value) else value


class BoundedListField(serializers.ListField):
    """A list whose length is judged before its items: a long list of wrong items is one error."""

    def run_child_validation(self, data: Any) -> Any:
        if self.max_length is not None and len(data) > self.max_length:
            message = self.error_messages["max_length"].format(max_length=self.max_length)
            raise serializers.ValidationError(message, code="max_length")
        return super().run_child_validation(data)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members that it does not know and members that only the server sets."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {field.field_name for field in self._writable_fields}
            if surplus := [name for name in data if name not in writable]:
                raise serializers.ValidationError({name: [self._surplus(name)] for name in surplus})
        return super().to_internal_value(data)

    def _surplus(self, name: str) -> serializers.ErrorDetail:
        if name in self.fields:
            return serializers.ErrorDetail("This field is set by the server.", code="read_only")
        return serializers.ErrorDetail("This field is not known here.", code="unknown_field")


class EmptySerializer(StrictSerializer):
    """A body with nothing in it."""


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A ModelSerializer over strict fields. Services do the writing: `save()` is not used."""

    serializer_field_mapping: ClassVar[Any] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.SlugField: StrictCharField,
        models.BooleanField: StrictBooleanField,
        models.PositiveIntegerField: StrictIntegerField,
        models.SmallIntegerField: StrictIntegerField,
        models.DateTimeField: UTCDateTimeField,
        models.UUIDField: StrictUUIDField,
        models.JSONField: StoredJSONField,
    }
