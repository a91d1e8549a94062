"""Hostile values in the members of bodies: every case at every field that it applies to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.hostile.adapters import ALIASES, ELSEWHERE, IN_BATCHES, VALUES, Adapter
from tests.hostile.cases import PATH, Case, all_cases, case_id, cases_of
from tests.hostile.conftest import Target
from tests.hostile.verdicts import assert_refused, same_amount, same_instant, same_value

TIMES = frozenset({"created_at"})

AMOUNTS = frozenset({"cost"})


ADAPTERS = {**VALUES, **ALIASES}
AT_FIELDS = [(name, case) for name in ADAPTERS for case in cases_of(name.partition("@")[0])]


@pytest.mark.skipif(not PATH.is_file(), reason="the collection is not at hand")
def test_every_field_of_the_collection_has_its_place() -> None:
    fields = {field for case in all_cases() for field in case.fields}

    unknown = {field for field in fields - VALUES.keys() - ELSEWHERE if not field.startswith("extra:")}

    assert unknown == set()
    assert {case.kind for case in all_cases()} == {"value", "body", "query", "path", "header", "wire"}


@pytest.mark.parametrize(("field", "case"), AT_FIELDS, ids=case_id)
def test_value_gets_its_verdict(api: ApiClient, target: Target, field: str, case: Case) -> None:
    adapter = ADAPTERS[field]
    before = snapshot()

    response = api.send(adapter.method, adapter.path.format(**vars(target)), adapter.body_with(case.text))

    if case.expect == "reject_4xx":
        assert_refused(response, case, member=adapter.member)
        assert snapshot() == before
    else:
        assert response.status_code in case.statuses, response.content[:500]
        assert is_kept(api, adapter, response.json()["id"], case)


@pytest.mark.parametrize(
    ("field", "case"), [(field, case) for field, case in AT_FIELDS if case.expect == "inert"], ids=case_id
)
def test_hostile_text_is_inert_in_the_browsable_pages(
    api: ApiClient, browser: Client, target: Target, field: str, case: Case
) -> None:
    adapter = ADAPTERS[field]
    row = api.send(adapter.method, adapter.path.format(**vars(target)), adapter.body_with(case.text)).json()["id"]

    for page in adapter.pages:
        assert_inert(browser, page.format(id=row, **vars(target)), case)


@pytest.mark.parametrize("field", IN_BATCHES)
@pytest.mark.parametrize("prefix", ["threads", "conversations", "sessions"])
def test_values_in_a_batch_get_the_same_verdict(api: ApiClient, target: Target, field: str, prefix: str) -> None:
    path = f"/api/{prefix}/{target.thread}/messages/batch"
    member = VALUES[field].member
    good = VALUES[field].body_with("null" if member != "created_at" else '"2026-01-01T00:00:00Z"')

    for case in cases_of(field):
        before = snapshot()
        bad = VALUES[field].body_with(case.text)
        response = api.post(path, b'{"messages": [' + good + b", " + bad + b"]}")
        if case.expect == "reject_4xx":
            assert_refused(response, case, member=f"messages.1.{member}")
            assert snapshot() == before, case.id
        else:
            assert response.status_code == 201, (case.id, response.content[:500])
            stored = response.json()["messages"][1]
            assert is_kept(api, VALUES[field], stored["id"], case), case.id


def is_kept(api: ApiClient, adapter: Adapter, row: str, case: Case) -> bool:
    """Whether reading the row gives back what was sent."""
    stored = api.get(adapter.reads.format(id=row)).json()[adapter.member]
    if adapter.member in AMOUNTS:
        return same_amount(case.text, stored)
    return same_instant(case.payload, stored) if adapter.member in TIMES else same_value(case.text, stored)


def assert_inert(browser: Client, address: str, case: Case) -> None:
    """Fail unless the page shows the text as text: nothing in it runs, loads or links to a script."""
    response = browser.get(address, headers={"accept": "text/html"})
    assert response.status_code == 200
    page = response.content.decode()
    assert [text for text in hostile_texts(case.value) if "<" in text and text in page] == []
    for pattern in (
        r"<script>",
        r"<svg",
        r"<iframe",
        r"<img",
        r"<[^>]*\sonload\s*=",
        r"href\s*=\s*[\"']?\s*(?:javascript|data):",
    ):
        assert re.search(pattern, page, re.IGNORECASE) is None, pattern


def hostile_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in hostile_texts(inner)]
    return []


@pytest.mark.parametrize("case", [case for case in all_cases() if case.fields[0].startswith("extra:")], ids=case_id)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/threads/{thread}/messages", VALUES["message.content"].body),
        ("/api/threads", VALUES["thread.title"].body),
        ("/api/agents", VALUES["agent.name"].body),
        ("/api/messages/{message}/feedback", {"rating": 1}),
        ("/api/conversations", {}),
    ],
)
def test_members_that_only_the_server_sets_are_refused(
    api: ApiClient, target: Target, other_target: Target, path: str, body: dict[str, Any], case: Case
) -> None:
    name = case.fields[0].removeprefix("extra:")
    placeholders = {"$OTHER_ORG_ID": other_target.thread, "$OTHER_USER_ID": other_target.message}
    payload = placeholders.get(case.payload, case.payload) if isinstance(case.payload, str) else case.payload
    before = snapshot()

    response = api.post(path.format(**vars(target)), {**body, name: payload})

    assert response.status_code == 400
    assert_refused(response, case, member=name)
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("message.id"), ids=case_id)
def test_ids_of_other_rows_are_refused(api: ApiClient, target: Target, other_target: Target, case: Case) -> None:
    taken = {"$OTHER_ORG_MESSAGE_ID": other_target.message, "$EXISTING_MESSAGE_ID": target.message}[case.payload]
    before = snapshot()

    response = api.post(f"/api/threads/{target.thread}/messages", {"role": "user", "id": taken, "content": "mine now"})

    assert_refused(response, case)
    assert response.json()["detail"] == "Nothing was appended; send ids that are not in use."
    assert snapshot() == before


@pytest.mark.parametrize("case", cases_of("POST messages:batch"), ids=case_id)
def test_batches_that_cannot_be_used_are_refused(api: ApiClient, target: Target, case: Case) -> None:
    one = "01890000-0000-7000-8000-00000000000a"
    messages = [{"role": "user", "id": one} for _ in case.value] if case.id == "batch-dup-ids" else case.value
    before = snapshot()

    response = api.post(f"/api/threads/{target.thread}/messages/batch", {"messages": messages})

    assert_refused(response, case, member="messages")
    assert snapshot() == before
