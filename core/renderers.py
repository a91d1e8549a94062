"""How the API writes: UTF-8 JSON, and DRF's browsable pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer

PROBLEM_MEDIA_TYPE = "application/problem+json"


def format_datetime(value: datetime) -> str:
    """Return ISO 8601 in UTC with microseconds and `Z`, always 27 characters, so that texts sort like times."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _encode_other(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dump_response(data: Any) -> bytes:
    """Return a response's data as compact UTF-8 JSON; datetimes and UUIDs in the API's form."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=_encode_other, allow_nan=False).encode()


class JSONRenderer(BaseRenderer):
    """Compact UTF-8 JSON. Bytes are passed through: a replayed answer is stored as it was first sent."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if isinstance(data, bytes):
            return data
        return b"" if data is None else dump_response(data)


class ProblemRenderer(JSONRenderer):
    """An error for programs, whatever they asked for."""

    media_type = PROBLEM_MEDIA_TYPE


class IndentedJSONRenderer(JSONRenderer):
    """The same JSON with line breaks, for the browsable pages."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is None:
            return b""
        value = json.loads(data) if isinstance(data, bytes) else data
        return json.dumps(value, ensure_ascii=False, indent=2, default=_encode_other).encode()


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's browsable API; bodies are edited as raw JSON, since JSON is the only thing that is parsed."""

    def get_default_renderer(self, view: Any) -> BaseRenderer:
        return IndentedJSONRenderer()
