"""Reading the branches of a thread."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages, trash_message
from core.ids import uuid7
from tests.admin.conftest import Say, thread_page
from tests.admin.markup import Page


@pytest.fixture
def branched(thread: Thread, say: Say) -> list[Message]:
    """1 ─ 2 ─ 3, with 4 ─ 5 and 6 beside 3; 6 is the active branch."""
    first, second = say("question"), say("answer", role="assistant")
    third = say("thanks")
    fourth = say("retry", parent_id=second.pk)
    return [first, second, third, fourth, say("better"), say("again", parent_id=second.pk)]


def shown(response: Any) -> list[int]:
    return [entry.position for entry in response.context["transcript"].entries]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 2, 6]),
        ("?leaf=3", [1, 2, 3]),
        ("?leaf=5", [1, 2, 4, 5]),
        ("?leaf=4", [1, 2, 4]),
        ("?leaf=6", [1, 2, 6]),
        ("?leaf=7", [1, 2, 6]),
        ("?branches=all", [1, 2, 3, 4, 5, 6]),
        ("?branches=all&leaf=3", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_transcript_shows_the_branch_that_is_asked_for(
    browser: Client, thread: Thread, branched: list[Message], query: str, expected: list[int]
) -> None:
    assert shown(browser.get(thread_page(thread, query))) == expected


def test_transcript_switches_between_branches_at_their_fork(
    browser: Client, thread: Thread, branched: list[Message]
) -> None:
    active = Page(browser.get(thread_page(thread)))
    middle = Page(browser.get(thread_page(thread, "?leaf=5")))

    assert active.texts("parley-switch") == ["‹ Branch 3 of 3"]
    assert middle.texts("parley-switch") == ["‹ Branch 2 of 3 ›"]
    places = [place for place, each in enumerate(middle.elements) if "parley-switch" in each.classes]
    links = [each.attributes for each in middle.elements[places[0] :] if each.tag == "a"][:2]
    assert [(link["href"], link["aria-label"]) for link in links] == [
        ("?leaf=3#message-3", "Previous branch"),
        ("?#message-6", "Next branch"),
    ]


def test_transcript_switch_lands_on_a_page_that_holds_the_branch(browser: Client, thread: Thread, say: Say) -> None:
    messages = [say(f"message {number}") for number in range(1, 121)]
    say("another way", parent_id=messages[109].pk)

    found = browser.get(thread_page(thread, "?page=101")).context["transcript"]

    switch = found.entries[-1].place.switches[0]
    assert switch.previous == "?leaf=120&page=101#message-111"
    assert 111 in shown(browser.get(thread_page(thread, "?leaf=120&page=101")))


def test_transcript_reads_another_branch_without_changing_the_thread(
    browser: Client, thread: Thread, branched: list[Message]
) -> None:
    before = Thread.objects.values().get(pk=thread.pk)

    page = Page(browser.get(thread_page(thread, "?leaf=3")))

    told = "You are reading another branch, the one that ends in message 3. Reading it does not change the thread."
    assert page.texts("parley-notice") == [f"{told} Back to the active branch"]
    assert Thread.objects.values().get(pk=thread.pk) == before


def test_transcript_of_the_whole_tree_says_what_answers_what(
    browser: Client, thread: Thread, branched: list[Message], say: Say
) -> None:
    say("from the beginning", parent_id=None)

    entries = browser.get(thread_page(thread, "?branches=all")).context["transcript"].entries

    assert [(entry.position, entry.place.answers, entry.place.branch) for entry in entries if entry.place.branch] == [
        (4, 2, "?leaf=5&page=4#message-4"),
        (6, 2, "?leaf=6&page=6#message-6"),
        (7, 0, "?leaf=7&page=7#message-7"),
    ]
    assert [entry.place.switches for entry in entries] == [()] * 7


def test_transcript_passes_over_a_branch_in_the_trash(
    browser: Client, thread: Thread, branched: list[Message], actor: SystemActor
) -> None:
    trash_message(actor=actor, message_id=branched[2].pk)

    assert Page(browser.get(thread_page(thread))).texts("parley-switch") == ["‹ Branch 2 of 2"]


def test_transcript_keeps_the_switch_of_a_message_in_the_trash(
    browser: Client, thread: Thread, branched: list[Message], actor: SystemActor
) -> None:
    trash_message(actor=actor, message_id=branched[3].pk)

    response = browser.get(thread_page(thread, "?leaf=5"))

    assert shown(response) == [1, 2, 5]
    assert Page(response).texts("parley-switch") == ["‹ Branch 2 of 3 ›"]


def test_transcript_of_a_thread_that_forks_at_every_message_is_read(
    browser: Client, thread: Thread, actor: SystemActor
) -> None:
    """A path of very many runs: databases limit how deep an expression may be."""
    parent: UUID | None = None
    for _ in range(3):
        messages: list[dict[str, Any]] = []
        for _ in range(400):
            ids = (uuid7(), uuid7())
            messages += [{"id": each, "role": "user", "content": "x", "parent_id": parent} for each in ids]
            parent = ids[1]
        append_messages(actor=actor, thread_id=thread.pk, messages=messages)

    found = browser.get(thread_page(thread)).context["transcript"]

    assert (found.total, len(Thread.objects.get(pk=thread.pk).path or [])) == (1200, 1200)
    assert [entry.place.switches[0].fork.number for entry in found.entries] == [2] * 100


def test_transcript_without_branches_offers_none(browser: Client, thread: Thread, say: Say) -> None:
    say()

    page = Page(browser.get(thread_page(thread)))

    assert page.of_class("parley-switch") == []
    assert page.of_class("parley-transcript-views") == []
    assert page.texts("parley-transcript-place") == ["Messages 1–1 of 1"]


@pytest.mark.parametrize(
    ("query", "links"),
    [("", ["All branches"]), ("?leaf=3", ["Active branch", "All branches"]), ("?branches=all", ["Active branch"])],
)
def test_transcript_names_the_other_views(
    browser: Client, thread: Thread, branched: list[Message], query: str, links: list[str]
) -> None:
    assert Page(browser.get(thread_page(thread, query))).texts("parley-transcript-views") == [" ".join(links)]
