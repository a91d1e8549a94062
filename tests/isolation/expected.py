"""What every address asks for, as data: written by hand and compared with what the routes really do."""

from __future__ import annotations

from typing import Any

from tests.isolation.world import Ids, new

ANY_ACTOR = "*"

Codes = dict[str, str]


def _crud(noun: str, *, without: str = "") -> dict[str, Codes]:
    item = {"GET": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
    return {
        "list": {"GET": f"{noun}.read", "POST": f"{noun}.create"},
        "detail": {method: f"{noun}.{verb}" for method, verb in item.items() if method not in without.split()},
    }


def _named(name: str, routes: dict[str, Codes]) -> dict[str, Codes]:
    return {f"{name}-{route}": codes for route, codes in routes.items()}


def _threads(name: str) -> dict[str, Codes]:
    return {
        **_named(name, _crud("thread")),
        f"{name}-restore": {"POST": "thread.delete"},
        f"{name}-messages": {"GET": "message.read", "POST": "message.create"},
        f"{name}-messages-batch": {"POST": "message.create"},
    }


CODES: dict[str, Codes] = {
    "me": {"GET": ANY_ACTOR},
    **_named("organization", _crud("organization")),
    **_named("domain", _crud("domain")),
    "domain-restore": {"POST": "domain.delete"},
    "domain-instances": {"GET": "instance.read", "POST": "instance.create"},
    **_named("instance", _crud("instance")),
    "instance-restore": {"POST": "instance.delete"},
    "agentsession-list": {"GET": "session.read", "POST": "session.create"},
    "agentsession-detail": {"GET": "session.read"},
    "agentsession-heartbeat": {"POST": "session.update"},
    "agentsession-end": {"POST": "session.update"},
    "permission-catalogue": {"GET": "role.read"},
    **_named("role", _crud("role")),
    "membership-list": {"GET": "membership.read"},
    "membership-detail": {"GET": "membership.read", "PATCH": "membership.update", "DELETE": "membership.delete"},
    **_named("invitation", _crud("invitation", without="PUT PATCH")),
    **_named("key", _crud("key", without="PUT")),
    "key-rotate": {"POST": "key.create"},
    **_named("agent", _crud("agent")),
    "agent-restore": {"POST": "agent.delete"},
    "agent-persona": {"GET": "agent.read"},
    **_named("integration", _crud("integration")),
    "integration-restore": {"POST": "integration.delete"},
    "integration-test": {"POST": "integration.test"},
    **_threads("thread"),
    **_threads("conversation"),
    **_threads("session"),
    "message-list": {"GET": "message.read"},
    "message-detail": {"GET": "message.read", "DELETE": "message.delete"},
    "message-restore": {"POST": "message.delete"},
    "message-feedback": {"GET": "feedback.read", "POST": "feedback.create"},
    "feedback-list": {"GET": "feedback.read"},
    "feedback-detail": {"GET": "feedback.read", "PATCH": "feedback.update", "DELETE": "feedback.delete"},
    "feedback-restore": {"POST": "feedback.delete"},
    "usage-list": {"GET": "usage.read", "POST": "usage.create"},
    "usage-batch": {"POST": "usage.create"},
    "usage-totals": {"GET": "usage.read"},
    "usage-export": {"GET": "usage.export"},
    "usage-detail": {"GET": "usage.read"},
    **_named("budget", _crud("budget")),
    "budget-check": {"GET": "usage.create"},
    "price-override-list": {"GET": "usage.read", "POST": "budget.update"},
    "price-override-detail": {
        "GET": "usage.read",
        "PUT": "budget.update",
        "PATCH": "budget.update",
        "DELETE": "budget.update",
    },
    "audit-list": {"GET": "audit.read"},
    "audit-export": {"GET": "audit.export"},
    "audit-detail": {"GET": "audit.read"},
}
"""The permission that each method of each route asks for."""

KINDS = {"conversation": "thread", "session": "thread", "agentsession": "agent-session"}
"""Kinds of rows whose routes bear another name."""


def _kind_of(route: str) -> str:
    """The beginning of a route's name tells what it is about."""
    if route.startswith("price-override-"):
        return "price-override"
    name = route.partition("-")[0]
    return KINDS.get(name, name)


ROWS = {
    name: f"trashed {_kind_of(name)}" if name.endswith("-restore") else _kind_of(name)
    for name, codes in CODES.items()
    if name != "me" and not name.endswith(("-list", "-catalogue", "-totals", "-export", "-check", "usage-batch"))
}
"""The kind of row that a route is about."""

OTHER_BODIES = ("restore", "rotate", "test", "heartbeat", "end")
"""Routes whose POST has no body that must be given."""


MADE = {
    "message-feedback": "feedback",
    "domain-instances": "instance",
    **{f"{name}-messages{batch}": "message" for name in ("thread", *KINDS) for batch in ("", "-batch")},
}
"""Kinds that are made under a row of another kind."""

BATCHES = {"usage-batch": "records", **{f"{name}-messages-batch": "messages" for name in ("thread", *KINDS)}}


def body_for(method: str, name: str, ids: Ids, word: str = "sparrow") -> Any:
    """A body that the route accepts, None for what has none."""
    if method not in ("POST", "PUT", "PATCH") or name.endswith(OTHER_BODIES):
        return None
    kind = MADE.get(name) or _kind_of(name)
    body = new(kind, ids, word)
    if name in BATCHES:
        return {BATCHES[name]: [body]}
    if kind == "organization" and method == "PUT":
        return {"name": body["name"]}
    if kind in LATER and method == "PATCH":
        return {member: body[member] for member in LATER[kind]}
    return {member: value for member, value in body.items() if (name, member) != ("domain-instances", "domain_id")}


LATER = {"organization": ("name",), "thread": ("title", "metadata"), "role": ("name",), "key": ("name",)}
"""What is changed of rows of which not everything can be."""

REFUSED_TO_OWNERS: dict[tuple[str, str], tuple[int, ...]] = {
    ("DELETE", "domain-detail"): (409,),
    ("DELETE", "role-detail"): (204,),
}
"""What somebody is answered who may do a thing that cannot be done to this row."""
