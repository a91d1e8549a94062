"""The only parser of the API: JSON through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from core.errors import BodyTooLarge, UnsupportedContent
from core.json_gate import read_json
from core.query import QueryParameters

UTF8_NAMES = frozenset({"utf-8", "utf8"})


class StrictJSONParser(BaseParser):
    """Reads the body with `core.json_gate`; `?invalid_text=replace` repairs text instead of refusing it.

    The number of replaced characters is left on the request for the response's `Parley-Replaced-Characters`.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request: Request = (parser_context or {})["request"]
        _check_charset(request)
        replace = QueryParameters(request).choice("invalid_text", ("refuse", "replace"), default="refuse") == "replace"
        gated = read_json(read_body(request), replace_invalid_text=replace)
        request._request.replaced_characters = gated.replaced  # type: ignore[attr-defined]
        return gated.value


def read_body(request: Request) -> bytes:
    """Return the body, at most `settings.MAX_BODY_BYTES`; raises `BodyTooLarge`."""
    try:
        return request._request.body
    except RequestDataTooBig:
        raise BodyTooLarge(f"A body may hold {settings.MAX_BODY_BYTES} bytes at most.") from None


def _check_charset(request: Request) -> None:
    charset = request._request.content_params.get("charset") if request._request.content_params else None
    if charset and charset.lower() not in UTF8_NAMES:
        raise UnsupportedContent(f"The charset {charset!r} is not supported; send UTF-8.")
