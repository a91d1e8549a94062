"""Somebody else's row and no row at all: the same answer, byte for byte."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import Organization
from tests.api.conftest import Shelf
from tests.api.routes import Route, guarded_routes, list_routes, request_id, requests, unversioned
from tests.api.stored_rows import ids_of_rows, snapshot
from tests.client import ApiClient

OWN_LISTS = {"organization-list", "audit-list", "key-list", "role-list"}
"""Lists of rows that everybody has one of."""

FOREIGN_LISTS = [route for route in list_routes() if route.name not in OWN_LISTS]

ROUTES_OF_ROWS = [route for route in unversioned(guarded_routes()) if route.has_row]


def answer(client: ApiClient, method: str, route: Route, pk: object) -> tuple[int, bytes, dict[str, str]]:
    response = client.send(method, route.path(pk), route.body(method), if_match="*")
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    return response.status_code, response.content, headers


@pytest.mark.parametrize(("method", "route"), requests(ROUTES_OF_ROWS), ids=request_id)
def test_the_row_of_a_stranger_answers_like_no_row(
    api: ApiClient, stranger: ApiClient, organization: Organization, shelf: Shelf, method: str, route: Route
) -> None:
    ids = ids_of_rows(organization.pk)
    stranger.get("/api/threads")
    before = snapshot()

    expected = answer(stranger, method, route, uuid.uuid4())
    answers = [answer(stranger, method, route, pk) for pk in ids]

    assert expected[0] == 404
    assert answers == [expected] * len(ids)
    assert snapshot() == before
    assert any(answer(api, method, route, pk)[0] < 300 for pk in ids), "there was nothing to leak"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("route", ROUTES_OF_ROWS, ids=request_id)
def test_any_method_on_the_row_of_a_stranger_answers_like_no_row(
    stranger: ApiClient, organization: Organization, shelf: Shelf, method: str, route: Route
) -> None:
    ids = ids_of_rows(organization.pk)

    expected = answer(stranger, method, route, uuid.uuid4())

    assert [answer(stranger, method, route, pk) for pk in ids] == [expected] * len(ids)


@pytest.mark.parametrize("route", FOREIGN_LISTS, ids=request_id)
def test_lists_show_nothing_to_a_stranger(
    api: ApiClient, stranger: ApiClient, organization: Organization, shelf: Shelf, route: Route
) -> None:
    if route.has_row:
        assert {answer(stranger, "GET", route, pk)[0] for pk in ids_of_rows(organization.pk)} == {404}
        return
    addresses = [route.path() + query for query in ("", "?q=kept", "?trashed=true", "?order=asc", "?limit=1")]
    known = [address for address in addresses if api.get(address).status_code == 200]

    pages = [stranger.get(address).json() for address in known]

    assert pages == [{"next": None, "previous": None, "results": []}] * len(known)
    assert all(api.get(address).json()["results"] for address in known), "there was nothing to leak"


@pytest.mark.parametrize("route", [route for route in FOREIGN_LISTS if not route.has_row], ids=request_id)
def test_counts_tell_nothing_to_a_stranger(api: ApiClient, stranger: ApiClient, shelf: Shelf, route: Route) -> None:
    count = stranger.get(f"{route.path()}?count=true").json()["count"]

    assert count == 0
    assert api.get(f"{route.path()}?count=true").json()["count"] > 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/threads", {"agent_id": "{agent}", "agent_type": "chat", "model": "m", "provider": "p"}),
        ("/api/threads/{own}/messages", {"role": "user", "parent_id": "{message}"}),
        ("/api/threads/{own}/messages/batch", {"messages": [{"role": "user", "parent_id": "{message}"}]}),
    ],
)
def test_a_reference_to_the_row_of_a_stranger_answers_like_no_row(
    stranger: ApiClient, shelf: Shelf, path: str, body: dict[str, Any]
) -> None:
    own = stranger.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"}).json()["id"]
    before = snapshot()
    theirs = {"agent": shelf.agent, "message": shelf.message}
    nobodys = dict.fromkeys(theirs, str(uuid.uuid4()))

    answers = [stranger.post(path.format(own=own), filled(body, names)) for names in (theirs, nobodys)]

    assert [response.status_code for response in answers] == [400, 400]
    assert answers[0].content == answers[1].content
    assert snapshot() == before


def test_the_active_leaf_cannot_be_the_message_of_a_stranger(stranger: ApiClient, shelf: Shelf) -> None:
    own = stranger.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"}).json()["id"]
    before = snapshot()

    answers = [
        stranger.patch(f"/api/threads/{own}", {"active_leaf_id": leaf}) for leaf in (shelf.message, str(uuid.uuid4()))
    ]

    assert [response.status_code for response in answers] == [400, 400]
    assert answers[0].content == answers[1].content
    assert snapshot() == before


@pytest.mark.parametrize("query", ["", "?count=true", "?limit=1", "?order=asc"])
def test_a_stranger_sees_their_own_key_alone(stranger: ApiClient, shelf: Shelf, query: str) -> None:
    page = stranger.get(f"/api/keys{query}").json()

    assert stranger.key is not None
    assert [row["prefix"] for row in page["results"]] == [f"{stranger.key[:19]}_…"]
    assert (page["next"], page.get("count", 1)) == (None, 1)


@pytest.mark.parametrize("query", ["", "?count=true", "?limit=1", "?order=asc"])
def test_a_stranger_sees_their_own_organization_alone(
    stranger: ApiClient, organization: Organization, other_organization: Organization, query: str
) -> None:
    page = stranger.get(f"/api/organizations{query}").json()

    assert [row["slug"] for row in page["results"]] == ["rival"]
    assert (page["next"], page.get("count", 1)) == (None, 1)


def test_filters_by_the_row_of_a_stranger_find_nothing(stranger: ApiClient, shelf: Shelf) -> None:
    own = {"agent_type": "chat", "model": "m", "provider": "p"}
    stranger.post("/api/threads", own)

    page = stranger.get(f"/api/threads?agent_id={shelf.agent}").json()

    assert page["results"] == []


def filled(body: Any, names: dict[str, str]) -> Any:
    """The body with `{agent}` and `{message}` in its texts replaced."""
    if isinstance(body, str):
        return body.format(**names) if body.startswith("{") else body
    if isinstance(body, dict):
        return {key: filled(value, names) for key, value in body.items()}
    return [filled(value, names) for value in body]
