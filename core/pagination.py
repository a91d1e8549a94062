"""Keyset pages: the cursor holds the last row's sort values, so that page one million costs what page one costs."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast
from urllib.parse import quote_plus
from uuid import UUID

from django.db.models import DateTimeField, Field, Model, Q, QuerySet, UUIDField
from django.utils.encoding import escape_uri_path
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from core.query import InvalidParameter, QueryParameters, parse_datetime, parse_uuid
from core.renderers import format_datetime

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
MAX_OFFSET = 100_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page starts: behind `values` in the list's order, or before them when paging backwards.

    `made_for` names the list and its direction; another list does not take the cursor.
    """

    made_for: str
    is_backward: bool
    values: tuple[Any, ...]

    def encode(self) -> str:
        text = json.dumps([self.made_for, "p" if self.is_backward else "n", *self.values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def plain(value: Any) -> str | int:
    """Return a value of a row as a cursor holds it."""
    if isinstance(value, datetime):
        return format_datetime(value)
    return str(value) if isinstance(value, UUID) else int(value)


def _parse(field: Field[Any, Any], value: Any) -> Any:
    if isinstance(field, DateTimeField):
        return parse_datetime(value)
    if isinstance(field, UUIDField):
        return parse_uuid(value)
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError("not a position")
    return value


def decode_cursor(text: str, *, fields: Sequence[Field[Any, Any]], made_for: str) -> Cursor:
    """Return the cursor; raises `InvalidParameter` unless this very list could have made it."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found, direction, *values = json.loads(raw)
        if found != made_for or direction not in ("n", "p") or len(values) != len(fields):
            raise ValueError("made for another list")
        parsed = tuple(_parse(field, value) for field, value in zip(fields, values, strict=True))
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise InvalidParameter("cursor", "Use a cursor as it came in next or previous, with the same order.") from None
    return Cursor(made_for, direction == "p", parsed)


class KeysetPagination(BasePagination):
    """Pages by `?limit=&cursor=&order=asc|desc`; `?count=true` adds a count, which costs a query of its own.

    Subclasses say by which columns the list is ordered; the last one must be unique in the list.
    """

    fields: ClassVar[tuple[str, ...]] = ("id",)
    default_order: ClassVar[str] = "desc"
    allows_offset: ClassVar[bool] = False

    @property
    def parameters(self) -> frozenset[str]:
        common = {"limit", "cursor", "order", "count"}
        return frozenset(common | {"offset"} if self.allows_offset else common)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        query = QueryParameters(request)
        cursor = self.read(query, request, queryset.model, view)
        self.total = queryset.count() if query.boolean("count") else None
        if self.allows_offset and query.text("offset") is not None:
            return self._offset_page(queryset, query)
        return self._keyset_page(queryset, cursor)

    def read(self, query: QueryParameters, request: Request, model: type[Model], view: Any) -> Cursor | None:
        """Take in what is asked for; returns the cursor, whose values are those of `fields`."""
        self.request = request
        self.limit = query.integer("limit", default=DEFAULT_LIMIT, minimum=1, maximum=MAX_LIMIT)
        self.order = query.choice("order", ("asc", "desc"), default=self.default_order) or self.default_order
        self.made_for = f"{model._meta.label_lower}/{view.kwargs.get('pk', '').lower()}/{self.order}"
        return self._cursor(model, query)

    def descends(self, cursor: Cursor | None) -> bool:
        """Whether the rows are read from the highest down; a page before a cursor is read away from it."""
        return (self.order == "desc") != (cursor is not None and cursor.is_backward)

    def _cursor(self, model: type[Model], query: QueryParameters) -> Cursor | None:
        text = query.text("cursor")
        if text is None:
            return None
        fields = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in self.fields]
        return decode_cursor(text, fields=fields, made_for=self.made_for)

    def _keyset_page(self, queryset: QuerySet[Any], cursor: Cursor | None) -> list[Any]:
        values = None if cursor is None else cursor.values
        found = list(self.cut(queryset, values, descends=self.descends(cursor), limit=self.limit))
        return self.page_of(found, cursor, self._edge)

    @classmethod
    def cut(cls, queryset: QuerySet[Any], values: Sequence[Any] | None, *, descends: bool, limit: int) -> QuerySet[Any]:
        """The rows of a page in the order in which they are read, and one more, which tells whether others follow."""
        if values is not None:
            queryset = queryset.filter(_beyond(cls.fields, values, descends=descends))
        return queryset.order_by(*[f"-{name}" if descends else name for name in cls.fields])[: limit + 1]

    def page_of(
        self, found: list[Any], cursor: Cursor | None, edge: Callable[[Any], tuple[str | int, ...]]
    ) -> list[Any]:
        """Turn what `cut` gave into the page, and set its links; `edge` tells a row's values as a cursor holds them."""
        is_backward = cursor is not None and cursor.is_backward
        has_more, rows = len(found) > self.limit, found[: self.limit]
        if is_backward:
            rows.reverse()
        has_next, has_previous = has_more or is_backward, has_more if is_backward else cursor is not None
        self.next_url = self._link(edge(rows[-1]), is_backward=False) if rows and has_next else None
        self.previous_url = self._link(edge(rows[0]), is_backward=True) if rows and has_previous else None
        return rows

    def _edge(self, row: Any) -> tuple[str | int, ...]:
        return tuple(plain(_value(row, name)) for name in self.fields)

    def _link(self, values: tuple[str | int, ...], *, is_backward: bool) -> str:
        return self._address("cursor", Cursor(self.made_for, is_backward, values).encode())

    def _address(self, name: str, value: str | int) -> str:
        """The address of the request with another value of one parameter."""
        request = self.request._request
        parameters = {**request.GET.dict(), name: str(value)}
        text = "&".join(f"{quote_plus(key)}={quote_plus(each)}" for key, each in sorted(parameters.items()))
        return f"{request.scheme}://{request.get_host()}{escape_uri_path(request.path)}?{text}"

    def _offset_page(self, queryset: QuerySet[Any], query: QueryParameters) -> list[Any]:
        if query.text("cursor") is not None:
            raise InvalidParameter("offset", "Give either offset or cursor.")
        offset = query.integer("offset", default=0, minimum=0, maximum=MAX_OFFSET)
        ordering = [f"-{name}" if self.order == "desc" else name for name in self.fields]
        rows = list(queryset.order_by(*ordering)[offset : offset + self.limit + 1])
        self.next_url = self._address("offset", offset + self.limit) if len(rows) > self.limit else None
        self.previous_url = self._address("offset", max(0, offset - self.limit)) if offset else None
        return rows[: self.limit]

    def get_paginated_response(self, data: Any) -> Response:
        page = {"next": self.next_url, "previous": self.previous_url, "results": data}
        return Response(page if self.total is None else {"count": self.total, **page})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        count = {"type": "integer", "description": "Only with `?count=true`."}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema, "count": count},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        texts: dict[str, tuple[dict[str, Any], str]] = {
            "limit": (
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "Rows on a page.",
            ),
            "cursor": ({"type": "string"}, "Opaque place to go on from, as given in `next` and `previous`."),
            "order": ({"type": "string", "enum": ["asc", "desc"], "default": self.default_order}, "Direction."),
            "count": ({"type": "boolean"}, "Add the number of all rows; costs a query."),
            "offset": ({"type": "integer", "minimum": 0}, "Rows to leave out, instead of a cursor."),
        }
        return [
            {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
            for name, (schema, text) in texts.items()
            if name in self.parameters
        ]


def _value(row: Any, name: str) -> Any:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _beyond(fields: Sequence[str], values: Sequence[Any], *, descends: bool) -> Q:
    """Rows strictly behind the values: `a < x OR (a = x AND b < y)`, with a bound on `a` that an index can use."""
    operator = "lt" if descends else "gt"
    first, *rest = fields
    if not rest:
        return Q(**{f"{first}__{operator}": values[0]})
    behind = _beyond(rest, values[1:], descends=descends)
    bound = Q(**{f"{first}__{operator}e": values[0]})
    return bound & (Q(**{f"{first}__{operator}": values[0]}) | behind)
