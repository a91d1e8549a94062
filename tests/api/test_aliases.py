"""`/api/conversations` and `/api/sessions`: the same rows under other names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import REQUIRED, make_through
from tests.api.problems import fields_at_fault
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

NAMES = {"threads": "thread_id", "conversations": "conversation_id", "sessions": "session_id"}
ALIASES = ["conversations", "sessions"]


def renamed(message: dict[str, Any], name: str) -> dict[str, Any]:
    return {name if key == "thread_id" else key: value for key, value in message.items()}


@pytest.mark.parametrize("maker", NAMES)
def test_a_thread_made_under_one_name_is_read_under_all(api: ApiClient, maker: str) -> None:
    thread = make_through(api, f"/api/{maker}", {**REQUIRED, "title": "One row"})

    assert [api.get(f"/api/{name}/{thread['id']}").json() for name in NAMES] == [thread] * 3
    assert [api.get(f"/api/{name}").json()["results"] for name in NAMES] == [[thread]] * 3


@pytest.mark.parametrize("maker", NAMES)
def test_a_message_names_its_thread_as_the_address_does(api: ApiClient, thread_id: str, maker: str) -> None:
    message = make_through(api, f"/api/{maker}/{thread_id}/messages", {"role": "user", "content": "hi"})

    assert message[NAMES[maker]] == thread_id
    plain = api.get(f"/api/messages/{message['id']}").json()
    assert message == renamed(plain, NAMES[maker])
    for name, member in NAMES.items():
        assert api.get(f"/api/{name}/{thread_id}/messages").json()["results"] == [renamed(plain, member)]


@pytest.mark.parametrize("maker", NAMES)
def test_a_batch_names_its_thread_as_the_address_does(api: ApiClient, thread_id: str, maker: str) -> None:
    response = api.post(f"/api/{maker}/{thread_id}/messages/batch", {"messages": [{"role": "user"}]})

    [message] = response.json()["messages"]
    assert message[NAMES[maker]] == thread_id


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_needs_no_agent_type_model_and_provider(api: ApiClient, name: str) -> None:
    thread = make_through(api, f"/api/{name}", {"title": "Bare"})

    assert [thread[field] for field in REQUIRED] == ["chat", "unspecified", "unspecified"]


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_takes_the_defaults_of_an_agent(api: ApiClient, name: str) -> None:
    agent = make_through(api, "/api/agents", {"name": "Ada", "agent_type": "coder", "model": "m1", "provider": "p1"})

    thread = make_through(api, f"/api/{name}", {"agent_id": agent["id"]})

    assert [thread[field] for field in ("agent_type", "model", "provider")] == ["coder", "m1", "p1"]


@pytest.mark.parametrize("name", ALIASES)
def test_a_change_under_an_alias_leaves_what_it_does_not_name(api: ApiClient, name: str) -> None:
    thread = make_through(api, "/api/threads", {**REQUIRED, "title": "Old"})

    changed = api.patch(f"/api/{name}/{thread['id']}", {"title": "New"}).json()

    assert changed == {**thread, "title": "New", "version": 2, "updated_at": changed["updated_at"]}


@pytest.mark.parametrize("name", ALIASES)
def test_trash_is_the_same_under_every_name(api: ApiClient, thread_id: str, name: str) -> None:
    assert api.delete(f"/api/{name}/{thread_id}").status_code == 204
    assert [api.get(f"/api/{other}/{thread_id}").status_code for other in NAMES] == [404] * 3

    assert api.post(f"/api/{name}/{thread_id}/restore").status_code == 200
    assert [api.get(f"/api/{other}/{thread_id}").status_code for other in NAMES] == [200] * 3


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_refuses_the_names_of_the_other(api: ApiClient, thread_id: str, name: str) -> None:
    before = snapshot()

    response = api.post(f"/api/{name}/{thread_id}/messages", {"role": "user", NAMES[name]: thread_id})

    assert response.status_code == 400
    assert fields_at_fault(response) == [NAMES[name]]
    assert snapshot() == before


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_filters_and_pages_like_threads(api: ApiClient, name: str) -> None:
    for title in ("one", "two", "three"):
        make_through(api, f"/api/{name}", {"title": title, "provider": title})

    page = api.get(f"/api/{name}?limit=2&count=true").json()
    assert [row["title"] for row in page["results"]] == ["three", "two"]
    assert page["count"] == 3
    following = api.get(page["next"]).json()
    assert [row["title"] for row in following["results"]] == ["one"]
    assert [row["title"] for row in api.get(f"/api/{name}?provider=two").json()["results"]] == ["two"]
    assert [row["title"] for row in api.get(f"/api/{name}?limit=1&offset=1").json()["results"]] == ["two"]
