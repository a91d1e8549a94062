"""Model fields whose values are the same on SQLite and PostgreSQL.

They enter migrations as the plain Django fields they extend, because a migration imports nothing of the project.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.db import models

from core.ids import uuid7

# Text in which a number may need care; a false alarm inside a string only costs time.
_UNSTABLE_NUMBER = re.compile(r"-0\.0(?!\d)|\de\+\d")


class StoredJSONEncoder(json.JSONEncoder):
    """Writes JSON for a column: compact, unescaped, and with numbers that both databases give back alike.

    PostgreSQL's `jsonb` keeps numbers as decimals: `1e+16` would come back as an integer and `-0.0` without its
    sign, while SQLite returns the text as written. Floats from 1e16 on are therefore written out with `.0`, and the
    sign of a negative zero is dropped, on both.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False, "allow_nan": False, "separators": (",", ":")})

    def encode(self, o: Any) -> str:
        text = super().encode(o)
        # Read again, every key is text and every sequence a list.
        return self._encode_stable(json.loads(text)) if _UNSTABLE_NUMBER.search(text) else text

    def _encode_stable(self, value: Any) -> str:
        if isinstance(value, float):
            return _stable_float(value)
        if isinstance(value, dict):
            members = (f"{super(StoredJSONEncoder, self).encode(k)}:{self._encode_stable(v)}" for k, v in value.items())
            return "{" + ",".join(members) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self._encode_stable, value)) + "]"
        return super().encode(value)


def _stable_float(value: float) -> str:
    if value == 0:
        return "0.0"
    text = repr(value)
    return f"{value:.1f}" if "e+" in text else text


class JSONField(models.JSONField):
    """Django's JSONField with one number format for both databases (see `StoredJSONEncoder`)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "encoder": StoredJSONEncoder})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, options = super().deconstruct()
        options.pop("encoder", None)
        return name, "django.db.models.JSONField", args, options


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key from one tenant table to another: both rows belong to the same organization.

    Every join and every lookup by the row says so, and thereby keeps to the shard of the organization where tables are
    cut by it: the database cannot know it from the ids alone.
    """

    def get_extra_descriptor_filter(self, instance: Any) -> dict[str, Any]:
        return {"organization_id": instance.organization_id}

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> Any:
        if alias is None or related_alias is None:
            # A subquery that Django has cut off from one of the two tables.
            return None
        organization: Any = self.model._meta.get_field("organization")
        return organization.get_lookup("exact")(organization.get_col(alias), organization.get_col(related_alias))

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, options


class UUID7Field(models.UUIDField):  # type: ignore[type-arg]  # generic only for the type checker
    """A primary key made in Python by `core.ids.uuid7`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "primary_key": True, "default": uuid7, "editable": False})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, options = super().deconstruct()
        options.pop("default", None)
        return name, "django.db.models.UUIDField", args, options
