"""Form fields that take values as the API does: exactly, and only what both databases can hold."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.forms.fields import InvalidJSONInput

from core.json_gate import RefusedJSON, check_value, read_json

MAX_SHOWN_POINTER = 100


def check_text(text: str) -> None:
    """Raise `ValidationError` for a text that cannot be stored."""
    try:
        check_value(text)
    except RefusedJSON as error:
        raise ValidationError(error.message, code=error.code) from None


class ExactCharField(forms.CharField):
    """A text that is not trimmed. Browsers send every line break as CR LF, which is undone.

    A text that holds CR of its own and is left alone in the form counts as unchanged, and is not written.
    """

    default_validators = [check_text]

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, **options})
        # Django's own check for NUL would say the same once more.
        self.validators = [each for each in self.validators if not isinstance(each, ProhibitNullCharactersValidator)]

    def to_python(self, value: Any) -> Any:
        return _with_plain_breaks(super().to_python(value))

    def validate(self, value: Any) -> None:
        super().validate(value)
        if self.required and not value.strip():
            raise ValidationError(self.error_messages["required"], code="required")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(_with_plain_breaks(initial), _with_plain_breaks(data))


def _with_plain_breaks(value: Any) -> Any:
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


class JSONFormField(forms.JSONField):
    """JSON text that passes the gate of the API; an empty field stands for `empty()`.

    With `kind` only that type of value is taken.
    """

    def __init__(self, *, empty: type = dict, kind: type | None = None, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 6, "class": "parley-json"})
        super().__init__(**{"required": False, "widget": widget, **options})
        self.empty = empty
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return self.empty()
        if not isinstance(value, str):
            return value
        try:
            found = read_json(value.encode("utf-8", "surrogatepass")).value
        except RefusedJSON as error:
            place = f" (at {error.pointer[:MAX_SHOWN_POINTER]})" if error.pointer else ""
            raise ValidationError(f"{error.message}{place}", code=error.code) from None
        self._check_kind(found)
        return found

    def _check_kind(self, value: Any) -> None:
        if value is None:
            raise ValidationError("Give a value other than null.", code="null")
        if self.kind is not None and not isinstance(value, self.kind):
            word = "an object" if self.kind is dict else "a list"
            raise ValidationError(f"Give {word}.", code="invalid")

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was sent, shown again as it was sent."""
        return InvalidJSONInput(data) if isinstance(data, str) else initial

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, ensure_ascii=False, indent=2)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            found = self.to_python(data)
        except ValidationError:
            return True
        return _canonical(initial) != _canonical(found)


def _canonical(value: Any) -> str:
    """A text that tells 1 from true and 1.0, as the API does."""
    return json.dumps(value, sort_keys=True)
