"""A request that is sent twice has its effect once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import IdempotencyRecord, Organization, User
from accounts.services import create_api_key
from tests.api.conftest import REQUIRED, Shelf, make_through, row_for
from tests.api.problems import problem_of
from tests.api.routes import Route, guarded_routes, request_id, requests_by_key, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

POSTS = [route for method, route in requests_by_key(unversioned(guarded_routes())) if method == "POST"]

KEPT_HEADERS = ("Content-Type", "ETag", "Location", "Parley-Replaced-Characters")


def compared(response: Any) -> tuple[int, bytes, dict[str, str]]:
    return (
        response.status_code,
        response.content,
        {name: response[name] for name in KEPT_HEADERS if name in response},
    )


SHOWN_ONCE = {"key-list": "key", "key-rotate": "key", "invitation-list": "url"}
"""Members of answers that are secret, by route: a repeated request finds null there."""


def without_secret(route: Route, response: Any) -> tuple[int, bytes, dict[str, str]]:
    """What is compared of an answer, once its secret is taken out."""
    status, content, headers = compared(response)
    if route.name in SHOWN_ONCE:
        secret = json.dumps(response.json()[SHOWN_ONCE[route.name]]).encode()
        assert content.count(secret) == 1
        content = content.replace(secret, b"null")
    return status, content, headers


@pytest.mark.parametrize("route", POSTS, ids=request_id)
def test_a_repeated_post_is_answered_alike_and_done_once(api: ApiClient, shelf: Shelf, route: Route) -> None:
    path, body = route.path(row_for(route, shelf)), route.body("POST")
    first = api.post(path, body, idempotency_key="k")
    before = snapshot()

    again = api.post(path, body, idempotency_key="k")

    assert first.status_code in (200, 201)
    assert compared(again) == without_secret(route, first)
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert snapshot() == before


@pytest.mark.parametrize("route", POSTS, ids=request_id)
def test_another_request_with_the_same_key_is_a_409(api: ApiClient, shelf: Shelf, route: Route) -> None:
    api.post("/api/threads", {**REQUIRED, "title": "first"}, idempotency_key="k")
    before = snapshot()

    response = api.post(route.path(row_for(route, shelf)), route.body("POST"), idempotency_key="k")

    assert response.status_code == 409
    assert problem_of(response)["code"] == "idempotency_key_reused"
    assert snapshot() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/threads/{id}/messages", {"role": "user", "content": "b"}),
        ("/api/threads/{id}/messages", {"content": "a", "role": "user"}),
        ("/api/threads/{id}/messages?invalid_text=replace", {"role": "user", "content": "a"}),
        ("/api/threads/{other}/messages", {"role": "user", "content": "a"}),
        ("/api/conversations/{id}/messages", {"role": "user", "content": "a"}),
    ],
)
def test_what_differs_in_body_or_address_is_another_request(
    api: ApiClient, thread_id: str, new_thread: Callable[..., Any], path: str, body: dict[str, str]
) -> None:
    names = {"id": thread_id, "other": new_thread()["id"]}
    api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "content": "a"}, idempotency_key="k")
    before = snapshot()

    response = api.post(path.format(**names), body, idempotency_key="k")

    assert response.status_code == 409
    assert snapshot() == before


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_spelling_of_the_address_does_not_make_another_request(
    api: ApiClient, thread_id: str, prefix: str, slash: str
) -> None:
    body = {"role": "user", "content": "a"}
    first = api.post(f"/api/threads/{thread_id}/messages", body, idempotency_key="k")
    before = snapshot()

    again = api.post(f"{prefix}/threads/{thread_id}/messages{slash}", body, idempotency_key="k")

    assert compared(again) == compared(first)
    assert snapshot() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/threads", REQUIRED),
        ("/api/conversations", {}),
        ("/api/agents", {"name": "Ada"}),
        ("/api/threads/{thread}/messages", {"role": "user"}),
        ("/api/messages/{message}/feedback", {"rating": 1}),
    ],
)
def test_an_id_of_the_client_works_as_a_key(api: ApiClient, shelf: Shelf, path: str, body: dict[str, Any]) -> None:
    own = {**body, "id": str(uuid.uuid4())}
    address = path.format(thread=shelf.thread, message=shelf.message)
    first = api.post(address, own)
    before = snapshot()

    again = api.post(address, own)
    other = api.post(address, {**own, "metadata" if "role" in body else "id": own["id"], "extra": 1})

    assert first.json()["id"] == own["id"]
    assert compared(again) == compared(first)
    assert again["Idempotent-Replayed"] == "true"
    assert other.status_code == 409
    assert snapshot() == before


def test_a_key_belongs_to_its_organization(api: ApiClient, stranger: ApiClient) -> None:
    own = api.post("/api/threads", {**REQUIRED, "title": "mine"}, idempotency_key="k")

    theirs = stranger.post("/api/threads", {**REQUIRED, "title": "theirs"}, idempotency_key="k")
    same = stranger.post("/api/threads", {**REQUIRED, "title": "theirs"}, idempotency_key="k")

    assert (own.status_code, theirs.status_code) == (201, 201)
    assert theirs.json()["id"] != own.json()["id"]
    assert same.content == theirs.content


def test_a_key_is_shared_by_the_keys_of_an_organization(api: ApiClient, organization: Organization) -> None:
    colleague = ApiClient(create_api_key(organization=organization, name="another")[1])
    first = api.post("/api/threads", REQUIRED, idempotency_key="k")

    again = colleague.post("/api/threads", REQUIRED, idempotency_key="k")

    assert compared(again) == compared(first)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/threads", {"title": "no type"}, 400),
        ("/api/threads", {**REQUIRED, "colour": "red"}, 400),
        ("/api/threads?colour=red", REQUIRED, 400),
        ("/api/threads", b"{", 400),
        ("/api/threads/01890000-0000-7000-8000-000000000000/messages", {"role": "user"}, 404),
        ("/api/threads/{thread}/messages", {"role": "user", "external_id": "taken"}, 409),
        ("/api/threads/{thread}/messages/batch", {"messages": [{"role": "user"}, {"role": "wizard"}]}, 400),
    ],
)
def test_a_request_that_failed_leaves_nothing_and_may_be_corrected(
    api: ApiClient, thread_id: str, path: str, body: Any, status: int
) -> None:
    make_through(api, f"/api/threads/{thread_id}/messages", {"role": "user", "external_id": "taken"})
    before = snapshot()

    failed = api.post(path.format(thread=thread_id), body, idempotency_key="k")
    after = snapshot()
    corrected = api.post("/api/threads", REQUIRED, idempotency_key="k")

    assert failed.status_code == status
    assert after == before
    assert corrected.status_code == 201


def test_a_replay_tells_the_first_answer_even_after_changes(api: ApiClient) -> None:
    first = api.post("/api/threads", {**REQUIRED, "title": "first"}, idempotency_key="k")
    path = f"/api/threads/{first.json()['id']}"
    api.patch(path, {"title": "second"})
    api.delete(path)

    again = api.post("/api/threads", {**REQUIRED, "title": "first"}, idempotency_key="k")

    assert compared(again) == compared(first)
    assert api.get(path).status_code == 404


def test_a_replay_tells_how_many_characters_were_replaced(api: ApiClient, thread_id: str) -> None:
    path = f"/api/threads/{thread_id}/messages?invalid_text=replace"
    body = {"role": "tool", "content": "a\x00b\x00"}
    first = api.post(path, body, idempotency_key="k")

    again = api.post(path, body, idempotency_key="k")

    assert first["Parley-Replaced-Characters"] == "2"
    assert compared(again) == compared(first)


def test_a_replay_can_be_browsed(api: ApiClient) -> None:
    api.post("/api/threads", REQUIRED, idempotency_key="k")

    page = api.post("/api/threads", REQUIRED, idempotency_key="k", accept="text/html")

    assert (page.status_code, page["Content-Type"]) == (201, "text/html; charset=utf-8")


@pytest.mark.parametrize("key", ["", "k" * 256, "ü", "a\tb", "a\x7fb"])
def test_a_key_that_cannot_be_used_is_a_400(api: ApiClient, key: str) -> None:
    before = snapshot()

    response = api.post("/api/threads", REQUIRED, idempotency_key=key)

    assert response.status_code == 400
    assert problem_of(response)["code"] == "malformed_idempotency_key"
    assert snapshot() == before


@pytest.mark.parametrize("key", ["k" * 255, " ", "a b", '"quoted"', "01890000-0000-7000-8000-000000000000"])
def test_keys_are_any_printable_text(api: ApiClient, key: str) -> None:
    statuses = [api.post("/api/threads", REQUIRED, idempotency_key=key).status_code for _ in range(2)]

    assert statuses == [201, 201]
    assert len(api.get("/api/threads").json()["results"]) == 1


def test_a_key_does_not_collide_with_an_id(api: ApiClient) -> None:
    own = str(uuid.uuid4())
    api.post("/api/threads", {**REQUIRED, "id": own})

    response = api.post("/api/threads", REQUIRED, idempotency_key=own)

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response


def test_a_request_without_key_and_id_is_never_a_repetition(api: ApiClient) -> None:
    answers = [api.post("/api/threads", REQUIRED) for _ in range(2)]

    assert answers[0].json()["id"] != answers[1].json()["id"]
    assert IdempotencyRecord.objects.count() == 0


def test_records_tell_when_they_were_made(api: ApiClient, organization: Organization) -> None:
    api.post("/api/threads", REQUIRED, idempotency_key="k")

    record = IdempotencyRecord.objects.get(organization=organization)

    assert record.key == "key:k"
    assert timezone.now() - record.created_at < timedelta(minutes=1)
    assert record.status == 201


def test_other_methods_keep_no_records(api: ApiClient, thread_id: str) -> None:
    path = f"/api/threads/{thread_id}"

    statuses = [
        api.patch(path, {"title": "x"}, idempotency_key="k").status_code,
        api.get(path, idempotency_key="k").status_code,
        api.delete(path, idempotency_key="k").status_code,
    ]

    assert statuses == [200, 200, 204]
    assert IdempotencyRecord.objects.count() == 0


def test_another_person_is_not_given_the_answer(alice: User, bob: User) -> None:
    browsers = [Client(), Client()]
    for browser, person in zip(browsers, (alice, bob), strict=True):
        browser.force_login(person)
    answers = [
        browser.post("/api/threads", REQUIRED, "application/json", headers={"Idempotency-Key": "k"})
        for browser in browsers
    ]
    assert [answer.status_code for answer in answers] == [201, 409]


def test_another_key_of_the_service_is_given_the_answer(api: ApiClient, organization: Organization) -> None:
    """A key may be replaced between two tries."""
    successor = ApiClient(create_api_key(organization=organization, name="successor")[1])
    first = api.post("/api/threads", REQUIRED, idempotency_key="k")
    assert compared(successor.post("/api/threads", REQUIRED, idempotency_key="k")) == compared(first)
