"""The list of threads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Organization
from agents_app.services import create_agent
from conversations.models import Thread
from conversations.services import create_thread, trash_thread, update_thread
from tests.admin.conftest import THREADS, Say, listed, notices, staff, statements
from tests.admin.markup import Page
from tests.conftest import make_member

MakeThread = Callable[..., Thread]


def threads(browser: Client, query: str = "") -> Any:
    return browser.get(reverse(THREADS) + query)


def rival_thread(organization: Organization, **fields: Any) -> Thread:
    defaults = {"agent_type": "chat", "model": "m", "provider": "p"}
    return create_thread(actor=SystemActor(organization.pk), fields={**defaults, **fields})


def test_thread_list_shows_a_thread_in_one_row(
    browser: Client, actor: SystemActor, make_thread: MakeThread, say: Say
) -> None:
    agent = create_agent(actor=actor, fields={"name": "Guide"})
    shown = make_thread(title="Zürich", agent_id=agent.pk, model="gpt", provider="openai")
    for _ in range(2):
        say(to=shown)
    Thread.objects.filter(pk=shown.pk).update(updated_at="2026-05-04T03:02:01Z")

    page = Page(threads(browser, "?model=gpt"))

    cells = ["name", "organization", "agent", "model", "provider", "how_many", "last_change", "state"]
    assert [page.texts(f"field-{name}") for name in cells] == [
        ["Zürich"],
        ["Acme"],
        ["Guide"],
        ["gpt"],
        ["openai"],
        ["2"],
        ["2026-05-04 03:02"],
        ["Active"],
    ]


@pytest.mark.parametrize("title", [None, "", " \n "])
def test_thread_list_names_a_thread_without_title_by_its_id(
    browser: Client, make_thread: MakeThread, title: str | None
) -> None:
    shown = make_thread(title=title)

    names = [element for element in Page(threads(browser)).of_class("parley-quiet") if element.attributes.get("title")]

    assert [(each.attributes["title"], each.text) for each in names] == [
        (str(shown.pk), f"Thread {str(shown.pk)[:13]}…")
    ]


def test_thread_list_tells_archived_branched_and_trashed(
    browser: Client, actor: SystemActor, thread: Thread, say: Say
) -> None:
    first = say()
    say()
    say(parent_id=first.pk)
    update_thread(actor=actor, thread_id=thread.pk, changes={"archived": True})
    trash_thread(actor=actor, thread_id=thread.pk)

    page = Page(threads(browser, "?state=with"))

    assert page.texts("parley-badge") == ["In the trash", "Archived", "Branched"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"plain", "archived"}),
        ("?state=active", {"plain"}),
        ("?state=archived", {"archived"}),
        ("?state=only", {"trashed"}),
        ("?state=with", {"plain", "archived", "trashed"}),
    ],
)
def test_thread_list_hides_the_trash_until_asked(
    browser: Client, actor: SystemActor, make_thread: MakeThread, query: str, expected: set[str]
) -> None:
    make_thread(title="plain")
    update_thread(actor=actor, thread_id=make_thread(title="archived").pk, changes={"archived": True})
    trash_thread(actor=actor, thread_id=make_thread(title="trashed").pk)

    assert set(listed(threads(browser, query))) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?organization=acme", {"one", "two"}),
        ("?organization=rival", {"three"}),
        ("?organization=nobody", set()),
        ("?agent=guide", {"two"}),
        ("?agent=nobody", set()),
        ("?model=gpt-test", {"one", "two"}),
        ("?model=gpt", set()),
        ("?provider=p", {"three"}),
        ("?provider=p&organization=acme", set()),
    ],
)
def test_thread_list_filters_by_exact_values(
    browser: Client,
    actor: SystemActor,
    other_organization: Organization,
    make_thread: MakeThread,
    query: str,
    expected: set[str],
) -> None:
    agent = create_agent(actor=actor, fields={"name": "Guide"})
    make_thread(title="one")
    make_thread(title="two", agent_id=agent.pk)
    rival_thread(other_organization, title="three")

    assert set(listed(threads(browser, query))) == expected


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(-1, None, {"new"}), (None, -9, {"old"}), (-30, 0, {"old", "new"}), (-30, -20, set()), (-10, -10, {"old"})],
)
def test_thread_list_filters_by_days_both_included(
    browser: Client, make_thread: MakeThread, first: int | None, last: int | None, expected: set[str]
) -> None:
    now = timezone.now()
    make_thread(title="new")
    Thread.objects.filter(pk=make_thread(title="old").pk).update(updated_at=now - timedelta(days=10))
    days = {"changed_from": first, "changed_until": last}
    chosen = [f"{name}={(now + timedelta(days=day)).date()}" for name, day in days.items() if day is not None]

    assert set(listed(threads(browser, "?" + "&".join(chosen)))) == expected


def test_thread_list_offers_the_values_of_the_newest_threads(browser: Client, make_thread: MakeThread) -> None:
    make_thread(model="b")
    for _ in range(2):
        make_thread(model="a")

    response = threads(browser)
    spec = next(each for each in response.context["cl"].filter_specs if each.title == "model")

    assert [choice["display"] for choice in spec.choices(response.context["cl"])] == ["All", "a", "b"]


def test_thread_list_keeps_other_filters_when_one_is_written(browser: Client, thread: Thread) -> None:
    page = Page(threads(browser, "?state=active&q=thread&p=1"))

    hidden = [
        each.attributes for each in page.elements if each.tag == "input" and each.attributes.get("type") == "hidden"
    ]
    kept = {(each["name"], each["value"]) for each in hidden if each["name"] in ("state", "q", "p")}
    assert kept == {("state", "active"), ("q", "thread")}


@pytest.mark.parametrize(
    "query", ["?content__regex=a", "?title__icontains=a", "?metadata__a=1", "?organization__slug=acme", "?nothing=1"]
)
def test_thread_list_refuses_filters_that_it_does_not_offer(browser: Client, thread: Thread, query: str) -> None:
    assert threads(browser, query).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "?changed_from=yesterday",
        "?changed_from=0001-01-01",
        "?changed_until=9999-12-31",
        "?p=0",
        "?p=2",
        "?p=99999999999",
    ],
)
def test_thread_list_says_that_an_address_cannot_be_read(browser: Client, thread: Thread, query: str) -> None:
    response = browser.get(reverse(THREADS) + query, follow=True)

    assert response.redirect_chain == [(reverse(THREADS) + "?e=1", 302)]
    assert notices(response) == [
        "The address asked for something that this list does not have. The list is shown without it."
    ]


@pytest.mark.parametrize("query", ["?model=%00", "?q=%00", "?organization=%00", "?state=%00", "?q=%ED%A0%80", "?o=%00"])
def test_thread_list_answers_characters_that_cannot_be_stored(browser: Client, thread: Thread, query: str) -> None:
    assert threads(browser, query).status_code in (200, 400)


def test_thread_list_is_ordered_by_last_change_inside_an_organization(
    browser: Client, organization: Organization, make_thread: MakeThread
) -> None:
    older, newer = make_thread(title="older"), make_thread(title="newer")
    Thread.objects.filter(pk=older.pk).update(updated_at=timezone.now() + timedelta(hours=1))

    assert listed(threads(browser)) == [str(older), str(newer)]


def test_thread_list_is_ordered_by_age_across_organizations(
    browser: Client, other_organization: Organization, make_thread: MakeThread
) -> None:
    older, newer = make_thread(title="older"), rival_thread(other_organization, title="newer")
    Thread.objects.filter(pk=older.pk).update(updated_at=timezone.now() + timedelta(hours=1))

    assert listed(threads(browser)) == [str(newer), str(older)]


def test_thread_list_costs_eight_queries_at_one_row_and_at_three(
    browser: Client, actor: SystemActor, make_thread: MakeThread, say: Say, thread: Thread
) -> None:
    counts: list[int] = []
    for more in (0, 2):
        for number in range(more):
            agent = create_agent(actor=actor, fields={"name": f"Agent {number}"})
            say(to=make_thread(title=f"More {number}", agent_id=agent.pk))
        with statements() as found:
            threads(browser)
        counts.append(len(found))

    assert counts == [8, 8]


def test_thread_list_counts_nothing_and_reads_no_message(browser: Client, thread: Thread, say: Say) -> None:
    say()

    with statements() as found:
        threads(browser, "?q=hello&organization=acme")

    assert [each for each in found if "COUNT(" in each.upper()] == []
    assert [each for each in found if "conversations_message" in each] == []
    assert [each for each in found if '"conversations_thread"."metadata"' in each] == []


def test_thread_list_is_closed_to_people_without_permission(thread: Thread, organization: Organization) -> None:
    client = staff(make_member("dora", organization, role="billing"))

    assert threads(client).status_code == 403


@pytest.mark.parametrize("column", range(1, 9))
@pytest.mark.parametrize("sign", ["", "-"])
def test_thread_list_in_any_order_shows_each_thread_once_and_reads_no_message(
    browser: Client, make_thread: MakeThread, say: Say, column: int, sign: str
) -> None:
    both = [make_thread(title="one"), make_thread(title="two")]
    for thread in both:
        for _ in range(3):
            say(to=thread)

    with statements() as run:
        page = Page(threads(browser, f"?o={sign}{column}"))

    assert sorted(page.texts("field-name")) == ["A thread", "one", "two"]
    assert [sql for sql in run if "conversations_message" in sql] == []
