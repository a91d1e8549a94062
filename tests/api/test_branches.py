"""Branches: which message answers which, and which path a thread shows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.problems import fields_at_fault
from tests.api.stored_rows import snapshot
from tests.client import ApiClient

Say = Callable[..., dict[str, Any]]


def shown(api: ApiClient, thread_id: str, query: str = "") -> list[str]:
    """The texts of the messages that the thread shows."""
    return [row["content"] for row in rows(api, thread_id, query)]


def rows(api: ApiClient, thread_id: str, query: str = "") -> list[dict[str, Any]]:
    response = api.get(f"/api/threads/{thread_id}/messages{query}")
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def show(api: ApiClient, thread_id: str, leaf: dict[str, Any]) -> dict[str, Any]:
    """Switch the thread to the branch that ends in a message, and return the thread."""
    response = api.patch(f"/api/threads/{thread_id}", {"active_leaf_id": leaf["id"]})
    assert response.status_code == 200, response.content
    thread: dict[str, Any] = response.json()
    return thread


def test_without_parent_a_message_answers_the_one_before(say: Say) -> None:
    first, second, third = (say(content=text) for text in "abc")

    assert [row["parent_id"] for row in (first, second, third)] == [None, first["id"], second["id"]]


def test_the_parent_before_may_be_named(say: Say, api: ApiClient, thread_id: str) -> None:
    first = say(content="a")

    second = say(content="b", parent_id=first["id"])

    assert second["parent_id"] == first["id"]
    assert shown(api, thread_id) == ["a", "b"]


def test_a_null_parent_is_another_beginning(say: Say, api: ApiClient, thread_id: str) -> None:
    say(content="a")

    other = say(content="b", parent_id=None)

    assert other["parent_id"] is None
    assert shown(api, thread_id) == ["b"]
    assert shown(api, thread_id, "?branches=all") == ["a", "b"]


def test_a_null_parent_of_the_first_message_is_no_branch(say: Say, api: ApiClient, thread_id: str) -> None:
    say(content="a", parent_id=None)
    say(content="b")

    assert shown(api, thread_id) == ["a", "b"]


def test_an_earlier_parent_opens_a_branch_that_is_shown(say: Say, api: ApiClient, thread_id: str) -> None:
    question = say(content="q")
    answer = say(content="answer 1")
    say(content="thanks")

    other = say(content="answer 2", parent_id=question["id"])

    assert other["parent_id"] == answer["parent_id"] == question["id"]
    assert shown(api, thread_id) == ["q", "answer 2"]
    assert shown(api, thread_id, "?branches=active") == ["q", "answer 2"]
    assert shown(api, thread_id, "?branches=all") == ["q", "answer 1", "thanks", "answer 2"]
    assert api.get(f"/api/threads/{thread_id}").json()["active_leaf_position"] == 4


def test_the_next_message_goes_on_in_the_branch(say: Say, api: ApiClient, thread_id: str) -> None:
    question = say(content="q")
    say(content="answer 1")
    other = say(content="answer 2", parent_id=question["id"])

    following = say(content="go on")

    assert following["parent_id"] == other["id"]
    assert shown(api, thread_id) == ["q", "answer 2", "go on"]


def test_switching_shows_the_other_branch_and_goes_on_there(say: Say, api: ApiClient, thread_id: str) -> None:
    question = say(content="q")
    answer = say(content="answer 1")
    say(content="answer 2", parent_id=question["id"])

    thread = show(api, thread_id, answer)
    switched = shown(api, thread_id)
    following = say(content="go on")

    assert thread["active_leaf_position"] == 2
    assert switched == ["q", "answer 1"]
    assert following["parent_id"] == answer["id"]
    assert following["position"] == 4
    assert shown(api, thread_id) == ["q", "answer 1", "go on"]
    assert shown(api, thread_id, "?branches=all") == ["q", "answer 1", "answer 2", "go on"]


def test_switching_back_and_forth_loses_nothing(say: Say, api: ApiClient, thread_id: str) -> None:
    question = say(content="q")
    first = say(content="1")
    second = say(content="2", parent_id=question["id"])
    third = say(content="3", parent_id=None)
    expected = {"1": ["q", "1"], "2": ["q", "2"], "3": ["3"], "q": ["q"]}

    seen = {}
    for leaf in (first, third, second, question, first, second, third):
        show(api, thread_id, leaf)
        seen[leaf["content"]] = shown(api, thread_id)

    assert seen == expected


def test_switching_into_the_middle_shows_the_path_to_there(say: Say, api: ApiClient, thread_id: str) -> None:
    messages = [say(content=text) for text in "abcd"]

    show(api, thread_id, messages[1])
    shown_before = shown(api, thread_id)
    following = say(content="e")

    assert shown_before == ["a", "b"]
    assert following["parent_id"] == messages[1]["id"]
    assert shown(api, thread_id) == ["a", "b", "e"]


def test_branches_of_branches_show_their_path(say: Say, api: ApiClient, thread_id: str) -> None:
    a = say(content="a")
    b = say(content="b")
    say(content="c")
    d = say(content="d", parent_id=b["id"])
    e = say(content="e", parent_id=a["id"])
    f = say(content="f", parent_id=d["id"])

    paths = {}
    for leaf in (d, e, f):
        show(api, thread_id, leaf)
        paths[leaf["content"]] = "".join(shown(api, thread_id))

    assert paths == {"d": "abd", "e": "ae", "f": "abdf"}


def test_every_parent_is_told_in_both_lists(say: Say, api: ApiClient, thread_id: str) -> None:
    a = say(content="a")
    b = say(content="b")
    c = say(content="c", parent_id=a["id"])

    active = {row["content"]: row["parent_id"] for row in rows(api, thread_id)}
    everything = {row["content"]: row["parent_id"] for row in rows(api, thread_id, "?branches=all")}

    assert active == {"a": None, "c": a["id"]}
    assert everything == {"a": None, "b": a["id"], "c": a["id"]}
    assert api.get(f"/api/messages/{c['id']}").json()["parent_id"] == a["id"]
    assert {row["content"]: row["parent_id"] for row in api.get("/api/messages").json()["results"]} == everything
    assert b["parent_id"] == a["id"]


def test_the_path_is_paged_like_any_list(say: Say, api: ApiClient, thread_id: str) -> None:
    root = say(content="root")
    for index in range(6):
        say(content=str(index))
    say(content="branch", parent_id=root["id"])
    for index in range(3):
        say(content=f"b{index}")

    pages, query = [], "?limit=2"
    while query:
        page = api.get(f"/api/threads/{thread_id}/messages{query}").json()
        pages.append([row["content"] for row in page["results"]])
        query = "?" + page["next"].partition("?")[2] if page["next"] else ""

    assert pages == [["root", "branch"], ["b0", "b1"], ["b2"]]
    assert shown(api, thread_id, "?order=desc&limit=2") == ["b2", "b1"]


def test_in_a_batch_an_entry_may_answer_an_earlier_one(api: ApiClient, thread_id: str) -> None:
    ids = [str(uuid.uuid4()) for _ in range(4)]
    messages = [
        {"role": "user", "content": "q", "id": ids[0]},
        {"role": "assistant", "content": "1", "id": ids[1]},
        {"role": "assistant", "content": "2", "id": ids[2], "parent_id": ids[0]},
        {"role": "user", "content": "on", "id": ids[3]},
    ]

    response = api.post(f"/api/threads/{thread_id}/messages/batch", {"messages": messages})

    assert [row["parent_id"] for row in response.json()["messages"]] == [None, ids[0], ids[0], ids[2]]
    assert shown(api, thread_id) == ["q", "2", "on"]


def test_in_a_batch_an_entry_may_not_answer_a_later_one(api: ApiClient, thread_id: str) -> None:
    before = snapshot()
    later = str(uuid.uuid4())
    messages = [{"role": "user"}, {"role": "user", "parent_id": later}, {"role": "user", "id": later}]

    response = api.post(f"/api/threads/{thread_id}/messages/batch", {"messages": messages})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["messages.1.parent_id"]
    assert snapshot() == before


def test_a_message_cannot_answer_itself(api: ApiClient, thread_id: str) -> None:
    before = snapshot()
    own = str(uuid.uuid4())

    response = api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "id": own, "parent_id": own})

    assert response.status_code == 400
    assert fields_at_fault(response) == ["parent_id"]
    assert snapshot() == before


@pytest.mark.parametrize("whose", ["another thread", "nobody", "the trash"])
def test_a_parent_is_a_message_of_the_same_thread(
    say: Say, api: ApiClient, thread_id: str, new_thread: Callable[..., dict[str, Any]], whose: str
) -> None:
    trashed = say(content="a")
    say(content="b")
    api.delete(f"/api/messages/{trashed['id']}")
    elsewhere = api.post(f"/api/threads/{new_thread()['id']}/messages", {"role": "user"}).json()
    parent = {"another thread": elsewhere["id"], "nobody": str(uuid.uuid4()), "the trash": trashed["id"]}[whose]
    before = snapshot()

    response = api.post(f"/api/threads/{thread_id}/messages", {"role": "user", "parent_id": parent})
    switch = api.patch(f"/api/threads/{thread_id}", {"active_leaf_id": parent})

    assert (response.status_code, switch.status_code) == (400, 400)
    assert fields_at_fault(response) == ["parent_id"]
    assert fields_at_fault(switch) == ["active_leaf_id"]
    assert snapshot() == before


def test_a_stale_switch_changes_nothing(say: Say, api: ApiClient, thread_id: str) -> None:
    first = say(content="a")
    say(content="b")
    before = snapshot()

    response = api.patch(f"/api/threads/{thread_id}", {"active_leaf_id": first["id"]}, if_match='"v1"')

    assert response.status_code == 412
    assert snapshot() == before


@pytest.mark.parametrize("value", ["", "both", "ALL", "true"])
def test_branches_takes_active_or_all(api: ApiClient, thread_id: str, value: str) -> None:
    response = api.get(f"/api/threads/{thread_id}/messages?branches={value}")

    assert response.status_code == 400
    assert fields_at_fault(response) == ["branches"]
