"""Pages of lists that are not counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.paginator import InvalidPage
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from agents_app.models import Agent
from agents_app.services import create_agent
from conversations.models import Thread
from core.admin import UncountedPaginator
from tests.admin.conftest import AGENTS, MESSAGES, THREADS, Say, listed, statements
from tests.admin.markup import Page


def page_links(page: Page) -> list[str]:
    pages = [place for place, element in enumerate(page.elements) if "parley-pages" in element.classes]
    return [each.text for each in page.elements[pages[0] :] if each.tag == "a" and "p=" in each.attributes["href"]]


@pytest.fixture
def five_pages(say: Say) -> None:
    for number in range(205):
        say(f"message {number}")


@pytest.mark.parametrize(
    ("number", "first", "length", "links"),
    [
        (1, "user #205", 50, ["Next ›"]),
        (2, "user #155", 50, ["‹ Previous", "Next ›"]),
        (4, "user #55", 50, ["‹ Previous", "Next ›"]),
        (5, "user #5", 5, ["‹ Previous"]),
    ],
)
def test_list_page_leads_to_the_ones_beside_it(
    browser: Client, five_pages: None, number: int, first: str, length: int, links: list[str]
) -> None:
    response = browser.get(reverse(MESSAGES), {"p": str(number)})

    rows = listed(response)
    assert (rows[0], len(rows)) == (first, length)
    assert page_links(Page(response)) == links
    assert Page(response).texts("parley-pages-place") == [
        f"Messages {50 * number - 49}–{50 * number - 50 + length}",
    ]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_list_page_costs_the_same_queries_everywhere_and_counts_nothing(
    browser: Client, five_pages: None, number: int
) -> None:
    with statements() as found:
        browser.get(reverse(MESSAGES), {"p": str(number)})

    assert len(found) == 5
    assert [each for each in found if "COUNT(" in each.upper()] == []


def test_list_page_keeps_filters_in_its_links(browser: Client, five_pages: None) -> None:
    response = browser.get(reverse(MESSAGES), {"p": "2", "role": "user", "q": "message"})

    assert response.context["cl"].uncounted == {
        "number": 2,
        "first_row": 51,
        "last_row": 100,
        "is_only": False,
        "first": "?q=message&role=user",
        "previous": "?p=1&q=message&role=user",
        "next": "?p=3&q=message&role=user",
    }


def test_list_page_offers_all_rows_that_match_to_an_action(browser: Client, five_pages: None) -> None:
    page = Page(browser.get(reverse(MESSAGES)))

    assert page.texts("question") == ["Select all messages that match, on every page"]
    assert page.texts("action-counter") == ["0 of 50 selected"]


def test_list_of_one_page_says_how_many_rows_it_has(browser: Client, make_thread: Callable[..., Thread]) -> None:
    assert Page(browser.get(reverse(THREADS))).texts("parley-pages-place") == ["No threads"]
    make_thread()
    assert Page(browser.get(reverse(THREADS))).texts("parley-pages-place") == ["1 thread"]
    make_thread()
    assert Page(browser.get(reverse(THREADS))).texts("parley-pages-place") == ["2 threads"]


def test_list_page_of_another_application_still_counts() -> None:
    changelist = {"result_count": 0, "opts": {"verbose_name": "group"}}

    shown = render_to_string("admin/pagination.html", {"cl": changelist})

    assert Page(HttpResponse(shown)).texts("paginator") == ["0 groups"]


def test_choice_of_an_agent_is_paged_without_a_count(browser: Client, actor: SystemActor) -> None:
    for number in range(21):
        create_agent(actor=actor, fields={"name": f"Agent {number:02}"})
    query = {"app_label": "conversations", "model_name": "thread", "field_name": "agent", "term": "agent"}

    with statements() as found:
        pages = [browser.get(reverse("admin:autocomplete"), {**query, "page": number}).json() for number in (1, 2)]

    names = [[row["text"] for row in page["results"]] for page in pages]
    expected = [f"Agent {number:02}" for number in range(20, -1, -1)]
    assert names == [expected[:20], expected[20:]]
    assert [page["pagination"]["more"] for page in pages] == [True, False]
    assert [each for each in found if "COUNT(" in each.upper()] == []


@pytest.mark.parametrize("number", [0, -1, "x", "1.5", "²", 10_001, "9" * 40, None])
def test_paginator_refuses_what_is_no_page(db: None, number: Any) -> None:
    with pytest.raises(InvalidPage):
        UncountedPaginator(Agent.objects.order_by("id"), 10).page(number)


def test_paginator_shows_an_empty_first_page(db: None) -> None:
    page = UncountedPaginator(Agent.objects.order_by("id"), 10).page(1)

    assert (list(page), page.has_next(), page.has_previous()) == ([], False, False)


def test_agent_list_costs_five_queries_at_one_row_and_at_three(browser: Client, actor: SystemActor) -> None:
    counts: list[int] = []
    for more in (1, 2):
        for number in range(more):
            create_agent(actor=actor, fields={"name": f"Agent {more}{number}"})
        with statements() as found:
            browser.get(reverse(AGENTS))
        counts.append(len(found))

    assert counts == [5, 5]
