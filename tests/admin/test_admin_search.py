"""Search boxes: words through the index, ids as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization
from conversations.models import Thread
from conversations.services import create_thread
from tests.admin.conftest import MESSAGES, THREADS, Say, listed, notices, statements


@pytest.fixture
def two_tenants(other_organization: Organization, thread: Thread, say: Say) -> None:
    rival = create_thread(
        actor=SystemActor(other_organization.pk),
        fields={"agent_type": "chat", "model": "m", "provider": "p", "title": "Rival thread"},
    )
    say("The quick brown fox")
    say("A slow brown bear: 100%_\\ & 'quoted' \"twice\" %s {0}")
    say("The quick bear", to=rival)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("QUICK", {"A thread", "Rival thread"}),
        ("quick brown", {"A thread"}),
        ("quick absent", set()),
        ("rival", {"Rival thread"}),
        ("thread", {"A thread", "Rival thread"}),
        ("uic", set()),
        ("100%_\\", {"A thread"}),
        ("'quoted'", {"A thread"}),
        ('"twice"', {"A thread"}),
        ("%s {0}", {"A thread"}),
        ("' OR 1=1 --", set()),
        ("  ", {"A thread", "Rival thread"}),
    ],
)
def test_thread_list_finds_words_of_titles_and_messages(
    browser: Client, two_tenants: None, words: str, expected: set[str]
) -> None:
    assert set(listed(browser.get(reverse(THREADS), {"q": words}))) == expected


def test_thread_list_searches_inside_the_chosen_organization(browser: Client, two_tenants: None) -> None:
    assert listed(browser.get(reverse(THREADS), {"q": "quick", "organization": "rival"})) == ["Rival thread"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("quick", ["user #1", "user #1"]), ("brown", ["user #2", "user #1"]), ("rival", []), ("100%_\\", ["user #2"])],
)
def test_message_list_finds_words_of_contents(
    browser: Client, two_tenants: None, words: str, expected: list[str]
) -> None:
    assert listed(browser.get(reverse(MESSAGES), {"q": words})) == expected


def test_lists_find_a_row_by_its_id(browser: Client, make_thread: Callable[..., Thread], say: Say) -> None:
    found, _other = make_thread(title="found"), make_thread(title="other")
    message = say("hello", to=found)

    assert listed(browser.get(reverse(THREADS), {"q": f" {found.pk} "})) == ["found"]
    assert listed(browser.get(reverse(MESSAGES), {"q": message.pk.hex})) == ["user #1"]


@pytest.mark.parametrize("address", [THREADS, MESSAGES])
def test_search_uses_the_index_and_scans_no_text(browser: Client, two_tenants: None, address: str) -> None:
    with statements() as found:
        browser.get(reverse(address), {"q": "quick"})

    assert [each for each in found if " LIKE " in each.upper() or "REGEXP" in each.upper()] == []
    assert len([each for each in found if "search_document" in each]) == 1


@pytest.mark.parametrize("address", [THREADS, MESSAGES])
def test_search_for_a_character_that_cannot_be_stored_is_refused(
    browser: Client, two_tenants: None, address: str
) -> None:
    response: Any = browser.get(reverse(address), {"q": "qui\x00ck"})

    assert response.status_code == 200
    assert notices(response) == ["Null characters are not allowed."]


def test_search_answers_a_very_long_query(browser: Client, two_tenants: None) -> None:
    words = " ".join(f"word{number}" for number in range(2000))

    assert listed(browser.get(reverse(THREADS), {"q": words})) == []
