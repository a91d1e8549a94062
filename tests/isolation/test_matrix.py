"""Every address of the API, with every method, as everybody: a new route joins by itself, an unlisted one fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import transaction

from tests.api.routes import Route, guarded_routes, unversioned
from tests.isolation.answers import Answer
from tests.isolation.conftest import Stage
from tests.isolation.expected import ANY_ACTOR, CODES, REFUSED_TO_OWNERS, ROWS, body_for
from tests.isolation.identities import IDENTITIES, Identity

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
SAFE = ("GET", "HEAD", "OPTIONS")
SUCCESS = (200, 201, 202, 204)


def test_every_route_and_method_is_listed() -> None:
    found = {route.name: set(route.methods) - {"HEAD"} for route in guarded_routes()}
    assert {name: set(codes) for name, codes in CODES.items()} == found


def test_every_route_about_a_row_has_one_to_knock_at() -> None:
    assert set(ROWS) == {route.name for route in guarded_routes() if route.has_row}


def test_versioned_addresses_lead_to_the_same_actions() -> None:
    routes = guarded_routes()
    versioned = [
        replace(route, template=route.template.replace("/api/v1/", "/api/")) for route in routes if route.is_versioned
    ]
    assert without_head(versioned) == without_head(unversioned(routes))


def without_head(routes: list[Route]) -> list[Route]:
    """A route learns to answer HEAD when it is asked for the first time."""
    return [replace(route, actions=tuple(each for each in route.actions if each[0] != "HEAD")) for route in routes]


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_address_answers_an_identity_as_expected(stage: Stage, name: str) -> None:
    identity = stage.identities[name]
    deviations: list[tuple[object, ...]] = []
    for route in unversioned(guarded_routes()):
        for method in METHODS:
            answer = knock(stage, identity, method, route)
            expected = expected_statuses(identity, method, route)
            if answer.status not in expected:
                deviations.append((method, route.template, answer.status, expected, answer.body[:200]))
            if identity.is_outside and stage.leaks(answer):
                deviations.append((method, route.template, "leaks", answer.body[:2000]))
    assert deviations == []


def knock(stage: Stage, identity: Identity, method: str, route: Route) -> Answer:
    """Send a request that the route accepts to acme's row, and undo what it did."""
    ids = stage.ids_of(identity)
    path = route.path(stage.acme[ROWS[route.name]]) if route.has_row else route.template
    with transaction.atomic():
        answer = Answer.of(identity.send(method, path, body_for(method, route.name, ids), if_match="*"))
        transaction.set_rollback(True)
    return answer


def expected_statuses(identity: Identity, method: str, route: Route) -> tuple[int, ...]:
    if identity.refused_with is not None:
        return (identity.refused_with,)
    if not identity.has_token and method not in SAFE:
        return (403,)
    asked = "GET" if method == "HEAD" else method
    if method == "OPTIONS":
        return (200,)
    if asked not in route.methods:
        return (405,)
    code = CODES[route.name][asked]
    if code != ANY_ACTOR and code not in identity.codes:
        return (403,)
    if identity.is_outside and route.has_row:
        return (404,)
    return REFUSED_TO_OWNERS.get((asked, route.name), SUCCESS)
