"""How the routes describe themselves: drf-spectacular with the errors every route can answer."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

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


class Schema(AutoSchema):
    """Adds error answers and the headers of the write contract to every operation."""

    def get_operation_id(self) -> str:
        return str(super().get_operation_id())

    def get_override_parameters(self) -> list[Any]:
        headers = {
            "POST": [("Idempotency-Key", "Any text of 1 to 255 characters; a repeated request is answered once.")],
            "PUT": [("If-Match", "ETag of the version to replace; required.")],
            "PATCH": [("If-Match", "ETag of the version to change.")],
            "DELETE": [("If-Match", "ETag of the version to delete.")],
        }
        replace = OpenApiParameter(
            "invalid_text",
            OpenApiTypes.STR,
            OpenApiParameter.QUERY,
            enum=["refuse", "replace"],
            description="`replace` puts U+FFFD for characters that cannot be stored; the answer's header "
            "`Parley-Replaced-Characters` says how many.",
        )
        named = [
            OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=text)
            for name, text in headers.get(self.method, [])
        ]
        return [*named, replace] if self.method in ("POST", "PUT", "PATCH") else named

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        reference = self._problem_component().ref
        for status in self._error_statuses():
            content = {PROBLEM_MEDIA_TYPE: {"schema": reference}}
            bodies.setdefault(status, {"description": ERRORS[status], "content": content})
        return bodies

    def _error_statuses(self) -> list[str]:
        changing = {"POST": ["409", "413", "415"], "PUT": ["409", "412", "413", "415", "428"], "DELETE": ["412"]}
        changing["PATCH"] = ["409", "412", "413", "415"]
        return ["400", "401", "403", "404", "406", "429", "503", *changing.get(self.method, []), *self._own_errors()]

    def _own_errors(self) -> list[str]:
        """Statuses that the view names for this action in `own_errors`."""
        named: dict[str, list[str]] = getattr(self.view, "own_errors", {})
        return named.get(getattr(self.view, "action", ""), [])

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
