"""Requests with a key take a short way through the middleware, and are answered as they would be on the long one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client
from django.test.client import ClientHandler, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.actors import SystemActor
from accounts.models import User
from core.lanes import is_of_program
from core.middleware import CONTENT_SECURITY_POLICY
from core.viewsets import BaseViewSet
from tests.api.conftest import Shelf, make_shelf, row_for
from tests.api.routes import guarded_routes, unversioned
from tests.client import ApiClient, Handler

OWN_HEADERS = frozenset({"X-Request-ID"})
"""Made for each answer."""

TOKEN = re.compile(rb"[A-Za-z0-9]{64}")
"""Against forgery: a page has one of its own."""

LEFT_OUT = frozenset({"Content-Length", "X-Frame-Options"})
"""What only the long way sets: the server writes the length itself, and a policy of frames is in that of content."""

SECURITY = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ALL_MIDDLEWARE = [name.rpartition(".")[2] for name in django_settings.MIDDLEWARE]

Answer = tuple[int, bytes, dict[str, str]]


@pytest.fixture
def shelf(actor: SystemActor) -> Shelf:
    return make_shelf(actor)


class Browser(Client):
    """Django's test client with the handler of the server, under which a key chooses the lane."""

    def __init__(self, *, is_strict: bool = False, is_raising: bool = True) -> None:
        super().__init__(raise_request_exception=is_raising)
        self.handler = Handler(enforce_csrf_checks=is_strict)


def answer_of(response: Any) -> Answer:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = {name: value for name, value in response.headers.items() if name not in OWN_HEADERS}
    return response.status_code, TOKEN.sub(b"", body), headers


def by_long_chain(api: ApiClient, method: str, path: str, **headers: str) -> Answer:
    """The answer to the same request when every middleware sees it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named.setdefault("authorization", f"Bearer {api.key}")
    status, body, sent = answer_of(Client().generic(method, path, headers=named))
    kept = {name: value for name, value in sent.items() if name not in LEFT_OUT}
    if "Vary" in kept:
        # Where the long chain has looked at a session; what a key gets does not depend on cookies.
        kept["Vary"] = ", ".join(word for word in kept["Vary"].split(", ") if word != "Cookie")
    return status, body, kept


def assert_alike(api: ApiClient, method: str, path: str, **headers: str) -> Answer:
    found = answer_of(api.send(method, path, **headers))
    assert found == by_long_chain(api, method, path, **headers)
    return found


def test_every_address_answers_alike(api: ApiClient, shelf: Shelf, settings: Settings) -> None:
    """All but the audit trail, which grows by being read."""
    settings.THROTTLE_ADDRESS_PER_MINUTE = settings.THROTTLE_KEY_PER_MINUTE = 0
    statuses = {}
    routes = [route for route in unversioned(guarded_routes()) if not route.name.startswith("audit")]
    for route in routes:
        path = route.path(row_for(route, shelf))
        for method in ("GET", "HEAD", "OPTIONS"):
            statuses[method, route.name] = assert_alike(api, method, path)[0]

    assert set(statuses.values()) == {200, 405}


ODD: dict[str, tuple[str, str, dict[str, str], int]] = {
    "unknown address": ("GET", "/api/nothing", {}, 404),
    "unknown id": ("GET", "/api/threads/018f0000-0000-7000-8000-00000000000a", {}, 404),
    "versioned": ("GET", "/api/v1/threads", {}, 200),
    "trailing slash": ("GET", "/api/threads/", {}, 200),
    "two slashes": ("GET", "/api//threads", {}, 404),
    "wrong method": ("DELETE", "/api/threads", {}, 405),
    "wrong parameter": ("GET", "/api/threads?limit=x", {}, 400),
    "wrong body": ("POST", "/api/threads", {}, 400),
    "browsable": ("GET", "/api/threads", {"accept": "text/html"}, 200),
    "browsable problem": ("GET", "/api/threads?limit=x", {"accept": "text/html"}, 400),
    "not acceptable": ("GET", "/api/threads", {"accept": "image/png"}, 406),
    "documents": ("GET", "/api/docs", {}, 200),
    "wrong key": ("GET", "/api/threads", {"authorization": "Bearer parley_wrong"}, 401),
    "no key": ("GET", "/api/threads", {"authorization": "Bearer "}, 401),
    "two words": ("GET", "/api/threads", {"authorization": "Bearer a b"}, 401),
    "wrong key to a secret": ("POST", "/api/threads", {"authorization": "bearer x"}, 401),
}


@pytest.mark.parametrize(("method", "path", "headers", "status"), ODD.values(), ids=ODD)
def test_odd_requests_are_answered_alike(
    api: ApiClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert assert_alike(api, method, path, **headers)[0] == status


def test_a_scheme_is_known_in_any_case(api: ApiClient) -> None:
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        assert assert_alike(api, "GET", "/api/threads", authorization=f"{scheme} {api.key}")[0] == 200


def test_security_headers_are_set(api: ApiClient, settings: Settings) -> None:
    for path in ("/api/threads", "/api/nothing", "/api/threads?limit=x"):
        assert SECURITY.items() <= api.get(path).headers.items()


def test_https_is_demanded_alike(api: ApiClient, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    plain = answer_of(lane().get("/api/threads?limit=1", headers=bearer(api)))
    secure = lane().get("/api/threads", headers=bearer(api), secure=True)

    assert plain == by_long_chain(api, "GET", "/api/threads?limit=1")
    assert (plain[0], plain[2]["Location"]) == (301, "https://testserver/api/threads?limit=1")
    assert (secure.status_code, secure["Strict-Transport-Security"]) == (200, "max-age=60")


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "a b", "testserver:x"])
def test_a_host_that_is_not_named_is_refused_alike(api: ApiClient, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    with CaptureQueriesContext(connection) as captured:
        status, body, _headers = assert_alike(api, "GET", "/api/threads", host=host)

    assert (status, json.loads(body)["code"]) == (400, "bad_request")
    assert captured.captured_queries == []


@pytest.mark.parametrize("error", [ArithmeticError, PermissionDenied, Http404, SuspiciousOperation, OperationalError])
def test_an_error_outside_of_any_view_is_answered_alike(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*arguments: Any) -> Any:
        raise error("on purpose")

    monkeypatch.setattr(BaseViewSet, "dispatch", fail)
    found = [
        answer_of(client.get("/api/threads", headers={**bearer(api), "X-Request-ID": "mine"}))
        for client in (Browser(is_raising=False), Client(raise_request_exception=False))
    ]

    assert found[0][0] >= 400
    assert found[0][:2] == found[1][:2]
    assert found[0][2] == {name: value for name, value in found[1][2].items() if name not in LEFT_OUT}


def test_a_request_keeps_its_id(api: ApiClient) -> None:
    for path in ("/api/threads", "/api/nothing"):
        assert api.get(path, x_request_id="mine-1")["X-Request-ID"] == "mine-1"


def lane() -> Browser:
    return Browser()


def bearer(api: ApiClient) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.key}"}


def test_cookies_beside_a_key_mean_nothing(api: ApiClient, charlie: User) -> None:
    """A browser in which somebody of another organization is logged in: the key decides, and no session is read."""
    browser = Browser(is_strict=True)
    browser.force_login(charlie)
    browser.cookies["csrftoken"] = "x" * 32
    body = json.dumps({"agent_type": "chat", "model": "m", "provider": "p"})
    with CaptureQueriesContext(connection) as captured:
        made = browser.post("/api/threads", body, content_type="application/json", headers=bearer(api))

    assert made.status_code == 201
    assert made.cookies == {}
    assert "Vary" not in made.headers or "Cookie" not in made["Vary"]
    assert [query["sql"] for query in captured.captured_queries if "session" in query["sql"]] == []
    assert api.get(f"/api/threads/{made.json()['id']}").status_code == 200


def test_cookies_do_not_make_a_wrong_key_right(alice: User, settings: Settings) -> None:
    browser = Browser(is_strict=True)
    browser.force_login(alice)

    refused = browser.get("/api/threads", headers={"Authorization": "Bearer parley_wrong"})

    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Bearer realm="Parley"')
    assert browser.get("/api/threads").status_code == 200


def test_without_a_key_a_form_still_needs_its_token(alice: User) -> None:
    browser = Browser(is_strict=True)
    browser.force_login(alice)
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearerx"}):
        refused = browser.post("/api/threads", "{}", content_type="application/json", headers=headers)
        assert refused.status_code == 403


def test_another_lane_than_the_api_is_the_long_one(api: ApiClient, alice: User) -> None:
    browser = Browser(is_strict=True)
    browser.force_login(alice)
    for path in ("/admin/", "/api-auth/login/", "/"):
        with_key, without = (browser.get(path, headers=headers) for headers in (bearer(api), {}))
        assert (with_key.status_code, with_key.get("Location")) == (without.status_code, without.get("Location"))
        assert with_key["X-Frame-Options"] == "DENY"
    forged = browser.post("/api-auth/logout/", headers=bearer(api))
    assert forged.status_code == 403


@pytest.mark.parametrize(
    ("path", "authorization", "is_one"),
    [
        ("/api/threads", "Bearer x", True),
        ("/api/", "bearer x", True),
        ("/api/threads", "Bearer ", True),
        ("/api/threads", "Bearer", False),
        ("/api/threads", "Bearer\tx", False),
        ("/api/threads", "Basic x", False),
        ("/api/threads", "", False),
        ("/api", "Bearer x", False),
        ("/API/threads", "Bearer x", False),
        ("/admin/", "Bearer x", False),
        ("/api-auth/login/", "Bearer x", False),
        ("/static/api/", "Bearer x", False),
    ],
)
def test_who_is_a_program(path: str, authorization: str, is_one: bool) -> None:
    assert is_of_program(RequestFactory().get(path, headers={"Authorization": authorization})) is is_one


def passed_by(monkeypatch: pytest.MonkeyPatch, handler: type[ClientHandler], **headers: str) -> list[str]:
    """The middleware that one request passes, told by the modules that leave no other trace of themselves."""
    seen: list[str] = []

    def note(each: type[Any], name: str) -> None:
        method = getattr(each, name)

        def noting(self: Any, request: HttpRequest, *rest: Any) -> Any:
            seen.append(type(self).__name__)
            return method(self, request, *rest)

        monkeypatch.setattr(each, name, noting)

    for each in (SessionMiddleware, AuthenticationMiddleware, CsrfViewMiddleware):
        note(each, "process_request")
    client = Client()
    client.handler = handler(enforce_csrf_checks=False)
    client.get("/api/threads", headers=headers)
    return seen


def test_programs_pass_no_sessions_and_no_forms(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert passed_by(monkeypatch, Handler, **bearer(api)) == []


def test_browsers_pass_all_of_it(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ["SessionMiddleware", "CsrfViewMiddleware", "AuthenticationMiddleware"]
    assert passed_by(monkeypatch, Handler) == known
    assert known == [name for name in ALL_MIDDLEWARE if name in known]


def test_the_lane_is_part_of_the_long_chain_in_its_order() -> None:
    """Whatever a program passes a browser passes too."""
    lane = django_settings.PROGRAM_MIDDLEWARE

    assert lane == [name for name in django_settings.MIDDLEWARE if name in lane]
