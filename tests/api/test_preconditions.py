"""Entity tags: `ETag`, `If-Match` and `If-None-Match`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import REQUIRED, Shelf, row_for
from tests.api.problems import problem_of
from tests.api.routes import Route, guarded_routes, request_id, requests, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

SEALED = frozenset({"audit-detail"})
"""What never changes has no version; the tests of the audit trail look at its entity tags."""

DETAILS = [
    route
    for route in unversioned(guarded_routes())
    if route.methods.get("GET") == "retrieve" and route.name not in SEALED
]
LIVE = frozenset({"budget-detail"})
"""What these show changes without a new version, so that they are sent each time."""

CHANGES = [
    (method, route) for method, route in requests(unversioned(guarded_routes())) if method in ("PUT", "PATCH", "DELETE")
]
THREAD_CHANGES = [(method, route) for method, route in CHANGES if route.name == "thread-detail"]


def at_all_and_of_all(headers: list[str]) -> list[tuple[str, Route, str]]:
    """The first header at every route, the others at one."""
    first, *others = headers
    everywhere = [(method, route, first) for method, route in CHANGES]
    return everywhere + [(method, route, header) for method, route in THREAD_CHANGES for header in others]


@pytest.mark.parametrize("route", DETAILS, ids=request_id)
def test_every_single_resource_has_an_entity_tag(api: ApiClient, shelf: Shelf, route: Route) -> None:
    response = api.get(route.path(row_for(route, shelf)))

    assert response["ETag"] == f'"v{response.json()["version"]}"'


@pytest.mark.parametrize("route", [route for route in DETAILS if route.name not in LIVE], ids=request_id)
@pytest.mark.parametrize("header", ['"v{0}"', 'W/"v{0}"', '"x", "v{0}"', "*", ' "v{0}" '])
def test_an_unchanged_resource_is_a_304_without_body(api: ApiClient, shelf: Shelf, route: Route, header: str) -> None:
    path = route.path(row_for(route, shelf))
    version = api.get(path).json()["version"]

    response = api.get(path, if_none_match=header.format(version))

    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == f'"v{version}"'


@pytest.mark.parametrize("route", DETAILS, ids=request_id)
def test_a_changed_resource_is_sent_again(api: ApiClient, shelf: Shelf, route: Route) -> None:
    response = api.get(route.path(row_for(route, shelf)), if_none_match='"v0", "v99", "other"')

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "route", "header"),
    at_all_and_of_all(['"v99"', 'W/"v{0}"', '"{0}"', '"v{0}x"', '"v99", "other"', '""']),
    ids=request_id,
)
def test_a_stale_change_is_a_412_that_tells_the_version(
    api: ApiClient, shelf: Shelf, method: str, route: Route, header: str
) -> None:
    path = route.path(row_for(route, shelf))
    version = api.get(path).json()["version"]
    before = snapshot()

    response = api.send(method, path, route.body(method), if_match=header.format(version))

    assert response.status_code == 412
    problem = problem_of(response)
    assert (problem["code"], problem["current_version"]) == ("version_mismatch", version)
    assert response["ETag"] == f'"v{version}"'
    assert snapshot() == before


@pytest.mark.parametrize(
    ("method", "route", "header"),
    at_all_and_of_all(['"v{0}"', '"other", "v{0}"', "*", '  "v{0}"  ', '"v{0}","x"']),
    ids=request_id,
)
def test_a_current_change_is_carried_out(api: ApiClient, shelf: Shelf, method: str, route: Route, header: str) -> None:
    path = route.path(row_for(route, shelf))
    version = api.get(path).json()["version"]

    response = api.send(method, path, route.body(method), if_match=header.format(version))

    assert response.status_code == (204 if method == "DELETE" else 200)
    if method != "DELETE":
        assert response["ETag"] == f'"v{version + 1}"'


@pytest.mark.parametrize(
    ("method", "route", "header"),
    at_all_and_of_all(["v1", "", "**", '"v1" "v2"', '"v1",', "'v1'", '"v1"x', '"unclosed']),
    ids=request_id,
)
def test_a_precondition_that_cannot_be_read_is_a_400(
    api: ApiClient, shelf: Shelf, method: str, route: Route, header: str
) -> None:
    before = snapshot()

    response = api.send(method, route.path(row_for(route, shelf)), route.body(method), if_match=header)

    assert response.status_code == 400
    assert problem_of(response)["code"] == "malformed_precondition"
    assert snapshot() == before


@pytest.mark.parametrize("route", [route for method, route in CHANGES if method == "PUT"], ids=request_id)
def test_put_without_if_match_is_a_428(api: ApiClient, shelf: Shelf, route: Route) -> None:
    before = snapshot()

    response = api.put(route.path(row_for(route, shelf)), route.body("PUT"))

    assert response.status_code == 428
    assert problem_of(response)["code"] == "precondition_required"
    assert snapshot() == before


def test_the_tag_of_a_new_row_is_that_of_its_first_version(api: ApiClient, thread_id: str) -> None:
    made = {
        path: api.post(path, body)
        for path, body in {
            "/api/threads": REQUIRED,
            "/api/agents": {"name": "Ada"},
            f"/api/threads/{thread_id}/messages": {"role": "user"},
        }.items()
    }

    assert {path: response["ETag"] for path, response in made.items()} == dict.fromkeys(made, '"v1"')


def test_an_append_makes_the_tag_of_the_thread_stale(
    api: ApiClient, thread_id: str, say: Callable[..., dict[str, Any]]
) -> None:
    tag = api.get(f"/api/threads/{thread_id}")["ETag"]
    say(content="new")
    before = snapshot()

    response = api.patch(f"/api/threads/{thread_id}", {"title": "x"}, if_match=tag)

    assert response.status_code == 412
    assert problem_of(response)["current_version"] == 2
    assert snapshot() == before


def test_two_changes_from_one_version_leave_one(api: ApiClient, thread_id: str) -> None:
    path = f"/api/threads/{thread_id}"

    statuses = [api.patch(path, {"title": title}, if_match='"v1"').status_code for title in ("one", "two")]

    assert statuses == [200, 412]
    assert api.get(path).json()["title"] == "one"


def test_a_list_has_no_entity_tag(api: ApiClient, thread_id: str) -> None:
    assert "ETag" not in api.get("/api/threads")
    assert "ETag" not in api.get(f"/api/threads/{thread_id}/messages")


@pytest.mark.parametrize("tag", ['"v1"', '"v99"'])
def test_a_stale_restore_is_a_412_and_leaves_it_in_the_trash(api: ApiClient, thread_id: str, tag: str) -> None:
    api.delete(f"/api/threads/{thread_id}")

    refused = api.post(f"/api/threads/{thread_id}/restore", if_match=tag)

    assert (refused.status_code, refused.json()["current_version"]) == (412, 2)
    assert api.get(f"/api/threads/{thread_id}").status_code == 404
    assert api.post(f"/api/threads/{thread_id}/restore", if_match='"v2"').status_code == 200
