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
INTEGRATION = {"name": "Sent by a test", "kind": "webhook", "base_url": "https://hooks.example.org/"}
USAGE = {"provider": "openai", "model": "gpt-test", "input_tokens": 3, "output_tokens": 2, "cost": "0.01"}
BUDGET = {"name": "Sent by a test", "period": "month", "limit": "10"}
PRICE = {"provider": "openai", "model": "gpt-test", "input_price": "0.5", "output_price": "1.5"}

NAMED = {"name": "Sent by a test"}
ROLE = {**NAMED, "permissions": ["thread.read"]}
HOUSE = "01890000-0000-7000-8000-00000000d0d0"
"""The domain in which the instances of `Shelf` are."""
INSTANCE = {**NAMED, "domain_id": HOUSE}
SESSION = {"metadata": {"sent": "by a test"}}

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "agent-list"): AGENT,
    ("PUT", "agent-detail"): AGENT,
    ("PATCH", "agent-detail"): AGENT,
    ("POST", "message-feedback"): FEEDBACK,
    ("PATCH", "feedback-detail"): FEEDBACK,
    ("PUT", "organization-detail"): NAMED,
    ("PATCH", "organization-detail"): NAMED,
    ("POST", "domain-list"): NAMED,
    ("PUT", "domain-detail"): NAMED,
    ("PATCH", "domain-detail"): NAMED,
    ("POST", "domain-instances"): NAMED,
    ("POST", "instance-list"): INSTANCE,
    ("PUT", "instance-detail"): INSTANCE,
    ("PATCH", "instance-detail"): NAMED,
    ("POST", "agentsession-list"): SESSION,
    ("POST", "key-list"): NAMED,
    ("PATCH", "key-detail"): NAMED,
    ("POST", "key-rotate"): {"overlap_hours": 1},
    ("POST", "role-list"): ROLE,
    ("PUT", "role-detail"): ROLE,
    ("PATCH", "role-detail"): NAMED,
    ("PATCH", "membership-detail"): {"role": "member"},
    ("POST", "invitation-list"): {"email": "sent@example.org", "role": "member"},
    ("POST", "usage-list"): USAGE,
    ("POST", "usage-batch"): {"records": [USAGE]},
    ("POST", "budget-list"): BUDGET,
    ("PUT", "budget-detail"): BUDGET,
    ("PATCH", "budget-detail"): {"limit": "20"},
    ("POST", "price-override-list"): PRICE,
    ("PUT", "price-override-detail"): PRICE,
    ("PATCH", "price-override-detail"): {"input_price": "2"},
    ("POST", "integration-list"): INTEGRATION,
    ("PUT", "integration-detail"): INTEGRATION,
    ("PATCH", "integration-detail"): INTEGRATION,
}
for _name in ("thread", "conversation", "session"):
    BODIES["POST", f"{_name}-list"] = THREAD
    BODIES["PUT", f"{_name}-detail"] = THREAD
    BODIES["PATCH", f"{_name}-detail"] = {"title": "Sent by a test"}
    BODIES["POST", f"{_name}-messages"] = MESSAGE
    BODIES["POST", f"{_name}-messages-batch"] = {"messages": [MESSAGE]}


PLATFORM_ONLY = {("POST", "organization-list")}
"""What only platform administrators may do."""


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


def requests_by_key(routes: list[Route]) -> list[tuple[str, Route]]:
    """Every method of every route but those that no key and no member may call."""
    return [(method, route) for method, route in requests(routes) if (method, route.name) not in PLATFORM_ONLY]


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
