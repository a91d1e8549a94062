"""How the routes describe themselves: drf-spectacular with the errors every route can answer."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.generics import GenericAPIView

from core.openapi_headers import BODY_METHODS, TAGGED_BY, reads_if_match, request_headers, response_headers
from core.renderers import PROBLEM_MEDIA_TYPE

ERRORS = {
    "400": "The body, a parameter or a header cannot be used.",
    "401": "No session and no valid key.",
    "402": "A hard budget is used up; the problem names it.",
    "403": "The role or key does not allow this in its own organization.",
    "404": "No such row in the caller's organization.",
    "406": "Only JSON and HTML are written.",
    "409": "The request contradicts what is stored, or its key was used with another request.",
    "412": "If-Match named another version; `current_version` tells the present one.",
    "413": "The body is larger than 10 MiB.",
    "415": "The body is not JSON in UTF-8.",
    "428": "A replacement must name the version it replaces.",
    "429": "Too many requests of this key, person or address; send it again after Retry-After seconds.",
    "503": "The database is not available; send the request again after Retry-After seconds.",
    "507": "The disk of the database is full; nothing was changed. Send it again after Retry-After seconds.",
}

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:parley:problem:not_found"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable name of the error."},
        "errors": {
            "type": "object",
            "description": "Messages by field path, query parameter or JSON pointer.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "pointer": {"type": "string", "description": "Where the body cannot be read, as a JSON pointer (RFC 6901)."},
        "current_version": {"type": "integer", "description": "With 412: the version that is current."},
        "budget_id": {"type": "string", "description": "With 402: the budget that is used up."},
        "budget_name": {"type": "string", "description": "With 402: its name."},
        "limit": {"type": "string", "description": "With 402: its limit in US dollars."},
        "spent": {"type": "string", "description": "With 402: what is spent of it in US dollars."},
    },
}


def described(texts: dict[str, str], kind: Any = OpenApiTypes.STR) -> list[OpenApiParameter]:
    """Query parameters with what they mean."""
    return [OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text) for name, text in texts.items()]


TRASHED_PARAMETER = OpenApiParameter(
    "trashed", OpenApiTypes.BOOL, OpenApiParameter.QUERY, description="`true` lists the trash instead."
)


def only_unversioned_paths(endpoints: list[Any]) -> list[Any]:
    """Document `/api/…` once, without trailing slashes; `/api/v1/…` and slashes at the end are the same."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints if not path.startswith("/api/v1")]


def _is_list_of_objects(field: Any) -> bool:
    return isinstance(field, serializers.ListField) and isinstance(field.child, serializers.DictField)


def _is_batch(serializer: Any) -> bool:
    """Whether this is an envelope around objects that the serializer of the view reads one by one."""
    if not isinstance(serializer, serializers.Serializer):
        return False
    return len(serializer.fields) == 1 and all(map(_is_list_of_objects, serializer.fields.values()))


class Schema(AutoSchema):
    """Adds error answers and the headers of the write contract to every operation."""

    def get_operation_id(self) -> str:
        return str(super().get_operation_id())

    def get_override_parameters(self) -> list[Any]:
        replace = OpenApiParameter(
            "invalid_text",
            OpenApiTypes.STR,
            OpenApiParameter.QUERY,
            enum=["refuse", "replace"],
            description="`replace` puts U+FFFD for characters that cannot be stored; the answer's header "
            "`Parley-Replaced-Characters` says how many.",
        )
        named = request_headers(self.method, self._action(), can_be_unchanged=self._can_be_unchanged())
        return [*named, replace] if self.get_request_serializer() is not None and self.method in BODY_METHODS else named

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        reference = self._problem_component().ref
        for status in self._error_statuses():
            content = {PROBLEM_MEDIA_TYPE: {"schema": reference}}
            bodies.setdefault(status, {"description": ERRORS[status], "content": content})
        if self._can_be_unchanged():
            bodies.setdefault("304", {"description": "The version that If-None-Match names is current."})
        for status, answer in bodies.items():
            named = response_headers(self.method, status, is_tagged=status < "300" and self._is_tagged(answer))
            answer["headers"] = {**answer.get("headers", {}), **named}
        return bodies

    def _can_be_unchanged(self) -> bool:
        """Whether the view answers 304: it shows one row, and all that it shows changes with the row's version."""
        return self._action() == "retrieve" and not getattr(self.view, "changes_without_version", False)

    def _is_tagged(self, answer: dict[str, Any]) -> bool:
        """Whether the answer is one row that tells its version."""
        schemas = [content.get("schema", {}) for content in answer.get("content", {}).values()]
        name = schemas[0].get("$ref", "").rpartition("/")[2] if schemas else ""
        found = [component for component in self.registry._components.values() if component.name == name]
        return any(member in component.schema.get("properties", {}) for component in found for member in TAGGED_BY)

    def _action(self) -> str:
        return getattr(self.view, "action", None) or ""

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """A list of objects in an envelope holds the rows of the view; so does a batch."""
        schema: Any = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if not _is_batch(field.parent) or not _is_list_of_objects(field):
            return schema
        row: Any = cast("GenericAPIView[Any]", self.view).get_serializer()
        rows = self.resolve_serializer(row, direction)
        return {**schema, "items": rows.ref, **({"minItems": 1} if direction == "request" else {})}

    def _get_serializer_name(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> str:
        """The envelope of a batch is named after its rows: its name is theirs and Batch."""
        if not _is_batch(serializer):
            return str(super()._get_serializer_name(serializer, direction, bypass_extensions))
        row = cast("GenericAPIView[Any]", self.view).get_serializer()
        rows = str(super()._get_serializer_name(row, direction, bypass_extensions))
        return f"{rows.removesuffix('Request')}Batch{'Request' if rows.endswith('Request') else ''}"

    def _error_statuses(self) -> list[str]:
        found = ["400", "401", "403", "404", "406", "429", "503", "507", *self._own_errors()]
        if self.method in BODY_METHODS:
            found += ["409", "413", "415"]
        if reads_if_match(self.method, self._action()):
            found.append("412")
        return [*found, "428"] if self.method == "PUT" else found

    def _own_errors(self) -> list[str]:
        """Statuses that the view names for this action in `own_errors`."""
        named: dict[str, list[str]] = getattr(self.view, "own_errors", {})
        return named.get(self._action(), [])

    def _problem_component(self) -> ResolvedComponent:
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name="Problem", type=ResolvedComponent.SCHEMA, schema=PROBLEM_SCHEMA, object="Problem"
        )
        self.registry.register_on_missing(component)
        return component


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer parley_…`."}


class MemberSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.MemberSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "A log-in in the browser."}
