"""Ids of somebody else's rows, in addresses, bodies and filters: they answer like ids of nothing, byte for byte."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.test import Client

from core.checks import OPEN_VIEWS, api_routes
from tests.api.routes import Route, guarded_routes, unversioned
from tests.isolation.answers import Answer
from tests.isolation.conftest import Stage
from tests.isolation.expected import ROWS, body_for

ROUTES = {route.name: route for route in unversioned(guarded_routes())}
STRANGER = "other organization's admin"

FIELDS: dict[str, dict[str, str]] = {
    "thread": {"agent_id": "agent"},
    "thread-update": {"agent_id": "agent", "active_leaf_id": "message"},
    "message": {"parent_id": "message"},
    "agent": {"domain_id": "domain"},
    "instance": {"domain_id": "domain", "agent_ids": "agent"},
    "agent-session": {"agent_id": "agent", "instance_id": "instance"},
    "invitation": {"domain_id": "domain"},
    "membership": {"domain_id": "domain"},
    "usage": {"agent_id": "agent", "thread_id": "thread", "domain_id": "domain"},
    "budget": {"domain_id": "domain", "agent_id": "agent"},
}
"""Members of bodies that name another row, by what is made or changed, with the kind of that row."""

BODIES = [
    ("POST", "thread-list", "thread"),
    ("PATCH", "thread-detail", "thread-update"),
    ("POST", "thread-messages", "message"),
    ("POST", "agent-list", "agent"),
    ("PATCH", "agent-detail", "agent"),
    ("POST", "instance-list", "instance"),
    ("PATCH", "instance-detail", "instance"),
    ("POST", "agentsession-list", "agent-session"),
    ("POST", "invitation-list", "invitation"),
    ("PATCH", "membership-detail", "membership"),
    ("POST", "usage-list", "usage"),
    ("POST", "budget-list", "budget"),
    ("PATCH", "budget-detail", "budget"),
]

OWN_IDS = {"id", "external_id", "request_id", "message_id"}
"""Members and parameters that name no row: they are kept, or compared, as they come."""


def test_every_member_that_names_a_row_is_listed(client: Client) -> None:
    """The schema tells which members bodies have: a new one joins by itself."""
    schemas = client.get("/api/schema", headers={"accept": "application/vnd.oai.openapi+json"}).json()["components"][
        "schemas"
    ]
    named = {
        member
        for schema in schemas.values()
        for member, about in schema.get("properties", {}).items()
        if re.search(r"_ids?$", member) and not about.get("readOnly") and member not in OWN_IDS
    }
    assert {member for members in FIELDS.values() for member in members} >= named - RESPONSES_ONLY


RESPONSES_ONLY = {
    "budget_id",
    "actor_id",
    "subject_id",
    "organization_id",
    "user_id",
    "key_id",
    "conversation_id",
    "session_id",
}
"""Members that only answers have."""


def test_foreign_ids_in_bodies_answer_like_unknown_ones(stage: Stage) -> None:
    deviations: list[tuple[object, ...]] = []
    for method, name, what in BODIES:
        for member, kind in FIELDS[what].items():
            given = [stage.acme[kind], str(uuid.uuid4()), stage.rival[kind]]
            foreign, unknown, own = (masked(with_member(stage, method, name, member, each), each) for each in given)
            if foreign != unknown or foreign.status != 400 or stage.leaks(foreign):
                deviations.append((method, name, member, foreign, unknown))
            if own.status not in (200, 201):
                deviations.append((method, name, member, own, "the member is not looked at"))
    assert deviations == []


def with_member(stage: Stage, method: str, name: str, member: str, value: str) -> Answer:
    body = {**body_for(method, name, stage.rival), member: [value] if member.endswith("_ids") else value}
    return send(stage, method, ROUTES[name], body)


def test_lists_show_a_stranger_nothing(stage: Stage) -> None:
    lists = [route for route in ROUTES.values() if route.methods.get("GET") == "list"]
    answers = {route.name: ask(stage, f"{own_path(stage, route)}?limit=100") for route in lists}
    assert {name: (answer.status, stage.leaks(answer)) for name, answer in answers.items()} == dict.fromkeys(
        answers, (200, False)
    )


def filters() -> Iterator[tuple[str, str]]:
    """Every parameter of every GET that takes the id of a row."""
    for found, pattern in api_routes():
        if pattern.name in OPEN_VIEWS or found.startswith("api/v1"):
            continue
        view: Any = pattern.callback
        known = view.cls.query_parameters.get(view.actions.get("get"), frozenset())
        yield from ((str(pattern.name), each) for each in sorted(known - OWN_IDS) if each.endswith("_id"))


KIND_OF_PARAMETER = {
    "agent_id": "agent",
    "domain_id": "domain",
    "instance_id": "instance",
    "thread_id": "thread",
    "key_id": "key",
    "user_id": "user",
    "actor_id": "user",
    "subject_id": "agent",
}


def test_foreign_ids_in_filters_answer_like_unknown_ones(stage: Stage) -> None:
    deviations: list[tuple[object, ...]] = []
    for name, parameter in filters():
        path = own_path(stage, ROUTES[name])
        given = stage.acme[KIND_OF_PARAMETER[parameter]], str(uuid.uuid4())
        foreign, unknown = (masked(ask(stage, f"{path}?{parameter}={each}"), each) for each in given)
        if foreign != unknown:
            deviations.append((name, parameter, foreign, unknown))
    assert deviations == []


def test_a_search_for_foreign_words_finds_nothing(stage: Stage) -> None:
    for rows in ("threads", "messages"):
        foreign, nothing, own = (ask(stage, f"/api/{rows}?q={word}") for word in ("canary", "absent", "sparrow"))
        assert foreign == nothing
        assert len(own.body) > len(nothing.body)


def ask(stage: Stage, path: str) -> Answer:
    return Answer.of(stage.identities[STRANGER].send("GET", path))


def own_path(stage: Stage, route: Route) -> str:
    """The address of the stranger's own row."""
    return route.path(stage.rival[ROWS[route.name]]) if route.has_row else route.template


def send(stage: Stage, method: str, route: Route, body: Any) -> Answer:
    """Ask as the stranger about the stranger's own row, and undo what it did."""
    path = own_path(stage, route)
    with transaction.atomic():
        answer = Answer.of(stage.identities[STRANGER].send(method, path, body, if_match="*"))
        transaction.set_rollback(True)
    return answer


def masked(answer: Answer, value: str) -> Answer:
    """Without the id that was sent, where an answer repeats it."""
    return Answer(answer.status, answer.body.replace(value.encode(), b"*"), answer.headers)
