"""The transcript on the page of a thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.actors import MemberActor, SystemActor
from accounts.models import User
from conversations.models import Message, Thread
from conversations.services import create_feedback, purge_trash, trash_feedback, trash_message
from tests.admin.conftest import Say, statements, thread_page
from tests.admin.markup import Page

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def transcript(browser: Client, thread: Thread, query: str = "") -> Any:
    return browser.get(thread_page(thread, query)).context["transcript"]


def test_transcript_shows_a_message_with_all_that_is_known(browser: Client, thread: Thread, say: Say) -> None:
    message = say(
        "It is **ready**.",
        role="assistant",
        model="gpt",
        provider="openai",
        usage={"prompt_tokens": 1200, "completion_tokens": 7},
        finish_reason="length",
        status="incomplete",
        artifact_data={"a": 1},
        metadata={"b": 2},
        created_at=MOMENT,
    )

    page = Page(browser.get(thread_page(thread)))

    article = page.of_class("parley-message")[0]
    assert (article.tag, article.classes) == ("article", {"parley-message", "parley-role-assistant"})
    assert article.attributes["id"] == "message-1"
    assert page.texts("parley-message-head") == [
        "assistant #1 gpt openai 1,200 → 7 tokens finished: length incomplete 2026-01-02 03:04:05 UTC"
    ]
    assert page.links("parley-position") == [f"/admin/conversations/message/{message.pk}/change/"]
    assert page.texts("parley-prose") == ["It is ready."]
    assert [each.text for each in page.elements if each.tag == "summary"][1:] == ["Artifact", "Metadata", "Usage"]


def test_transcript_shows_no_message_as_a_form(browser: Client, thread: Thread, say: Say) -> None:
    say("words of the message")

    page = Page(browser.get(thread_page(thread)))

    names = {each.attributes.get("name", "") for each in page.elements if each.tag in ("input", "textarea", "select")}
    assert names == {"csrfmiddlewaretoken", "title", "agent", "metadata", "_save", "_continue", ""}


@pytest.mark.parametrize(("content", "words"), [(None, "No content."), ("", "The content is an empty text.")])
def test_transcript_tells_kinds_of_nothing_apart(
    browser: Client, thread: Thread, say: Say, content: str | None, words: str
) -> None:
    say(content)

    assert Page(browser.get(thread_page(thread))).texts("parley-nothing") == [words]


def test_transcript_of_an_empty_thread_says_so(browser: Client, thread: Thread) -> None:
    page = Page(browser.get(thread_page(thread)))

    assert page.texts("parley-empty") == ["There are no messages in this thread yet."]
    assert page.of_class("parley-message") == []


def test_transcript_folds_and_marks_what_was_hidden(browser: Client, thread: Thread, say: Say) -> None:
    say("seen", metadata={"hidden": False})
    say("unseen", metadata={"hidden": True})
    say("also seen", metadata=["hidden"])

    page = Page(browser.get(thread_page(thread)))

    assert page.texts("parley-hidden") == [page.texts("parley-message")[1]]
    assert [each.tag for each in page.of_class("parley-block-hidden")] == ["details"]


def test_transcript_shows_feedback_at_its_message(
    browser: Client, thread: Thread, say: Say, alice: User, actor: SystemActor
) -> None:
    say("question")
    answer = say("answer", role="assistant")
    member = MemberActor(organization_id=thread.organization_id, user_id=alice.pk, label="alice")
    create_feedback(actor=member, message_id=answer.pk, fields={"rating": 1, "comment": "Good <b>"}, now=MOMENT)
    create_feedback(actor=actor, message_id=answer.pk, fields={"payload": {"stars": 4}}, now=MOMENT)
    gone = create_feedback(actor=actor, message_id=answer.pk, fields={"comment": "gone"})
    trash_feedback(actor=actor, feedback_id=gone.pk)

    page = Page(browser.get(thread_page(thread)))

    first = "Feedback Positive Good <b> alice, 2026-01-02 03:04:05 UTC"
    second = 'Feedback 2026-01-02 03:04:05 UTC Payload { "stars": 4 }'
    assert page.texts("parley-feedback") == [f"{first} {second}"]
    assert [each.attributes["aria-label"] for each in page.of_class("parley-feedback")] == ["Feedback on message 2"]


def test_transcript_leaves_out_the_trash_and_counts_it(
    browser: Client, thread: Thread, say: Say, actor: SystemActor
) -> None:
    messages = [say(f"message {number}") for number in range(1, 5)]
    for message in (messages[1], messages[2]):
        trash_message(actor=actor, message_id=message.pk)
    purge_trash(organization_id=thread.organization_id, trashed_before=datetime(3000, 1, 1, tzinfo=UTC))

    response = browser.get(thread_page(thread))

    assert [entry.position for entry in response.context["transcript"].entries] == [1, 4]
    assert Page(response).texts("parley-transcript-place") == ["Messages 1–2 of 2 · 2 in the trash not shown"]


def test_transcript_whose_messages_are_all_in_the_trash_says_so(
    browser: Client, thread: Thread, say: Say, actor: SystemActor
) -> None:
    trash_message(actor=actor, message_id=say("gone").pk)

    assert Page(browser.get(thread_page(thread))).texts("parley-empty") == [
        "Every message of this branch is in the trash."
    ]


def test_transcript_says_what_is_too_large_to_be_shown(browser: Client, thread: Thread, say: Say) -> None:
    large = {"rows": ["x" * 1000] * 101}
    say(None, parts=[{"type": "text", "text": "y" * 100_001}], artifact_data=large, metadata=large, usage=large)

    entry = transcript(browser, thread).entries[0]

    shown = [(each.label, each.text, each.note.partition(" ")[2]) for each in (*entry.blocks, *entry.details)]
    note = "characters of JSON, too long to be shown here. An export holds them."
    labels = ["Parts", "Artifact data", "Metadata", "Usage"]
    assert shown == [(label, "", note) for label in labels]
    assert entry.emptiness == ""


def test_transcript_tells_json_null_from_a_missing_value(browser: Client, thread: Thread, say: Say) -> None:
    from django.db.models import JSONField, Value

    say("missing")
    say("null", artifact_data=Value(None, JSONField()))

    entries = transcript(browser, thread).entries

    assert [[(each.label, each.text) for each in entry.details] for entry in entries] == [[], [("Artifact", "null")]]


def test_transcript_costs_seven_queries_at_one_message_and_at_three(
    browser: Client, thread: Thread, say: Say, actor: SystemActor
) -> None:
    counts: list[int] = []
    for more in (1, 2):
        for _ in range(more):
            message = say("hello", parts=[{"type": "text", "text": "hello"}])
            create_feedback(actor=actor, message_id=message.pk, fields={"rating": 1})
        with statements() as found:
            browser.get(thread_page(thread))
        counts.append(len(found))

    assert counts == [7, 7]


def test_transcript_with_branches_and_trash_costs_one_query_more(
    browser: Client, thread: Thread, say: Say, actor: SystemActor
) -> None:
    first = say()
    for number in range(3):
        say(f"branch {number}", parent_id=first.pk)
    trash_message(actor=actor, message_id=say().pk)

    with statements() as found:
        browser.get(thread_page(thread))

    assert len(found) == 8
    assert [each for each in found if "COUNT(" in each.upper()] == []


def test_transcript_of_another_organization_stays_out(
    browser: Client, make_thread: Callable[..., Thread], thread: Thread, say: Say
) -> None:
    say("of the other thread", to=make_thread(title="other"))
    say("of this thread")

    assert Page(browser.get(thread_page(thread))).texts("parley-prose") == ["of this thread"]


def test_message_page_shows_one_message(browser: Client, thread: Thread, say: Say, actor: SystemActor) -> None:
    say("before")
    message = say("**alone**", role="assistant", metadata={"a": 1})
    create_feedback(actor=actor, message_id=message.pk, fields={"comment": "fine"}, now=MOMENT)
    trash_message(actor=actor, message_id=message.pk)

    page = Page(browser.get(f"/admin/conversations/message/{message.pk}/change/"))

    assert page.texts("parley-prose") == ["alone"]
    assert page.texts("parley-feedback") == ["Feedback fine 2026-01-02 03:04:05 UTC"]
    assert [each for each in page.elements if each.tag == "textarea"] == []
    assert Message.objects.get(pk=message.pk).trashed_at is not None
