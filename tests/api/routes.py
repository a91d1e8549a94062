"""Every address of the API, found by walking the URL configuration: a new route joins the tests by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.regex_helper import normalize

from core.checks import OPEN_VIEWS, api_routes

BODY_METHODS = ("POST", "PUT", "PATCH")

THREAD = {"agent_type": "chat", "model": "gpt-test", "provider": "openai", "title": "Sent by a test"}
MESSAGE = {"role": "user", "content": "Sent by a test"}
AGENT = {"name": "Sent by a test"}
FEEDBACK = {"rating": 1}

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "agent-list"): AGENT,
    ("PUT", "agent-detail"): AGENT,
    ("PATCH", "agent-detail"): AGENT,
    ("POST", "message-feedback"): FEEDBACK,
    ("PATCH", "feedback-detail"): FEEDBACK,
}
for _name in ("thread", "conversation", "session"):
    BODIES["POST", f"{_name}-list"] = THREAD
    BODIES["PUT", f"{_name}-detail"] = THREAD
    BODIES["PATCH", f"{_name}-detail"] = {"title": "Sent by a test"}
    BODIES["POST", f"{_name}-messages"] = MESSAGE
    BODIES["POST", f"{_name}-messages-batch"] = {"messages": [MESSAGE]}


@dataclass(frozen=True)
class Route:
    """One address with the actions that its methods lead to; `template` has a `%(pk)s` for the row it is about."""

    name: str
    template: str
    actions: tuple[tuple[str, str], ...]
    view: str

    @property
    def is_versioned(self) -> bool:
        return self.template.startswith("/api/v1")

    @property
    def has_row(self) -> bool:
        return "%(pk)s" in self.template

    @property
    def methods(self) -> dict[str, str]:
        return dict(self.actions)

    def path(self, pk: object = "") -> str:
        return self.template % {"pk": pk} if self.has_row else self.template

    def body(self, method: str) -> Any:
        """A body that the route accepts, None for methods without one."""
        return BODIES.get((method, self.name))


def all_routes() -> list[Route]:
    """Every route under `/api/` and `/api/v1/`, those open to everybody included."""
    return list(_routes())


def guarded_routes() -> list[Route]:
    """The routes that need an actor."""
    return [route for route in all_routes() if route.name not in OPEN_VIEWS]


def unversioned(routes: list[Route]) -> list[Route]:
    return [route for route in routes if not route.is_versioned]


def list_routes() -> list[Route]:
    """The routes, without version, whose GET is a list."""
    return [route for route in unversioned(guarded_routes()) if route.methods.get("GET") == "list"]


def requests(routes: list[Route]) -> list[tuple[str, Route]]:
    """Every method of every route."""
    return [(method, route) for route in routes for method in route.methods]


def request_id(value: object) -> str | None:
    """How pytest names a route or a method."""
    return value.template if isinstance(value, Route) else None


def _routes() -> Iterator[Route]:
    for found, pattern in api_routes():
        [(template, _parameters)] = normalize(found)
        actions = {method.upper(): action for method, action in getattr(pattern.callback, "actions", {}).items()}
        methods = actions or {"GET": "get"}
        view: Any = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", pattern.callback)
        yield Route(pattern.name or found, f"/{template}", tuple(methods.items()), f"{view.__module__}.{view.__name__}")
