"""Platform administrators see that conversations are there, and nothing of what was said."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization, User
from agents_app.services import create_agent
from conversations.admin.content import SESSION_KEY
from conversations.models import Feedback, Message, Thread
from ledger.models import AuditEntry
from tests.admin.addresses import pages
from tests.admin.canaries import CANARY, Aviary, body
from tests.admin.conftest import FEEDBACK, MESSAGES, THREADS, listed, notices, staff, thread_page
from tests.admin.hidden import EVERYWHERE, reveal, secret, secret_thread
from tests.admin.markup import Page

__all__ = ["secret"]


def test_hidden_words_are_on_no_page_of_the_admin(
    office: Client, organization: Organization, secret: Thread, alice: User
) -> None:
    rows = Aviary(organization, "wren")
    message = Message.objects.get(thread=secret)
    rows.rows |= {Thread: secret, Message: message, Feedback: message.feedback.get()}

    def leaks(client: Client) -> set[str]:
        told = {
            address: body(client.get(address)) for address in pages(rows, word="reasoning") if "logout" not in address
        }
        return {address for address, text in told.items() if CANARY in text}

    assert leaks(office) == set()
    assert len(leaks(staff(alice))) >= len(EVERYWHERE)


def test_platform_administrator_sees_that_conversations_are_there(office: Client, secret: Thread) -> None:
    threads, messages = Page(office.get(reverse(THREADS))), Page(office.get(reverse(MESSAGES)))
    feedback, thread = Page(office.get(reverse(FEEDBACK))), Page(office.get(thread_page(secret)))

    assert threads.texts("field-name") == [f"Thread {str(secret.pk)[:13]}…"]
    assert threads.texts("parley-badge") == ["Hidden"]
    assert (messages.texts("field-excerpt"), messages.texts("field-role")) == (["hidden"], ["User"])
    assert messages.texts("field-thread_link") == [f"Thread {str(secret.pk)[:13]}…"]
    assert (feedback.texts("field-excerpt"), feedback.texts("field-rating")) == (["hidden"], ["Positive"])
    assert [each.text for each in thread.elements if each.attributes.get("id") == "hidden-heading"] == [
        "What was said here is hidden"
    ]


@pytest.mark.parametrize("address", [THREADS, MESSAGES])
def test_search_is_no_oracle_of_what_is_hidden(office: Client, secret: Thread, alice: User, address: str) -> None:
    for word in (CANARY, "reasoning"):
        assert listed(office.get(reverse(address), {"q": word})) == []
    assert len(listed(staff(alice).get(reverse(address), {"q": CANARY}))) == 1
    told = Page(office.get(reverse(address))).texts("help")
    assert [text.endswith("Only what you may read is searched; ids are found everywhere.") for text in told] == [True]

    reveal(office, secret)

    assert len(listed(office.get(reverse(address), {"q": CANARY}))) == 1


def test_search_finds_what_is_hidden_by_its_id(office: Client, secret: Thread) -> None:
    assert len(listed(office.get(reverse(THREADS), {"q": str(secret.pk)}))) == 1


@pytest.mark.parametrize("action", ["export_as_jsonl", "export_as_csv"])
def test_export_of_hidden_threads_is_refused_as_a_whole(
    office: Client, secret: Thread, other_organization: Organization, action: str
) -> None:
    Organization.objects.filter(slug="rival").update(content_access=Organization.ContentAccess.OPEN)
    readable = secret_thread(SystemActor(other_organization.pk), "linnet")

    def export(*threads: Thread) -> Any:
        chosen = {"action": action, "index": "0", "_selected_action": [str(each.pk) for each in threads]}
        return office.post(reverse(THREADS), chosen, follow=True)

    refused = export(secret, readable)
    exported = export(readable)

    assert notices(refused) == [
        "Nothing was exported: what was said in some of the selected threads is hidden from you."
    ]
    assert CANARY not in body(refused)
    assert "linnet" in body(exported)
    assert [each.organization_id for each in AuditEntry.objects.filter(action="threads.exported")] == [
        other_organization.pk
    ]


def test_hidden_thread_is_not_changed(office: Client, secret: Thread) -> None:
    before = Thread.objects.values().get(pk=secret.pk)

    response = office.post(thread_page(secret), {"title": "", "metadata": "{}", "agent": ""})

    assert response.status_code == 403
    assert Thread.objects.values().get(pk=secret.pk) == before


def test_hidden_thread_goes_to_the_trash_as_it_is(office: Client, secret: Thread) -> None:
    before = dict(Thread.objects.values().get(pk=secret.pk))

    office.post(reverse(THREADS), {"action": "move_to_trash", "index": "0", "_selected_action": [str(secret.pk)]})

    after = dict(Thread.objects.values().get(pk=secret.pk))
    assert {name for name, value in after.items() if value != before[name]} == {"trashed_at", "updated_at", "version"}


def test_change_of_a_revealed_thread_leaves_no_title_in_the_log_of_the_admin(office: Client, secret: Thread) -> None:
    reveal(office, secret)
    fields = {"title": f"{CANARY} two", "metadata": "{}", "agent": ""}
    assert office.post(thread_page(secret), fields).status_code == 302
    session = office.session
    del session[SESSION_KEY]
    session.save()

    history = reverse("admin:conversations_thread_history", args=[secret.pk])
    # The notice of the change is shown once, to the one who made it.
    office.get(reverse("admin:index"))
    assert [CANARY in body(office.get(each)) for each in (history, reverse("admin:index"))] == [False, False]


def test_instructions_of_agents_are_configuration_and_shown(office: Client, actor: SystemActor) -> None:
    agent = create_agent(actor=actor, fields={"name": "Guide", "instructions": CANARY})

    assert CANARY in body(office.get(reverse("admin:agents_app_agent_change", args=[agent.pk])))
