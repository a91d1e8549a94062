"""Hostile bodies, queries, addresses and headers."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import quote, unquote

import pytest

from accounts.actors import SystemActor
from accounts.models import Organization
from conversations.services import append_messages, create_thread
from tests.api.problems import fields_at_fault
from tests.api.routes import Route, guarded_routes, list_routes, request_id, unversioned
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.hostile.adapters import MESSAGE, THREAD
from tests.hostile.cases import Case, case_id, cases_of
from tests.hostile.conftest import Target
from tests.hostile.verdicts import assert_refused

BODIES = [case for case in cases_of("POST messages") if case.kind == "body"]
QUERIES = [case for case in cases_of("GET list") if case.expect == "reject_4xx"]
SEARCHES = [case for case in cases_of("GET list") if case.expect == "roundtrip"]
DETAILS = [route for route in unversioned(guarded_routes()) if route.methods.get("GET") == "retrieve"]
OWN_TYPES = {"body-form": "application/x-www-form-urlencoded", "body-xml": "application/xml"}


@pytest.mark.parametrize("case", BODIES, ids=case_id)
@pytest.mark.parametrize("prefix", ["threads", "conversations", "sessions"])
@pytest.mark.parametrize("suffix", ["", "/batch"])
def test_a_body_that_is_no_message_is_refused(
    api: ApiClient, target: Target, prefix: str, suffix: str, case: Case
) -> None:
    before = snapshot()

    response = api.post(f"/api/{prefix}/{target.thread}/messages{suffix}", case.raw)

    assert_refused(response, case)
    assert snapshot() == before


@pytest.mark.parametrize("case", [case for case in BODIES if case.id in OWN_TYPES], ids=case_id)
def test_a_body_in_another_form_is_refused(api: ApiClient, target: Target, case: Case) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{target.thread}/messages", case.raw, content_type=OWN_TYPES[case.id])

    assert response.status_code == 415
    assert_refused(response, case)
    assert snapshot() == before


@pytest.mark.parametrize("case", QUERIES, ids=case_id)
@pytest.mark.parametrize("route", list_routes(), ids=request_id)
def test_a_query_that_cannot_be_used_is_refused(api: ApiClient, target: Target, route: Route, case: Case) -> None:
    domain = api.post("/api/domains", {"name": "Sales"}).json()["id"]
    row = {"message": target.message, "domain": domain}.get(route.name.partition("-")[0], target.thread)
    name = case.payload.partition("=")[0]

    response = api.get(f"{route.path(row)}?{case.payload}")

    assert_refused(response, case)
    assert fields_at_fault(response) == [name]


@pytest.mark.parametrize("case", SEARCHES, ids=case_id)
@pytest.mark.parametrize("address", ["/api/threads", "/api/conversations", "/api/sessions", "/api/messages"])
def test_a_search_finds_exactly_the_literal_text(
    api: ApiClient, organization: Organization, target: Target, address: str, case: Case
) -> None:
    literal = unquote(case.payload.partition("=")[2])
    actor = SystemActor(organization.pk)
    wanted = ids_of_conversation(actor, literal)
    for decoy in ("100", "1=1", "OR", "a", literal[:-2], "\U0001f601", ""):
        ids_of_conversation(actor, decoy)

    response = api.get(f"{address}?{case.payload}")

    assert response.status_code in case.statuses
    found = [row["id"] for row in response.json()["results"]]
    assert found == [wanted["message" if address == "/api/messages" else "thread"]]


def ids_of_conversation(actor: SystemActor, content: str) -> dict[str, str]:
    thread = create_thread(actor=actor, fields=THREAD)
    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[{**MESSAGE, "content": content}])
    return {"thread": str(thread.pk), "message": str(message.pk)}


@pytest.mark.parametrize("case", cases_of("query:created_after"), ids=case_id)
@pytest.mark.parametrize("name", ["created_after", "created_before", "updated_after", "updated_before"])
@pytest.mark.parametrize("address", ["/api/threads", "/api/conversations", "/api/sessions"])
def test_a_time_in_a_query_gets_its_verdict(
    api: ApiClient, target: Target, address: str, name: str, case: Case
) -> None:
    response = api.get(f"{address}?{name}={quote(str(case.payload))}")

    if case.expect == "reject_4xx":
        assert_refused(response, case)
        assert fields_at_fault(response) == [name]
    else:
        assert response.status_code == 200
        is_past = "2999" not in case.payload
        assert len(response.json()["results"]) == int(is_past == name.endswith("after"))


@pytest.mark.parametrize("case", cases_of("GET /threads/{id}"), ids=case_id)
@pytest.mark.parametrize("route", DETAILS, ids=request_id)
def test_an_address_of_no_row_answers_like_a_random_id(
    api: ApiClient, target: Target, other_target: Target, route: Route, case: Case
) -> None:
    for method in route.methods:
        responses = [
            api.send(method, route.path(row), route.body(method), if_match="*")
            for row in (case.payload, uuid.uuid4(), other_target.thread, other_target.message)
        ]

        assert_refused(responses[0], case)
        assert [response.content for response in responses] == [responses[0].content] * 4


@pytest.mark.parametrize("case", cases_of("message.thread"), ids=case_id)
@pytest.mark.parametrize("prefix", ["threads", "conversations", "sessions"])
@pytest.mark.parametrize("suffix", ["", "/batch"])
def test_a_thread_that_is_none_takes_no_message(
    api: ApiClient, target: Target, other_target: Target, prefix: str, suffix: str, case: Case
) -> None:
    body: Any = {"messages": [MESSAGE]} if suffix else MESSAGE
    value = case.payload if isinstance(case.payload, str) else json.dumps(case.payload)
    before = snapshot()

    responses = [
        api.post(f"/api/{prefix}/{quote(value)}/messages{suffix}", body),
        api.post(f"/api/{prefix}/{uuid.uuid4()}/messages{suffix}", body),
        api.post(f"/api/{prefix}/{other_target.thread}/messages{suffix}", body),
    ]

    assert_refused(responses[0], case)
    assert [response.content for response in responses] == [responses[0].content] * 3
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("message.thread"), ids=case_id)
@pytest.mark.parametrize("member", ["thread", "thread_id"])
def test_a_body_does_not_choose_the_thread(api: ApiClient, target: Target, member: str, case: Case) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{target.thread}/messages", {**MESSAGE, member: case.value})

    assert_refused(response, case, member=member)
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("Authorization"), ids=case_id)
def test_a_header_that_is_no_key_is_refused(target: Target, case: Case) -> None:
    headers = {} if case.payload is None else {"authorization": case.value}
    before = snapshot()

    for path in ("/api/threads", f"/api/threads/{target.thread}"):
        assert_refused(ApiClient(None).get(path, **headers), case)
    response = ApiClient(None).post(f"/api/threads/{target.thread}/messages", MESSAGE, **headers)

    assert_refused(response, case)
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("Idempotency-Key"), ids=case_id)
def test_an_idempotency_key_gets_its_verdict(
    api: ApiClient, stranger: ApiClient, target: Target, other_target: Target, case: Case
) -> None:
    path = f"/api/threads/{target.thread}/messages"
    used = {"$USED_KEY": "used", "$OTHER_ORG_KEY": "theirs"}
    api.post(path, MESSAGE, idempotency_key="used")
    stranger.post(f"/api/threads/{other_target.thread}/messages", MESSAGE, idempotency_key="theirs")
    before = snapshot()
    key = used.get(case.payload, case.value) if isinstance(case.payload, str) else case.value

    response = api.post(path, {**MESSAGE, "content": "another body"}, idempotency_key=key)

    if case.expect == "reject_4xx":
        assert_refused(response, case)
        assert snapshot() == before
    else:
        assert response.status_code in case.statuses
        assert snapshot()["conversations.Message"][0] == before["conversations.Message"][0] + 1


@pytest.mark.parametrize("case", cases_of("If-Match"), ids=case_id)
def test_a_precondition_gets_its_verdict(api: ApiClient, target: Target, case: Case) -> None:
    before = snapshot()
    headers = {} if case.payload is None else {"if_match": case.payload}

    response = api.put(f"/api/threads/{target.thread}", {**THREAD, "title": "After"}, **headers)

    if case.expect == "reject_4xx":
        assert_refused(response, case)
        assert snapshot() == before
    else:
        assert response.status_code in case.statuses
        assert api.get(f"/api/threads/{target.thread}").json()["title"] == "After"


@pytest.mark.parametrize("case", cases_of("Content-Type"), ids=case_id)
def test_a_content_type_that_is_no_json_is_refused(api: ApiClient, target: Target, case: Case) -> None:
    before = snapshot()

    response = api.post(f"/api/threads/{target.thread}/messages", MESSAGE, content_type=case.payload or "")

    assert_refused(response, case)
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("Accept"), ids=case_id)
def test_a_form_that_is_not_written_is_refused(api: ApiClient, target: Target, case: Case) -> None:
    before = snapshot()

    read = api.get("/api/threads", accept=case.payload)
    write = api.post(f"/api/threads/{target.thread}/messages", MESSAGE, accept=case.payload)

    assert_refused(read, case)
    assert_refused(write, case)
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("Host"), ids=case_id)
@pytest.mark.parametrize("path", ["/api/threads", "/api/schema", "/api/nothing"])
def test_a_host_that_is_not_ours_is_refused(api: ApiClient, settings: Any, path: str, case: Case) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]

    response = api.get(path, host=case.payload)

    assert_refused(response, case)
    assert case.payload.encode() not in response.content


@pytest.mark.parametrize("case", cases_of("X-Forwarded-For"), ids=case_id)
def test_a_forwarded_address_changes_nothing(api: ApiClient, target: Target, case: Case) -> None:
    plain = api.get(f"/api/threads/{target.thread}")

    spoofed = api.get(f"/api/threads/{target.thread}", x_forwarded_for=case.payload)
    refused = ApiClient(None).get("/api/threads", x_forwarded_for=case.payload)

    assert (spoofed.status_code, spoofed.content) == (200, plain.content)
    assert refused.status_code == 401


@pytest.mark.parametrize("case", cases_of("X-HTTP-Method-Override"), ids=case_id)
def test_a_method_is_not_overridden(api: ApiClient, target: Target, case: Case) -> None:
    path = f"/api/threads/{target.thread}"
    before = snapshot()

    read = api.get(path, x_http_method_override=case.payload)
    after = snapshot()
    posted = api.post("/api/threads", THREAD, x_http_method_override=case.payload)

    assert (read.status_code, posted.status_code) == (200, 201)
    assert after == before
    assert api.get(path).status_code == 200
