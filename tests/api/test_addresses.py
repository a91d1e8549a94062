"""Every route answers at four spellings of its address, and never by a redirect."""

from __future__ import annotations

import pytest

from tests.api.conftest import Shelf
from tests.api.routes import Route, all_routes, request_id, requests, unversioned
from tests.client import ApiClient

NO_ROW = "01890000-0000-7000-8000-000000000000"


def spellings(template: str) -> list[str]:
    """With and without the version, with and without the trailing slash."""
    plain = template.rstrip("/")
    return [plain, f"{plain}/", plain.replace("/api", "/api/v1", 1), plain.replace("/api", "/api/v1", 1) + "/"]


@pytest.mark.parametrize(("method", "route"), requests(unversioned(all_routes())), ids=request_id)
def test_every_spelling_of_an_address_is_answered_alike(api: ApiClient, method: str, route: Route) -> None:
    paths = [spelling % {"pk": NO_ROW} if route.has_row else spelling for spelling in spellings(route.template)]

    statuses = [api.send(method, path, b"[]").status_code for path in paths]

    assert statuses == [statuses[0]] * 4
    assert not 300 <= statuses[0] < 400


READABLE = [route for route in all_routes() if not route.has_row and "GET" in route.methods]


@pytest.mark.parametrize("route", READABLE, ids=request_id)
def test_every_address_without_a_row_can_be_read(api: ApiClient, route: Route) -> None:
    response = api.get(route.path())

    assert response.status_code == 200


def test_both_versions_lead_to_the_same_views() -> None:
    versioned = {
        route.template.replace("/api/v1", "/api").rstrip("/"): (route.view, route.actions)
        for route in all_routes()
        if route.is_versioned
    }

    assert versioned == {route.template.rstrip("/"): (route.view, route.actions) for route in unversioned(all_routes())}


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_one_row_is_the_same_at_every_spelling(api: ApiClient, shelf: Shelf, prefix: str, slash: str) -> None:
    response = api.get(f"{prefix}/threads/{shelf.thread}{slash}")

    assert response.status_code == 200
    assert response.content == api.get(f"/api/threads/{shelf.thread}").content


def test_links_between_pages_keep_the_spelling_of_the_request(api: ApiClient, shelf: Shelf) -> None:
    api.post("/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"})

    link = api.get("/api/v1/threads/?limit=1").json()["next"]

    assert link.startswith("http://testserver/api/v1/threads/?")


def test_the_root_lists_addresses_that_exist(api: ApiClient) -> None:
    links = api.get("/api/").json()

    assert {name: api.get(link).status_code for name, link in links.items()} == dict.fromkeys(links, 200)
