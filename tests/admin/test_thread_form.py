"""Changing a thread on its page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization
from agents_app.models import Agent
from agents_app.services import create_agent, trash_agent
from conversations.models import Thread
from conversations.services import trash_thread
from tests.admin.conftest import THREADS, listed, thread_page
from tests.admin.markup import Page

MakeThread = Callable[..., Thread]


@pytest.fixture
def agent(actor: SystemActor) -> Agent:
    return create_agent(actor=actor, fields={"name": "Guide"})


def save(browser: Client, thread: Thread, **changes: str) -> Any:
    """Send the form of the thread with some fields changed, as a browser would."""
    form = browser.get(thread_page(thread)).context["adminform"].form
    fields = {name: str(form[name].value() or "") for name in form.fields}
    return browser.post(thread_page(thread), fields | changes)


def errors(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def stored(thread: Thread) -> dict[str, Any]:
    return dict(Thread.objects.values().get(pk=thread.pk))


def test_thread_form_changes_title_metadata_and_agent(browser: Client, thread: Thread, agent: Agent) -> None:
    before = stored(thread)

    response = save(browser, thread, title="  New title ", metadata='{"a": [1.5, null]}', agent=str(agent.pk))

    assert response.status_code == 302
    after = stored(thread)
    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {"title", "metadata", "agent_id", "version", "updated_at"}
    assert (after["title"], after["metadata"], after["agent_id"]) == ("  New title ", {"a": [1.5, None]}, agent.pk)
    assert (after["version"], after["updated_at"] > before["updated_at"]) == (before["version"] + 1, True)


def test_thread_form_keeps_the_search_index_in_step(browser: Client, thread: Thread) -> None:
    save(browser, thread, title="Marmalade")

    assert listed(browser.get(reverse(THREADS), {"q": "marmalade"})) == ["Marmalade"]
    assert listed(browser.get(reverse(THREADS), {"q": "thread"})) == []


@pytest.mark.parametrize("title", [None, "", "A thread", "two\nlines", "two\r\nlines", " edge ", "a\rb"])
def test_thread_form_sent_as_it_is_changes_nothing(
    browser: Client, make_thread: MakeThread, agent: Agent, title: str | None
) -> None:
    thread = make_thread(title=title, metadata={"b": 1, "a": [True, 1.0, "ü"]}, agent_id=agent.pk)
    before = stored(thread)

    response = save(browser, thread, title=(title or "").replace("\r\n", "\n").replace("\n", "\r\n"))

    assert response.status_code == 302
    assert stored(thread) == before


def test_thread_form_clears_title_agent_and_metadata(browser: Client, make_thread: MakeThread, agent: Agent) -> None:
    thread = make_thread(title="old", metadata={"a": 1}, agent_id=agent.pk)

    save(browser, thread, title="", agent="", metadata=" ")

    after = stored(thread)
    assert (after["title"], after["agent_id"], after["metadata"]) == (None, None, {})


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{", "The body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
        ('{"a": "\\u0000"}', "The text holds NUL (U+0000) at offset 0. (at /a)"),
        ('{"a": "\\ud800"}', "The text holds a lone surrogate (U+D800) at offset 0. (at /a)"),
        ('{"a": 1e999}', "The number is not finite. (at /a)"),
        ('{"a": NaN}', "The number is not finite. (at /a)"),
        ('{"a": 1, "a": 2}', "The key is repeated. (at /a)"),
        ("[" * 129 + "]" * 129, f"Values are nested deeper than 128 levels. (at {'/0' * 50})"),
        ("[" * 100_000, None),
        ('{"a": ' + "9" * 5000 + "}", "The number has more than 4300 digits. (at /a)"),
        ("null", "Give a value other than null."),
        ('{"a": "\x00"}', None),
    ],
)
def test_thread_form_refuses_json_that_cannot_be_stored(
    browser: Client, thread: Thread, metadata: str, message: str | None
) -> None:
    before = stored(thread)

    response = save(browser, thread, metadata=metadata, title="changed too")

    assert list(errors(response)) == ["metadata"]
    assert message is None or errors(response)["metadata"] == [message]
    assert stored(thread) == before


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("a\x00b", "The text holds NUL (U+0000) at offset 1."),
        ("x" * 256, "Ensure this value has at most 255 characters (it has 256)."),
    ],
)
def test_thread_form_refuses_a_title_that_cannot_be_stored(
    browser: Client, thread: Thread, title: str, message: str
) -> None:
    before = stored(thread)

    response = save(browser, thread, title=title)

    assert errors(response) == {"title": [message]}
    assert stored(thread) == before


def test_thread_form_refuses_the_agent_of_another_organization(
    browser: Client, thread: Thread, other_organization: Organization
) -> None:
    stranger = create_agent(actor=SystemActor(other_organization.pk), fields={"name": "Spy"})

    response = save(browser, thread, agent=str(stranger.pk))

    assert list(errors(response)) == ["agent"]
    assert stored(thread)["agent_id"] is None


def test_thread_form_refuses_an_agent_in_the_trash_but_keeps_one(
    browser: Client, make_thread: MakeThread, actor: SystemActor, agent: Agent
) -> None:
    held, free = make_thread(agent_id=agent.pk), make_thread()
    trash_agent(actor=actor, agent_id=agent.pk)

    refused, kept = save(browser, free, agent=str(agent.pk)), save(browser, held, title="kept")

    assert errors(refused) == {"agent": ["This agent is in the trash."]}
    assert kept.status_code == 302
    assert (stored(free)["agent_id"], stored(held)["agent_id"], stored(held)["title"]) == (None, agent.pk, "kept")


def test_thread_form_ignores_fields_that_are_not_for_editing(browser: Client, thread: Thread) -> None:
    before = stored(thread)

    save(browser, thread, message_count="7", organization="x", model="x", trashed_at="2026-01-01", last_position="9")

    assert stored(thread) == before


def test_thread_in_the_trash_is_only_shown(browser: Client, thread: Thread, actor: SystemActor) -> None:
    trash_thread(actor=actor, thread_id=thread.pk)
    before = stored(thread)

    shown = browser.get(thread_page(thread))
    refused = browser.post(thread_page(thread), {"title": "x", "metadata": "{}", "agent": ""})

    assert (shown.status_code, refused.status_code) == (200, 403)
    assert [each for each in Page(shown).elements if each.attributes.get("name") in ("title", "_save")] == []
    assert stored(thread) == before


def test_thread_is_neither_made_nor_erased_in_the_admin(browser: Client, thread: Thread) -> None:
    added = browser.post(reverse("admin:conversations_thread_add"), {"title": "x"})
    erased = browser.post(reverse("admin:conversations_thread_delete", args=[thread.pk]), {"post": "yes"})

    assert (added.status_code, erased.status_code) == (403, 403)
    assert list(Thread.objects.values_list("pk", flat=True)) == [thread.pk]


def test_thread_form_offers_the_agents_of_its_organization(
    browser: Client, thread: Thread, actor: SystemActor, agent: Agent, other_organization: Organization
) -> None:
    create_agent(actor=SystemActor(other_organization.pk), fields={"name": "Spy"})
    trash_agent(actor=actor, agent_id=create_agent(actor=actor, fields={"name": "Gone"}).pk)
    page = Page(browser.get(thread_page(thread)))

    address = next(
        each.attributes["data-ajax--url"] for each in page.elements if each.attributes.get("name") == "agent"
    )
    query = "&app_label=conversations&model_name=thread&field_name=agent&term="
    offered = browser.get(address + query).json()["results"]

    assert offered == [{"id": str(agent.pk), "text": "Guide"}]


def test_choice_of_an_agent_answers_a_character_that_cannot_be_stored(browser: Client, agent: Agent) -> None:
    query = "?app_label=conversations&model_name=thread&field_name=agent&term=%00"

    assert browser.get(reverse("admin:autocomplete") + query).json()["results"] == []


@pytest.mark.parametrize("given", ["", "x", "%00", "01900000-0000-7000-8000-000000000000"])
def test_choice_of_an_agent_answers_an_organization_that_is_not_there(
    browser: Client, agent: Agent, given: str
) -> None:
    query = f"?app_label=conversations&model_name=thread&field_name=agent&term=a&organization_id={given}"

    assert browser.get(reverse("admin:autocomplete") + query).json()["results"] == []


def test_thread_has_a_history_of_changes(browser: Client, thread: Thread) -> None:
    save(browser, thread, title="New title")

    response = browser.get(reverse("admin:conversations_thread_history", args=[thread.pk]))

    assert [entry.get_change_message() for entry in response.context["action_list"]] == ["Changed Title."]


@pytest.mark.parametrize("pk", ["x", "%00", "01900000-0000-7000-8000-000000000000", "9" * 40])
def test_thread_page_that_is_not_there_leads_home(browser: Client, pk: str) -> None:
    response = browser.get(f"/admin/conversations/thread/{pk}/change/")

    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))
