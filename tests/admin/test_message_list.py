"""The lists of messages and of feedback."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import MemberActor, SystemActor
from accounts.models import Organization, User
from conversations.models import Feedback, Message, Thread
from conversations.services import create_feedback, create_thread, trash_feedback, trash_message, trash_thread
from tests.admin.conftest import FEEDBACK, MESSAGES, Say, listed, message_page, statements
from tests.admin.markup import Page

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def rows(browser: Client, address: str, query: str = "") -> Any:
    return browser.get(reverse(address) + query)


def test_message_list_shows_a_message_in_one_row(browser: Client, thread: Thread, say: Say) -> None:
    say("  First\n\nline " + "x" * 200, role="assistant", model="gpt", created_at=MOMENT)

    page = Page(rows(browser, MESSAGES))

    cells = ["role", "thread_link", "position", "organization", "model", "time"]
    assert [page.texts(f"field-{name}") for name in cells] == [
        ["Assistant"],
        ["A thread"],
        ["1"],
        ["Acme"],
        ["gpt"],
        ["2026-01-02 03:04"],
    ]
    assert page.texts("field-excerpt") == ["First line " + "x" * 107 + "…"]


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_message_list_names_a_message_without_text(browser: Client, say: Say, content: str | None) -> None:
    say(content)

    assert Page(rows(browser, MESSAGES)).texts("field-excerpt") == ["no text"]


def test_message_list_leads_to_the_place_in_the_thread(browser: Client, thread: Thread, say: Say) -> None:
    first = say()
    say("left aside", parent_id=first.pk)
    say("active", parent_id=first.pk)

    page = Page(rows(browser, MESSAGES))
    links = [each.attributes["href"] for each in page.elements if "#message-" in each.attributes.get("href", "")]

    address = f"/admin/conversations/thread/{thread.pk}/change/"
    assert links == [f"{address}?leaf={number}&page={number}#message-{number}" for number in (3, 2, 1)]
    shown = browser.get(links[1]).context["transcript"].entries
    assert [entry.position for entry in shown] == [2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["tool #3", "user #1"]),
        ("?trash=only", ["assistant #2"]),
        ("?trash=with", ["user #1", "tool #3", "assistant #2", "user #1"]),
        ("?role=tool", ["tool #3"]),
        ("?role=nobody", []),
        ("?organization=rival", []),
        ("?created_until=2026-01-02", ["tool #3"]),
        ("?created_from=2026-01-03", ["user #1"]),
    ],
)
def test_message_list_filters(
    browser: Client, actor: SystemActor, thread: Thread, say: Say, query: str, expected: list[str]
) -> None:
    say()
    trash_message(actor=actor, message_id=say(role="assistant").pk)
    say(role="tool", created_at=MOMENT)
    other = create_thread(actor=actor, fields={"agent_type": "chat", "model": "m", "provider": "p"})
    say(to=other)
    trash_thread(actor=actor, thread_id=other.pk)

    assert listed(rows(browser, MESSAGES, query)) == expected


def test_message_list_costs_five_queries_at_one_row_and_at_three(browser: Client, say: Say) -> None:
    counts: list[int] = []
    for more in (1, 2):
        for _ in range(more):
            say()
        with statements() as found:
            rows(browser, MESSAGES)
        counts.append(len(found))

    assert counts == [5, 5]
    assert [each for each in found if "COUNT(" in each.upper()] == []


def test_message_list_reads_no_more_than_the_beginning_of_contents(browser: Client, say: Say) -> None:
    say("x" * 10_000, parts=[{"type": "text", "text": "y"}], metadata={"z": 1})

    with statements() as found:
        response = rows(browser, MESSAGES)

    assert len(response.context["cl"].result_list[0].beginning) == 121
    assert [name for name in ("parts", "metadata", "usage") if f'"conversations_message"."{name}"' in found[-1]] == []


def test_message_is_neither_made_nor_changed_nor_erased(browser: Client, thread: Thread, say: Say) -> None:
    message = say("as it was")
    before = Message.objects.values().get(pk=message.pk)
    erasing = reverse("admin:conversations_message_delete", args=[message.pk])
    adding = reverse("admin:conversations_message_add")

    answers = [
        browser.post(message_page(message), {"content": "altered", "role": "system"}),
        browser.post(erasing, {"post": "yes"}),
        browser.post(adding, {"content": "new", "role": "user", "thread": str(thread.pk)}),
    ]

    assert [each.status_code for each in answers] == [403, 403, 403]
    assert list(Message.objects.values()) == [before]


@pytest.fixture
def feedback(actor: SystemActor, say: Say, alice: User, organization: Organization) -> list[Feedback]:
    message = say(role="assistant")
    member = MemberActor(organization_id=organization.pk, user_id=alice.pk, label="alice")
    return [
        create_feedback(actor=member, message_id=message.pk, fields={"rating": -1, "comment": "Wrong"}, now=MOMENT),
        create_feedback(actor=actor, message_id=message.pk, fields={"payload": {"a": 1}}, now=MOMENT),
    ]


def test_feedback_list_shows_rows(browser: Client, feedback: list[Feedback]) -> None:
    page = Page(rows(browser, FEEDBACK))

    cells = ["excerpt", "rating", "message_link", "organization", "created_by", "time"]
    assert [page.texts(f"field-{name}") for name in cells] == [
        ["no comment", "Wrong"],
        ["-", "Negative"],
        ["assistant #1", "assistant #1"],
        ["Acme", "Acme"],
        ["-", "alice"],
        ["2026-01-02 03:04", "2026-01-02 03:04"],
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", 2), ("?rating=-1", 1), ("?rating=1", 0), ("?rating=x", 0), ("?trash=only", 0), ("?organization=rival", 0)],
)
def test_feedback_list_filters(browser: Client, feedback: list[Feedback], query: str, expected: int) -> None:
    assert len(listed(rows(browser, FEEDBACK, query))) == expected


def test_feedback_list_hides_the_trash(browser: Client, feedback: list[Feedback], actor: SystemActor) -> None:
    trash_feedback(actor=actor, feedback_id=feedback[0].pk)

    assert listed(rows(browser, FEEDBACK)) == [str(feedback[1])]
    assert listed(rows(browser, FEEDBACK, "?trash=only")) == [str(feedback[0])]


def test_feedback_list_costs_five_queries_at_one_row_and_at_three(
    browser: Client, say: Say, actor: SystemActor
) -> None:
    counts: list[int] = []
    for more in (1, 2):
        for _ in range(more):
            create_feedback(actor=actor, message_id=say().pk, fields={"rating": 1})
        with statements() as found:
            rows(browser, FEEDBACK)
        counts.append(len(found))

    assert counts == [5, 5]
    assert [each for each in found if "COUNT(" in each.upper()] == []
    assert [each for each in found if '"conversations_message"."content"' in each] == []


def test_feedback_is_shown_and_not_changed(browser: Client, feedback: list[Feedback]) -> None:
    address = reverse("admin:conversations_feedback_change", args=[feedback[1].pk])

    shown, refused = browser.get(address), browser.post(address, {"comment": "altered"})

    assert (shown.status_code, refused.status_code) == (200, 403)
    assert Page(shown).texts("field-payload") == ['Payload: {"a":1}']
    assert Feedback.objects.get(pk=feedback[1].pk).comment == ""
