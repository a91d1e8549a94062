"""Every error is an `application/problem+json` document, at every route."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from tests.api.conftest import Shelf, row_for
from tests.api.problems import fields_at_fault, problem_of
from tests.api.routes import Route, all_routes, guarded_routes, request_id, requests, requests_by_key, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

ROUTES = unversioned(guarded_routes())
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "LINK")


@pytest.mark.parametrize(("method", "route"), requests(ROUTES), ids=request_id)
def test_no_key_is_a_401_that_says_how_to_log_in(anonymous: ApiClient, method: str, route: Route) -> None:
    response = anonymous.send(method, route.path(uuid.uuid4()), route.body(method))

    assert response.status_code == 401
    assert problem_of(response)["code"] == "not_authenticated"
    assert response["WWW-Authenticate"] == 'Bearer realm="Parley"'


@pytest.mark.parametrize("route", [route for route in ROUTES if route.has_row], ids=request_id)
@pytest.mark.parametrize("pk", ["01890000-0000-7000-8000-000000000000", "1", "not-a-uuid", "%00", "%F0%9F%98%80"])
def test_no_row_is_a_404(api: ApiClient, route: Route, pk: str) -> None:
    for method in route.methods:
        response = api.send(method, route.path(pk), route.body(method), if_match="*")

        assert response.status_code == 404
        assert problem_of(response) == {
            "type": "urn:parley:problem:not_found",
            "title": "Not found.",
            "status": 404,
            "detail": "There is nothing at this address.",
            "code": "not_found",
        }


@pytest.mark.parametrize("route", all_routes(), ids=request_id)
def test_a_method_that_a_route_does_not_know_is_a_405(api: ApiClient, shelf: Shelf, route: Route) -> None:
    before = snapshot()
    for method in METHODS:
        if method in route.methods:
            continue
        response = api.send(method, route.path(shelf.thread), {})

        assert response.status_code == 405
        assert problem_of(response)["code"] == "method_not_allowed"
        assert set(response["Allow"].split(", ")) >= set(route.methods)
    assert snapshot() == before


@pytest.mark.parametrize("path", ["/api/nothing", "/api/threads/x/y/z", "/api/v1/nothing/", "/api/v2/threads"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_a_404(api: ApiClient, path: str, method: str) -> None:
    response = api.send(method, path, {} if method == "POST" else None)

    assert response.status_code == 404
    assert problem_of(response)["code"] == "not_found"


def test_an_unknown_address_asks_for_no_token_of_a_form(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/api/nothing", {}, content_type="application/json")

    assert (response.status_code, problem_of(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "route"), requests_by_key(ROUTES), ids=request_id)
def test_an_unknown_parameter_is_a_400(api: ApiClient, shelf: Shelf, method: str, route: Route) -> None:
    before = snapshot()

    response = api.send(method, f"{route.path(shelf.thread)}?colour=red", route.body(method), if_match="*")

    assert response.status_code == 400
    assert problem_of(response)["code"] == "invalid_parameter"
    assert fields_at_fault(response) == ["colour"]
    assert snapshot() == before


@pytest.mark.parametrize(("method", "route"), requests_by_key(ROUTES), ids=request_id)
def test_a_parameter_given_twice_is_a_400(api: ApiClient, shelf: Shelf, method: str, route: Route) -> None:
    before = snapshot()

    response = api.send(method, f"{route.path(shelf.thread)}?format=json&format=json", route.body(method))

    assert response.status_code == 400
    assert fields_at_fault(response) == ["format"]
    assert snapshot() == before


@pytest.mark.parametrize("route", ROUTES, ids=request_id)
def test_an_unknown_format_is_a_400(api: ApiClient, shelf: Shelf, route: Route) -> None:
    method = next(iter(route.methods))

    response = api.send(method, f"{route.path(shelf.thread)}?format=xml", route.body(method))

    assert response.status_code == 400
    assert fields_at_fault(response) == ["format"]


@pytest.mark.parametrize(
    ("method", "route"),
    [pair for pair in requests_by_key(ROUTES) if pair[0] in ("POST", "PUT", "PATCH")],
    ids=request_id,
)
def test_an_unknown_field_is_a_400(api: ApiClient, shelf: Shelf, method: str, route: Route) -> None:
    before = snapshot()
    body = {**(route.body(method) or {}), "colour": "red"}
    row = row_for(route, shelf)

    response = api.send(method, route.path(row), body, if_match="*")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["colour"]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("method", "route"),
    [pair for pair in requests_by_key(ROUTES) if pair[0] in ("POST", "PUT", "PATCH")],
    ids=request_id,
)
@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"{", b"\xff", b" "])
def test_a_body_that_is_no_object_is_a_400(
    api: ApiClient, shelf: Shelf, method: str, route: Route, body: bytes
) -> None:
    before = snapshot()

    response = api.send(method, route.path(row_for(route, shelf)), body, if_match="*")

    assert response.status_code == 400
    problem_of(response)
    assert snapshot() == before


@pytest.mark.parametrize("debug", [True, False])
def test_unknown_address_is_a_problem_also_in_development(api: ApiClient, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug

    response = api.get("/api/nowhere/at/all")

    assert (response.status_code, problem_of(response)["code"]) == (404, "not_found")
