"""Pages of a transcript."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from conversations.services import append_messages, trash_message
from conversations.transcript import Selection
from tests.admin.conftest import statements, thread_page
from tests.admin.markup import Page


def fill(thread: Thread, count: int) -> list[Message]:
    """Append numbered messages, a thousand at a time."""
    actor, rows = SystemActor(thread.organization_id), []
    for start in range(1, count + 1, 1000):
        texts = [f"message {number}" for number in range(start, min(start + 1000, count + 1))]
        messages = [{"role": "user", "content": text} for text in texts]
        rows += append_messages(actor=actor, thread_id=thread.pk, messages=messages)
    return rows


@pytest.mark.parametrize(
    ("query", "place", "positions", "pages"),
    [
        ("", (1, 100), (1, 100), {"next": "?page=101", "last": "?page=151"}),
        (
            "?page=101",
            (101, 200),
            (101, 200),
            {"first": "?", "previous": "?", "next": "?page=201", "last": "?page=151"},
        ),
        ("?page=151", (151, 250), (151, 250), {"first": "?", "previous": "?page=51"}),
        ("?page=240", (240, 250), (240, 250), {"first": "?", "previous": "?page=140"}),
        ("?page=30", (30, 129), (30, 129), {"first": "?", "previous": "?", "next": "?page=130", "last": "?page=151"}),
        ("?page=9999", (151, 250), (151, 250), {"first": "?", "previous": "?page=51"}),
    ],
)
def test_transcript_page_holds_a_hundred_messages_and_the_ways_off_it(
    browser: Client, thread: Thread, query: str, place: tuple[int, int], positions: Any, pages: dict[str, str]
) -> None:
    fill(thread, 250)

    found = browser.get(thread_page(thread, query)).context["transcript"]

    assert (found.first, found.last, found.total) == (*place, 250)
    assert (found.entries[0].position, found.entries[-1].position) == positions
    assert found.pages == pages


def test_transcript_page_skips_the_trash_and_stays_full(browser: Client, thread: Thread, actor: SystemActor) -> None:
    messages = fill(thread, 120)
    for message in messages[:20]:
        trash_message(actor=actor, message_id=message.pk)

    found = browser.get(thread_page(thread)).context["transcript"]

    assert [entry.position for entry in found.entries] == list(range(21, 121))
    assert found.pages == {}


def test_transcript_page_offers_a_jump_that_keeps_the_branch(browser: Client, thread: Thread) -> None:
    fill(thread, 101)

    page = Page(browser.get(thread_page(thread, "?branches=all&_changelist_filters=q%3Dx")))

    form = next(place for place, each in enumerate(page.elements) if "parley-jump" in each.classes)
    inputs = [each.attributes for each in page.elements[form:] if each.tag == "input"][:3]
    assert [(each["name"], each.get("value", ""), each.get("max", "")) for each in inputs] == [
        ("_changelist_filters", "q=x", ""),
        ("branches", "all", ""),
        ("page", "", "101"),
    ]


def test_transcript_of_one_page_has_no_page_links(browser: Client, thread: Thread) -> None:
    fill(thread, 100)

    assert Page(browser.get(thread_page(thread))).of_class("parley-pages") == []


@pytest.mark.parametrize(
    "value", ["", "0", "-1", "x", "1e3", "²", "99999999999", "9" * 100, "2147483648", "%00", "1;2", "١"]
)
def test_transcript_passes_over_a_place_that_cannot_be_meant(browser: Client, thread: Thread, value: str) -> None:
    fill(thread, 2)

    response = browser.get(thread_page(thread, f"?page={value}&leaf={value}&branches={value}"))

    assert response.context["transcript"].selection == Selection()
    assert len(response.context["transcript"].entries) == 2


def test_transcript_page_does_not_read_other_pages(browser: Client, thread: Thread) -> None:
    fill(thread, 300)

    with statements() as found:
        response = browser.get(thread_page(thread, "?page=101"))

    assert Page(response).texts("parley-prose") == [f"message {number}" for number in range(101, 201)]
    assert len([each for each in found if '"conversations_message"."content"' in each]) == 1
    assert len(found) == 7


@pytest.mark.slow
def test_transcript_of_ten_thousand_messages_is_as_quick_as_a_short_one(browser: Client, thread: Thread) -> None:
    fill(thread, 10_000)
    address = thread_page(thread, "?page=5000")
    browser.get(address)

    with statements() as found:
        start = time.perf_counter()
        response = browser.get(address)
        seconds = time.perf_counter() - start

    assert len(found) == 7
    assert response.context["transcript"].total == 10_000
    assert seconds < 2, f"{seconds:.2f} s"
