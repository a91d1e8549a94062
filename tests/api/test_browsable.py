"""The browsable API: every page renders for people who logged in, and shows hostile text as text."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client

from accounts.models import User
from tests.api.conftest import REQUIRED, Shelf, row_for
from tests.api.routes import Route, guarded_routes, list_routes, request_id, requests_by_key, unversioned
from tests.client import ApiClient

FILES = frozenset({"usage-export", "audit-export"})
"""Routes that answer with a file and have no page."""

READABLE = [route for route in unversioned(guarded_routes()) if "GET" in route.methods and route.name not in FILES]
HTML = {"accept": "text/html"}


@pytest.mark.parametrize("route", READABLE, ids=request_id)
def test_every_page_renders(browser: Client, shelf: Shelf, route: Route) -> None:
    response = browser.get(route.path(row_for(route, shelf)), headers=HTML)

    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "alice" in response.content.decode()


@pytest.mark.parametrize("route", list_routes(), ids=request_id)
def test_every_list_renders_when_it_is_empty(browser: Client, thread_id: str, api: ApiClient, route: Route) -> None:
    message = api.post(f"/api/threads/{thread_id}/messages", {"role": "user"}).json()["id"]
    domain = api.post("/api/domains", {"name": "Kept"}).json()["id"]
    row = {"message": message, "domain": domain}.get(route.name.partition("-")[0], thread_id)

    response = browser.get(f"{route.path(row)}?limit=1&order=asc", headers=HTML)

    assert response.status_code == 200


@pytest.mark.parametrize("route", READABLE, ids=request_id)
def test_every_page_is_shown_by_its_format_too(browser: Client, shelf: Shelf, route: Route) -> None:
    response = browser.get(f"{route.path(row_for(route, shelf))}?format=api")

    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("route", list_routes(), ids=request_id)
def test_lists_offer_a_form_where_something_can_be_made(browser: Client, shelf: Shelf, route: Route) -> None:
    page = browser.get(route.path(row_for(route, shelf)), headers=HTML).content.decode()

    assert ('name="_content"' in page) == (("POST", route) in requests_by_key([route]))
    assert 'type="file"' not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/threads/{nobody}", 404), ("/api/threads?colour=red", 400), ("/api/threads?limit=0", 400), ("/api/", 200)],
)
def test_errors_are_pages_too(browser: Client, path: str, status: int) -> None:
    response = browser.get(path.format(nobody=uuid.uuid4()), headers=HTML)

    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")


def test_a_person_who_did_not_log_in_sees_where_to(db: None) -> None:
    response = Client().get("/api/threads", headers=HTML)

    assert (response.status_code, response["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert "/api-auth/login/?next=/api/threads" in response.content.decode()


def test_a_person_can_log_in_and_out(alice: User) -> None:
    client = Client()

    page = client.get("/api-auth/login/?next=/api/threads")
    logged_in = client.post(
        "/api-auth/login/?next=/api/threads", {"username": "alice", "password": "correct horse battery"}
    )
    seen = client.get("/api/threads")
    client.post("/api-auth/logout/")

    assert page.status_code == 200
    assert (logged_in.status_code, logged_in["Location"]) == (302, "/api/threads")
    assert seen.status_code == 200
    assert client.get("/api/threads").status_code == 401


def test_hostile_text_is_text(browser: Client, api: ApiClient) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    thread = api.post("/api/threads", {**REQUIRED, "title": hostile, "metadata": {hostile: hostile}}).json()["id"]
    api.post(f"/api/threads/{thread}/messages", {"role": "user", "content": hostile, "artifact_data": hostile})

    pages = [
        browser.get(path, headers=HTML).content.decode()
        for path in ("/api/threads", f"/api/threads/{thread}", f"/api/threads/{thread}/messages", "/api/messages")
    ]

    assert [page for page in pages if hostile in page or "<script>alert" in page or "<img src=x" in page] == []
    assert all("&lt;script&gt;alert(1)&lt;/script&gt;" in page for page in pages)


@pytest.mark.parametrize("path", ["/api/", "/api/threads", "/api/docs", "/api-auth/login/"])
def test_pages_carry_a_policy_that_they_keep(browser: Client, shelf: Shelf, path: str) -> None:
    response = browser.get(path, headers=HTML)

    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    page = response.content.decode()
    inline = [script for script in re.findall(r"<script\b[^>]*>", page) if "src=" not in script]
    assert [script for script in inline if 'type="application/json"' not in script] == []
    assert re.findall(r"\son\w+\s*=", page) == []
    loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']([^\"']*)", page)
    assert [address for address in loaded if not address.startswith(("/static/", "/api/", "data:"))] == []
