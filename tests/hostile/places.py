"""Every member of every body that a route takes, found in the OpenAPI document: a new one joins by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from tests.api.routes import MESSAGE, USAGE, Route, guarded_routes, unversioned
from tests.hostile.cases import Case, cases_of

ROWS_OF_BATCHES = {"messages": MESSAGE, "records": USAGE}

BODIES_BY_LOG_IN = {"organization-list": {"name": "Sent by a test", "slug": "sent"}}
"""Bodies of what no key may send."""

NAMED = {
    ("Thread", "title"): "thread.title",
    ("Thread", "metadata"): "thread.metadata",
    ("Session", "title"): "thread.title",
    ("Session", "metadata"): "thread.metadata",
    ("Agent", "name"): "agent.name",
    ("Agent", "backstory"): "agent.backstory",
    ("Agent", "parameters"): "agent.config",
    ("Agent", "avatar_url"): "agent.avatar_url",
    ("Agent", "personality_traits"): "agent.personality_traits",
    ("Organization", "name"): "organization.name",
    ("Integration", "base_url"): "webhook.url",
    ("Feedback", "payload"): "message.feedback.payload",
    ("Usage", "input_tokens"): "usage.tokens",
    ("Usage", "cost"): "usage.cost",
    **{
        (component, member): f"message.{field}"
        for component in ("Message", "ConversationMessage", "SessionMessage")
        for member, field in {
            "content": "content",
            "metadata": "metadata",
            "artifact_data": "artifact_data",
            "created_at": "client_created_at",
            "role": "role",
        }.items()
    },
}
"""The names that the collection has for members of bodies, by component and member."""


@dataclass(frozen=True)
class Place:
    """One member of one body. `envelope` is the member that holds the rows of a batch, empty elsewhere."""

    method: str
    route: Route
    component: str
    member: str
    schema: dict[str, Any]
    envelope: str = ""

    @property
    def name(self) -> str:
        inner = f"{self.envelope}[0]." if self.envelope else ""
        return f"{self.method} {self.route.path('{id}')} {inner}{self.member}"

    @property
    def kind(self) -> str:
        """`text`, `url`, `uuid`, `time`, `amount`, `integer`, `boolean`, `choice`, `list`, `texts` or `json`."""
        found: str = self.schema.get("format") or self.schema.get("type", "json")
        if "$ref" in self.schema or "allOf" in self.schema:
            return "choice"
        if found == "array":
            return "texts" if self.schema["items"].get("type") == "string" else "list"
        if "\\.[0-9]{10}" in self.schema.get("pattern", ""):
            return "amount"
        known = {"string": "text", "date-time": "time", "int64": "integer", "email": "text", "object": "texts by name"}
        return known.get(found, found)

    @property
    def is_read_back(self) -> bool:
        return not self.schema.get("writeOnly")

    @property
    def expected(self) -> frozenset[str]:
        """The cases of which the collection says what must become of them here."""
        field = NAMED.get((self.component, self.member))
        return frozenset(case.id for case in cases_of(field)) if field else frozenset()

    def body(self, text: str) -> bytes:
        """A body that is good but for the member, which is the piece of JSON text."""
        given = {} if self.method == "PATCH" else self._good()
        others = json.dumps({name: value for name, value in given.items() if name != self.member})[:-1]
        row = f'{others}{", " if others != "{" else ""}"{self.member}": {text}}}'
        return (f'{{"{self.envelope}": [{row}]}}' if self.envelope else row).encode()

    def _good(self) -> dict[str, Any]:
        row: Any = ROWS_OF_BATCHES.get(self.envelope)
        found: dict[str, Any] = row or self.route.body(self.method) or BODIES_BY_LOG_IN.get(self.route.name, {})
        return found


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


@cache
def operations() -> tuple[tuple[str, Route, dict[str, Any]], ...]:
    """Every method of every route, with what the document says of it."""
    routes = {route.path("{id}"): route for route in unversioned(guarded_routes())}
    return tuple(
        (method.upper(), routes[path], operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    )


@cache
def places() -> tuple[Place, ...]:
    """Every writable member of every body."""
    return tuple(_places())


def _places() -> Iterator[Place]:
    for method, route, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            continue
        reference = content["application/json"]["schema"]["$ref"]
        for name, schema in _writable(reference):
            rows = schema.get("items", {}).get("$ref")
            if rows is None:
                yield Place(method, route, _component(reference), name, schema)
                continue
            for inner, its_schema in _writable(rows):
                yield Place(method, route, _component(rows), inner, its_schema, envelope=name)


def _writable(reference: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = document()["components"]["schemas"][reference.rpartition("/")[2]]
    for name, schema in found["properties"].items():
        if not schema.get("readOnly"):
            yield name, schema


def _component(reference: str) -> str:
    return reference.rpartition("/")[2].removesuffix("Request").removeprefix("Patched")


def text_at(place: Place, case: Case) -> str:
    """The JSON text that brings the case's payload to the place: inside a list or an object where texts are held."""
    if place.member == "personality_traits" and case.id in place.expected:
        return case.text
    if place.kind == "texts":
        return f"[{case.text}]"
    return f'{{"api_key": {case.text}}}' if place.kind == "texts by name" else case.text
