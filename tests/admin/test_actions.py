"""Actions on selected rows: to the trash and back, and exports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization, User
from agents_app.models import Agent
from agents_app.services import create_agent
from conversations.models import Message, Thread
from conversations.services import create_thread, trash_message, trash_thread
from tests.admin.conftest import AGENTS, MESSAGES, THREADS, Say, notices, staff, statements
from tests.conftest import make_member

MakeThread = Callable[..., Thread]


def act(browser: Client, address: str, action: str, rows: Any, *, query: str = "", **options: str) -> Any:
    """Run an action on the selected rows and follow to the list."""
    fields = {"action": action, "index": "0", "_selected_action": [str(row.pk) for row in rows], **options}
    return browser.post(reverse(address) + query, fields, follow=True)


def test_action_moves_threads_of_any_organization_to_the_trash(
    browser: Client, make_thread: MakeThread, other_organization: Organization, root: User
) -> None:
    fields = {"agent_type": "chat", "model": "m", "provider": "p"}
    chosen = [make_thread(), create_thread(actor=SystemActor(other_organization.pk), fields=fields)]
    kept = make_thread()

    response = act(browser, THREADS, "move_to_trash", chosen)

    assert notices(response) == ["2 threads moved to the trash."]
    assert set(Thread.objects.in_trash().values_list("pk", "version")) == {(each.pk, 2) for each in chosen}
    assert list(Thread.objects.active()) == [kept]


def test_action_restores_threads_and_says_what_was_there_already(
    browser: Client, make_thread: MakeThread, actor: SystemActor
) -> None:
    gone, there = make_thread(), make_thread()
    trash_thread(actor=actor, thread_id=gone.pk)

    response = act(browser, THREADS, "restore", [gone, there], query="?state=with")

    assert notices(response) == ["1 thread restored from the trash. 1 thread left as it was."]
    assert set(Thread.objects.active()) == {gone, there}


def test_action_on_messages_keeps_the_count_of_their_thread(browser: Client, thread: Thread, say: Say) -> None:
    messages = [say(), say(), say()]

    moved = act(browser, MESSAGES, "move_to_trash", messages[:2])
    count = Thread.objects.get(pk=thread.pk).message_count
    restored = act(browser, MESSAGES, "restore", messages[:1], query="?trash=only")

    assert notices(moved) == ["2 messages moved to the trash."]
    assert notices(restored) == ["1 message restored from the trash."]
    assert (count, Thread.objects.get(pk=thread.pk).message_count) == (1, 2)


def test_action_on_agents_tells_a_slug_that_was_given_away(browser: Client, actor: SystemActor) -> None:
    first = create_agent(actor=actor, fields={"name": "Guide"})

    moved = act(browser, AGENTS, "move_to_trash", [first])
    create_agent(actor=actor, fields={"name": "Guide"})
    restored = act(browser, AGENTS, "restore", [first], query="?trash=only")

    assert notices(moved) == ["1 agent moved to the trash."]
    assert notices(restored) == ["0 agents restored. 1 agent left as it was."]
    assert [agent.trashed_at is None for agent in Agent.objects.order_by("id")] == [False, True]


def test_action_moves_a_bounded_number_at_once(
    browser: Client, make_thread: MakeThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.admin.moves.MAX_AT_ONCE", 2)
    threads = [make_thread() for _ in range(3)]

    response = act(browser, THREADS, "move_to_trash", threads)

    assert notices(response) == ["2 threads moved to the trash. There are more; repeat the action for them."]
    assert Thread.objects.active().count() == 1


def test_actions_need_their_permissions(organization: Organization, thread: Thread, say: Say) -> None:
    say()
    client = staff(make_member("ana", organization, role="analyst"))

    offered = [name for name, _ in client.get(reverse(THREADS)).context["action_form"].fields["action"].choices]
    act(client, THREADS, "move_to_trash", [thread])

    assert offered == ["", "export_as_jsonl", "export_as_csv"]
    assert client.get(reverse(MESSAGES)).context["action_form"] is None
    assert Thread.objects.active().get() == thread
    assert Message.objects.active().count() == 1


@pytest.mark.parametrize("address", [THREADS, MESSAGES, AGENTS])
def test_rows_cannot_be_erased_by_an_action(browser: Client, thread: Thread, say: Say, address: str) -> None:
    message = say()

    act(browser, address, "delete_selected", [thread, message], post="yes")

    assert (Thread.objects.count(), Message.objects.count()) == (1, 1)


def test_action_exports_the_selected_threads_as_jsonl(
    browser: Client, make_thread: MakeThread, say: Say, actor: SystemActor
) -> None:
    first, second = make_thread(title="first"), make_thread(title="second")
    make_thread(title="not selected")
    say("one", to=first)
    trash_message(actor=actor, message_id=say("deleted", to=first).pk)

    response = act(browser, THREADS, "export_as_jsonl", [second, first])

    assert response["Content-Type"] == "application/x-ndjson"
    assert response["Content-Disposition"].startswith('attachment; filename="threads-')
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    exported = [(line["parley"], line["title"], [each["content"] for each in line["messages"]]) for line in lines]
    assert exported == [(1, "first", ["one"]), (1, "second", [])]


def test_action_exports_the_selected_threads_as_csv(browser: Client, thread: Thread, say: Say) -> None:
    say("=1+1")

    response = act(browser, THREADS, "export_as_csv", [thread])

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert [(row["thread_title"], row["content"]) for row in rows] == [("A thread", "'=1+1")]


def test_action_exports_everything_that_matches_across_pages(browser: Client, make_thread: MakeThread) -> None:
    threads = [make_thread(title=f"thread {number}") for number in range(60)]
    make_thread(model="other")

    with statements() as found:
        response = act(browser, THREADS, "export_as_jsonl", threads[:1], query="?model=gpt-test", select_across="1")
        lines = b"".join(response.streaming_content).splitlines()

    assert [json.loads(line)["title"] for line in lines] == [f"thread {number}" for number in range(60)]
    assert [each for each in found if "COUNT(" in each.upper()] == []
