"""Hostile texts change nothing about a page but its words."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from conversations.models import Message, Thread
from tests.admin.conftest import AGENTS, FEEDBACK, MESSAGES, THREADS, thread_page
from tests.admin.hostile import hostile_thread, hostile_values
from tests.admin.markup import Page

LISTS = {"threads": THREADS, "messages": MESSAGES, "feedback": FEEDBACK, "agents": AGENTS}
PAGES = [*LISTS, "thread", "tree", "message", "one feedback", "agent"]


def address(name: str, thread: Thread) -> str:
    if name in LISTS:
        return reverse(LISTS[name])
    if name in ("thread", "tree"):
        return thread_page(thread, "?branches=all" if name == "tree" else "")
    message = Message.objects.filter(thread=thread).order_by("position")[0]
    row: Any = {"message": message, "one feedback": message.feedback.first(), "agent": thread.agent}[name]
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def harmless_tags() -> set[str]:
    """What Markdown makes of the texts, and nothing else may come of them."""
    return {"a", "blockquote", "br", "code", "em", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s", "strong", "ul"}


@pytest.mark.parametrize("name", PAGES)
def test_page_of_hostile_texts_has_the_elements_of_a_mild_one(browser: Client, actor: SystemActor, name: str) -> None:
    mild = Page(browser.get(address(name, hostile_thread(actor, is_mild=True))))
    Thread.objects.all().delete()

    hostile = Page(browser.get(address(name, hostile_thread(actor))))

    assert hostile.tags() - mild.tags() <= harmless_tags()
    for tag in ("script", "style", "link", "meta", "base", "iframe", "img", "svg", "form", "object", "embed"):
        assert [each.attributes for each in hostile.elements if each.tag == tag and _is_strange(each.attributes)] == []
    assert hostile.handlers() == []


def _is_strange(attributes: dict[str, str]) -> bool:
    values = " ".join(attributes.values())
    return "127.0.0.1" in values or "alert" in values


@pytest.mark.parametrize("name", PAGES)
def test_page_of_hostile_texts_links_only_where_it_may(browser: Client, actor: SystemActor, name: str) -> None:
    page = Page(browser.get(address(name, hostile_thread(actor))))

    links = {
        each.attributes["href"].split(":")[0] for each in page.elements if each.tag == "a" and "href" in each.attributes
    }
    schemes = {link for link in links if link.isalpha()}
    assert schemes <= {"http", "https", "mailto"}
    outside = [each for each in page.elements if each.attributes.get("href", "").startswith("http")]
    assert {each.attributes.get("rel") for each in outside} <= {"nofollow noopener noreferrer"}


def test_page_shows_hostile_texts_word_for_word(browser: Client, actor: SystemActor) -> None:
    thread = hostile_thread(actor)

    entries = browser.get(thread_page(thread)).context["transcript"].entries
    page = Page(browser.get(thread_page(thread)))

    values = hostile_values()
    assert len(entries) == len(values)
    shown = " ".join(page.texts("parley-comment"))
    assert [text for text in values if isinstance(text, str) and " ".join(text.split()) not in shown] == []


def test_page_sends_a_strict_policy(browser: Client, actor: SystemActor) -> None:
    response = browser.get(thread_page(hostile_thread(actor)))

    assert "script-src 'self';" in response["Content-Security-Policy"]
    assert "img-src 'self' data:;" in response["Content-Security-Policy"]
