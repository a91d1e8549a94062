"""`limit` and `offset` where a list promises them, and `count=true`."""

from __future__ import annotations

import pytest

from tests.api.conftest import REQUIRED, Shelf, make_through, row_for
from tests.api.problems import fields_at_fault
from tests.api.routes import Route, list_routes, request_id
from tests.client import ApiClient

WITH_OFFSET = ["/api/threads", "/api/conversations", "/api/sessions", "/api/agents"]


@pytest.fixture
def five(api: ApiClient) -> None:
    for index in range(5):
        make_through(api, "/api/threads", {**REQUIRED, "title": str(index)})
        make_through(api, "/api/agents", {"name": str(index)})


def names(page: dict[str, list[dict[str, str]]]) -> str:
    return "".join(row.get("title") or row["name"] for row in page["results"])


@pytest.mark.parametrize("path", WITH_OFFSET)
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=2&offset=0", "43"),
        ("limit=2&offset=2", "21"),
        ("limit=2&offset=4", "0"),
        ("limit=2&offset=5", ""),
        ("offset=3", "10"),
        ("limit=3&offset=1&order=asc", "123"),
        ("offset=100000", ""),
    ],
)
def test_offset_leaves_out_rows(api: ApiClient, five: None, path: str, query: str, expected: str) -> None:
    response = api.get(f"{path}?{query}")

    assert response.status_code == 200
    assert names(response.json()) == expected


@pytest.mark.parametrize("path", WITH_OFFSET)
def test_offset_pages_are_linked_in_both_directions(api: ApiClient, five: None, path: str) -> None:
    first = api.get(f"{path}?limit=2&offset=0").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()

    assert [names(page) for page in (first, second, third)] == ["43", "21", "0"]
    assert (first["previous"], third["next"]) == (None, None)
    assert api.get(third["previous"]).json() == second
    assert names(api.get(second["previous"]).json()) == "43"


@pytest.mark.parametrize("path", WITH_OFFSET)
def test_offset_and_cursor_exclude_each_other(api: ApiClient, five: None, path: str) -> None:
    cursor = api.get(f"{path}?limit=2").json()["next"].rpartition("cursor=")[2].partition("&")[0]

    response = api.get(f"{path}?cursor={cursor}&offset=1")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["offset"]


@pytest.mark.parametrize("route", list_routes(), ids=request_id)
def test_lists_without_offset_refuse_it(api: ApiClient, thread_id: str, route: Route) -> None:
    if route.template in WITH_OFFSET:
        assert api.get(f"{route.path()}?offset=0").status_code == 200
        return

    response = api.get(f"{route.path(thread_id)}?offset=0")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["offset"]


def test_count_tells_all_rows_that_match(api: ApiClient, five: None) -> None:
    counts = {
        query: api.get(f"/api/threads?count=true&{query}").json()["count"]
        for query in ("", "limit=1", "limit=2&offset=4", "provider=openai", "provider=other", "trashed=true", "q=3")
    }

    assert counts == {
        "": 5,
        "limit=1": 5,
        "limit=2&offset=4": 5,
        "provider=openai": 5,
        "provider=other": 0,
        "trashed=true": 0,
        "q=3": 1,
    }


def test_count_is_told_only_when_asked_for(api: ApiClient, five: None) -> None:
    assert list(api.get("/api/threads").json()) == ["next", "previous", "results"]
    assert list(api.get("/api/threads?count=false").json()) == ["next", "previous", "results"]
    assert list(api.get("/api/threads?count=true").json()) == ["count", "next", "previous", "results"]


@pytest.mark.parametrize("route", list_routes(), ids=request_id)
@pytest.mark.parametrize("value", ["0", "-1", "1001", "abc", "1e3", "", "99999999999999999999", "1.0", "+1"])
def test_a_limit_is_a_whole_number_up_to_a_thousand(api: ApiClient, shelf: Shelf, route: Route, value: str) -> None:
    response = api.get(f"{route.path(row_for(route, shelf))}?limit={value}")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["limit"]
