"""With the application's own filter switched off, the database alone keeps organizations apart."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Organization
from tests.api.conftest import Shelf
from tests.api.routes import Route, guarded_routes, list_routes, request_id, requests, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.row_security.stage import ids_by_table, on_postgresql

pytestmark = [on_postgresql, pytest.mark.usefixtures("wall", "no_filter")]

LISTS = [route for route in list_routes() if not route.has_row]
ROWS = [route for route in unversioned(guarded_routes()) if route.has_row]

STAGED = re.compile(r"/api/(agents|threads|conversations|sessions|messages|feedback|integrations|domains|instances)\b")
"""Routes of which the stage holds rows, and which nothing but the filter keeps to the organization."""


def foreign_ids_in(response: Any, ids: list[object]) -> list[object]:
    text = response.content.decode()
    return [each for each in ids if str(each) in text]


@pytest.mark.parametrize("route", LISTS, ids=request_id)
def test_a_list_shows_no_foreign_row(
    stranger: ApiClient, organization: Organization, shelf: Shelf, settings: Settings, route: Route
) -> None:
    ids = [*ids_by_table(organization).values(), *vars(shelf).values()]
    addresses = [route.path() + query for query in ("", "?q=kept", "?trashed=true", "?count=true")]

    pages = [stranger.get(address) for address in addresses]

    assert [foreign_ids_in(page, ids) for page in pages] == [[]] * len(pages)
    assert pages[0].status_code == 200
    settings.ROW_LEVEL_SECURITY = False
    leaked = foreign_ids_in(stranger.get(route.path()), ids)
    assert leaked or not STAGED.match(route.template), "there was nothing to leak"


@pytest.mark.parametrize(("method", "route"), requests(ROWS), ids=request_id)
def test_a_foreign_row_answers_like_no_row_and_stays_as_it_is(
    stranger: ApiClient,
    organization: Organization,
    shelf: Shelf,
    settings: Settings,
    method: str,
    route: Route,
) -> None:
    ids = [str(pk) for pk in ids_by_table(organization).values()]
    ids += [pk for pk in vars(shelf).values() if pk not in ids]
    body = route.body(method)
    stranger.get("/api/threads")
    before = snapshot()

    expected = stranger.send(method, route.path(uuid.uuid4()), body, if_match="*")
    answers = [stranger.send(method, route.path(pk), body, if_match="*") for pk in ids]

    told = (expected.status_code, expected.content)
    assert [(answer.status_code, answer.content) for answer in answers] == [told] * len(ids)
    assert snapshot() == before
    if STAGED.match(route.template):
        assert expected.status_code == 404
        settings.ROW_LEVEL_SECURITY = False
        leaks = (stranger.send(method, route.path(pk), body, if_match="*").status_code < 300 for pk in ids)
        assert any(leaks), "there was nothing to leak"


def test_a_reference_to_a_foreign_row_is_refused_like_one_to_no_row(
    stranger: ApiClient, shelf: Shelf, settings: Settings
) -> None:
    fields = {"agent_type": "chat", "model": "m", "provider": "p"}
    before = snapshot()["conversations.Thread"]

    answers = [stranger.post("/api/threads", {**fields, "agent_id": pk}) for pk in (shelf.agent, str(uuid.uuid4()))]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].content == answers[1].content
    assert snapshot()["conversations.Thread"] == before
    settings.ROW_LEVEL_SECURITY = False
    assert stranger.post("/api/threads", {**fields, "agent_id": shelf.agent}).status_code == 201
