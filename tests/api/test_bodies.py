"""What a body may be: JSON in UTF-8, of bounded size and depth, that both databases can hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings

from tests.api.conftest import Shelf, row_for
from tests.api.problems import fields_at_fault, problem_of
from tests.api.routes import MESSAGE, Route, guarded_routes, request_id, requests_by_key, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

WITH_BODY = [pair for pair in requests_by_key(unversioned(guarded_routes())) if pair[0] in ("POST", "PUT", "PATCH")]


@pytest.fixture
def path(thread_id: str) -> str:
    return f"/api/threads/{thread_id}/messages"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-7",
        "application/json; charset=latin-1",
        "application/jsonl",
        "json",
        "",
    ],
)
def test_a_body_of_another_type_is_a_415(api: ApiClient, path: str, content_type: str) -> None:
    before = snapshot()

    response = api.post(path, MESSAGE, content_type=content_type)

    assert response.status_code == 415
    assert problem_of(response)["code"] == "unsupported_media_type"
    assert snapshot() == before


@pytest.mark.parametrize(("method", "route"), WITH_BODY, ids=request_id)
def test_every_route_refuses_a_body_of_another_type(api: ApiClient, shelf: Shelf, method: str, route: Route) -> None:
    response = api.send(
        method, route.path(row_for(route, shelf)), b"role=user", content_type="text/plain", if_match="*"
    )

    assert response.status_code == 415
    problem_of(response)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF8", "Application/JSON"],
)
def test_json_in_utf8_is_taken(api: ApiClient, path: str, content_type: str) -> None:
    assert api.post(path, MESSAGE, content_type=content_type).status_code == 201


@pytest.mark.parametrize("accept", ["application/x-nope", "application/xml", "text/csv", "image/*"])
def test_an_answer_in_another_form_is_a_406(api: ApiClient, path: str, accept: str) -> None:
    before = snapshot()

    response = api.post(path, MESSAGE, accept=accept)

    assert response.status_code == 406
    assert problem_of(response)["code"] == "not_acceptable"
    assert snapshot() == before


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/json", "application/json;q=0.1", "text/csv, application/json"]
)
def test_json_is_written_where_it_is_accepted(api: ApiClient, path: str, accept: str) -> None:
    response = api.get(path, accept=accept)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def sized(size: int) -> bytes:
    """A message whose body has exactly this many bytes."""
    empty = len(json.dumps({"role": "user", "content": ""}))
    return json.dumps({"role": "user", "content": "x" * (size - empty)}).encode()


def test_a_body_of_ten_mebibytes_is_taken(api: ApiClient, path: str) -> None:
    body = sized(settings.MAX_BODY_BYTES)

    response = api.post(path, body)

    assert response.status_code == 201
    assert len(response.json()["content"]) > settings.MAX_BODY_BYTES - 100


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}])
def test_a_larger_body_is_a_413(api: ApiClient, path: str, key: dict[str, str]) -> None:
    before = snapshot()

    response = api.post(path, sized(settings.MAX_BODY_BYTES + 1), **key)

    assert response.status_code == 413
    assert problem_of(response)["code"] == "body_too_large"
    assert snapshot() == before


def nested(levels: int) -> bytes:
    """A message whose metadata is so deep that the whole body has `levels` levels."""
    inner = levels - 1
    return b'{"role": "user", "metadata": ' + b"[" * inner + b"]" * inner + b"}"


def test_a_body_of_128_levels_is_taken(api: ApiClient, path: str) -> None:
    response = api.post(path, nested(128))

    assert response.status_code == 201
    assert api.get(f"/api/messages/{response.json()['id']}").content == response.content


@pytest.mark.parametrize("levels", [129, 500, 900, 1100, 5000, 100_000])
def test_a_deeper_body_is_a_400_that_points_at_the_place(api: ApiClient, path: str, levels: int) -> None:
    before = snapshot()

    response = api.post(path, nested(levels))

    assert response.status_code == 400
    problem = problem_of(response)
    assert problem["code"] == "too_deep"
    assert problem["pointer"] == "/metadata" + "/0" * 127
    assert snapshot() == before


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (rb'{"role": "user", "content": "a\u0000b"}', "invalid_text", "/content"),
        (rb'{"role": "user", "content": "\ud800"}', "invalid_text", "/content"),
        (rb'{"role": "user", "metadata": {"a": [1, {"b/c~d": "\udfff"}]}}', "invalid_text", "/metadata/a/1/b~1c~0d"),
        (rb'{"role": "user", "metadata": {"\u0000": 1}}', "invalid_text", "/metadata"),
        (b'{"role": "user", "metadata": [NaN]}', "not_finite", "/metadata/0"),
        (b'{"role": "user", "metadata": [1, -Infinity]}', "not_finite", "/metadata/1"),
        (b'{"role": "user", "metadata": {"n": 1e999}}', "not_finite", "/metadata/n"),
        (b'{"role": "user", "role": "tool"}', "repeated_key", "/role"),
        (b'{"role": "user", "metadata": {"a": {"x": 1, "x": 1}}}', "repeated_key", "/metadata/a/x"),
        (b'{"role": "user", "metadata": {"n": ' + b"9" * 4301 + b"}}", "too_many_digits", "/metadata/n"),
        (b'{"role": "user", "content": "\xff"}', "not_utf8", ""),
        (b"\xff\xfe{\x00}\x00", "not_utf8", ""),
        (b'{"role": "user",}', "invalid_json", ""),
        (b"{'role': 'user'}", "invalid_json", ""),
        (b'\xef\xbb\xbf{"role": "user"}', "invalid_json", ""),
        (b"   ", "invalid_json", ""),
    ],
)
def test_json_that_cannot_be_stored_is_pointed_at(
    api: ApiClient, path: str, body: bytes, code: str, pointer: str
) -> None:
    before = snapshot()

    response = api.post(path, body)

    assert response.status_code == 400
    problem = problem_of(response)
    assert (problem["code"], problem["pointer"]) == (code, pointer)
    assert fields_at_fault(response) == [pointer]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("body", "stored", "count"),
    [
        (rb'{"role": "tool", "content": "a\u0000b"}', {"content": "a\ufffdb"}, 1),
        (rb'{"role": "tool", "content": "\ud83d"}', {"content": "\ufffd"}, 1),
        (rb'{"role": "tool", "content": "\ude00\ud83d"}', {"content": "\ufffd\ufffd"}, 2),
        (rb'{"role": "tool", "content": "\ud83d\ude00"}', {"content": "\U0001f600"}, 0),
        (rb'{"role": "tool", "metadata": {"\u0000": ["\u0000"]}}', {"metadata": {"\ufffd": ["\ufffd"]}}, 2),
        (rb'{"role": "tool", "content": "clean"}', {"content": "clean"}, 0),
    ],
)
def test_invalid_text_is_replaced_on_request_and_counted(
    api: ApiClient, path: str, body: bytes, stored: dict[str, Any], count: int
) -> None:
    response = api.post(f"{path}?invalid_text=replace", body)

    assert response.status_code == 201
    read = api.get(f"/api/messages/{response.json()['id']}").json()
    assert {name: read[name] for name in stored} == stored
    assert response.headers.get("Parley-Replaced-Characters") == (str(count) if count else None)


@pytest.mark.parametrize(("method", "address"), [("PATCH", "/api/threads/{id}"), ("PUT", "/api/threads/{id}")])
def test_changes_can_have_invalid_text_replaced_too(api: ApiClient, thread_id: str, method: str, address: str) -> None:
    body = {"title": "a\x00b", "agent_type": "t", "model": "m", "provider": "p"}

    response = api.send(method, f"{address.format(id=thread_id)}?invalid_text=replace", body, if_match="*")

    assert response.json()["title"] == "a\ufffdb"
    assert response["Parley-Replaced-Characters"] == "1"


@pytest.mark.parametrize(
    ("address", "method", "body", "name"),
    [
        ("/api/threads/{id}/messages?invalid_text=drop", "POST", MESSAGE, "invalid_text"),
        ("/api/threads/{id}/messages?invalid_text=replace", "GET", None, "invalid_text"),
        ("/api/threads/{id}?invalid_text=replace", "DELETE", None, "invalid_text"),
    ],
)
def test_invalid_text_is_for_bodies_only(
    api: ApiClient, thread_id: str, address: str, method: str, body: Any, name: str
) -> None:
    before = snapshot()

    response = api.send(method, address.format(id=thread_id), body)

    assert response.status_code == 400
    assert fields_at_fault(response) == [name]
    assert snapshot() == before


def test_keys_that_become_the_same_are_refused(api: ApiClient, path: str) -> None:
    before = snapshot()

    response = api.post(f"{path}?invalid_text=replace", rb'{"role": "user", "metadata": {"\u0000": 1, "\ud800": 2}}')

    assert response.status_code == 400
    assert problem_of(response)["code"] == "repeated_key"
    assert snapshot() == before


def test_null_missing_and_empty_are_three_things(api: ApiClient, path: str) -> None:
    from conversations.models import Message

    for body in ({"role": "user"}, {"role": "user", "metadata": None}, {"role": "user", "metadata": {}}):
        assert api.post(path, body).status_code == 201

    missing = Message.objects.filter(metadata__isnull=True).values_list("position", flat=True)
    null = Message.objects.filter(metadata=None).values_list("position", flat=True)
    empty = Message.objects.filter(metadata={}).values_list("position", flat=True)
    assert [list(found) for found in (missing, null, empty)] == [[1], [2], [3]]
