"""What staff may see and do follows from their memberships, at every moment anew."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Domain, Membership, Organization, Role, User
from agents_app.models import Agent
from agents_app.services import create_agent
from conversations.admin.content import SESSION_KEY
from conversations.models import Message, Thread
from conversations.services import append_messages, create_feedback, create_thread
from core.admin.tenants import LEFT_ALONE
from core.ids import uuid7
from tests.admin.canaries import body
from tests.admin.conftest import AGENTS, FEEDBACK, MESSAGES, THREADS, listed, notices, staff, thread_page
from tests.admin.markup import Page
from tests.conftest import join, make_member

LISTS = [AGENTS, THREADS, MESSAGES, FEEDBACK]


def talk(organization: Organization, word: str, *, domain: Domain | None = None) -> Thread:
    """An agent, a thread of it, a message and feedback, which all say the word."""
    actor = SystemActor(organization.pk)
    place = {"domain_id": domain.pk} if domain else {}
    agent = create_agent(actor=actor, fields={"name": word, "slug": f"{word}-agent", **place})
    fields = {"title": word, "agent_id": agent.pk, "agent_type": "chat", "model": f"m-{word}", "provider": f"p-{word}"}
    thread = create_thread(actor=actor, fields=fields)
    message = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": word}])[0]
    create_feedback(actor=actor, message_id=message.pk, fields={"comment": word})
    return thread


def act(browser: Client, address: str, action: str, *rows: Any) -> Any:
    sent = {"action": action, "index": "0", "_selected_action": [str(row.pk) for row in rows]}
    return browser.post(reverse(address), sent, follow=True)


def statuses(browser: Client) -> list[int]:
    return [browser.get(reverse(each)).status_code for each in LISTS]


@pytest.fixture
def sales(organization: Organization) -> Domain:
    return Domain.objects.create(organization=organization, name="Sales", slug="sales")


def test_staff_without_any_membership_find_an_empty_index(organization: Organization) -> None:
    talk(organization, "wren")
    nobody = staff(User.objects.create(username="nobody"))

    index = nobody.get(reverse("admin:index"))

    assert (index.status_code, index.context["app_list"]) == (200, [])
    assert statuses(nobody) == [403] * 4


def test_person_who_is_no_staff_is_not_let_in(alice: User) -> None:
    client = Client()
    client.force_login(alice)

    assert statuses(client) == [302] * 4


def test_staff_of_a_suspended_organization_find_nothing(organization: Organization, alice: User) -> None:
    thread = talk(organization, "wren")
    client = staff(alice)
    before = statuses(client)

    Organization.objects.filter(pk=organization.pk).update(suspended_at=timezone.now())

    assert (before, statuses(client)) == ([200] * 4, [403] * 4)
    assert client.get(thread_page(thread)).status_code == 403


def test_staff_of_a_suspended_organization_keep_their_others(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    talk(organization, "wren")
    talk(other_organization, "linnet")
    join(alice, other_organization)
    client = staff(alice)
    before = set(listed(client.get(reverse(THREADS))))

    Organization.objects.filter(pk=organization.pk).update(suspended_at=timezone.now())

    assert (before, listed(client.get(reverse(THREADS)))) == ({"wren", "linnet"}, ["linnet"])


def test_change_of_a_role_acts_at_once(organization: Organization, alice: User) -> None:
    thread = talk(organization, "wren")
    client = staff(alice)
    answers = [client.get(thread_page(thread)).status_code]

    Membership.objects.update(role=Role.objects.built_in().get(slug="billing"))
    answers.append(client.get(thread_page(thread)).status_code)
    Membership.objects.filter(user=alice).delete()
    answers.append(client.get(reverse(AGENTS)).status_code)

    assert answers == [200, 403, 403]


def test_inactive_person_is_not_let_in(organization: Organization, alice: User) -> None:
    client = staff(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert statuses(client) == [302] * 4


@pytest.mark.parametrize("address", LISTS)
def test_staff_narrowed_to_a_domain_see_its_rows_only(organization: Organization, sales: Domain, address: str) -> None:
    kept, other = talk(organization, "wren", domain=sales), talk(organization, "linnet")
    narrowed = staff(make_member("sam", organization, domain=sales))
    whole = staff(make_member("will", organization))

    page = body(narrowed.get(reverse(address)))
    both = body(whole.get(reverse(address)))

    assert [word in page for word in ("wren", "linnet")] == [True, False]
    assert [word in both for word in ("wren", "linnet")] == [True, True]
    assert [narrowed.get(thread_page(each)).status_code for each in (kept, other)] == [200, 302]


def test_staff_narrowed_to_a_domain_act_in_it_only(organization: Organization, sales: Domain) -> None:
    kept, other = talk(organization, "wren", domain=sales), talk(organization, "linnet")
    narrowed = staff(make_member("sam", organization, domain=sales))

    response = act(narrowed, THREADS, "move_to_trash", kept, other)

    assert notices(response) == ["1 thread moved to the trash."]
    assert list(Thread.objects.active()) == [other]


def test_staff_narrowed_to_a_domain_are_offered_its_agents_only(organization: Organization, sales: Domain) -> None:
    thread, other = talk(organization, "wren", domain=sales), talk(organization, "linnet")
    narrowed = staff(make_member("sam", organization, domain=sales))
    sent = {"title": "wren", "metadata": "{}", "agent": str(other.agent_id)}

    response = narrowed.post(thread_page(thread), sent)

    assert list(response.context["adminform"].form.errors) == ["agent"]
    assert Thread.objects.get(pk=thread.pk).agent_id == thread.agent_id


def test_agent_of_a_thread_stays_where_the_person_may_not_see_it(organization: Organization, sales: Domain) -> None:
    thread = talk(organization, "wren", domain=sales)
    Agent.objects.filter(pk=thread.agent_id).update(domain=None)
    narrowed = staff(make_member("sam", organization, domain=sales))

    response = narrowed.post(thread_page(thread), {"title": "new", "metadata": "{}", "agent": str(thread.agent_id)})

    assert response.status_code == 302
    assert Thread.objects.values_list("title", "agent_id").get(pk=thread.pk) == ("new", thread.agent_id)


def test_action_leaves_rows_alone_where_the_role_does_not_allow_it(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    mine, theirs = talk(organization, "wren"), talk(other_organization, "linnet")
    join(alice, other_organization, role="viewer")
    client = staff(alice)

    response = act(client, THREADS, "move_to_trash", mine, theirs)

    assert notices(response) == [LEFT_ALONE, "1 thread moved to the trash."]
    assert list(Thread.objects.active()) == [theirs]


def test_export_leaves_out_rows_where_the_role_does_not_allow_it(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    mine, theirs = talk(organization, "wren"), talk(other_organization, "linnet")
    join(alice, other_organization, role="member")
    client = staff(alice)

    exported = body(act(client, THREADS, "export_as_jsonl", mine, theirs))

    assert [word in exported for word in ("wren", "linnet")] == [True, False]


@pytest.mark.parametrize("address", [THREADS, MESSAGES, AGENTS])
def test_viewers_are_offered_no_action(organization: Organization, address: str) -> None:
    talk(organization, "wren")
    viewer = staff(make_member("vera", organization, role="viewer"))

    page = viewer.get(reverse(address))

    assert (len(page.context["cl"].result_list), page.context["action_form"]) == (1, None)


def test_viewers_change_nothing(organization: Organization) -> None:
    thread = talk(organization, "wren")
    viewer = staff(make_member("vera", organization, role="viewer"))
    tables: list[Any] = [Thread, Message, Agent]
    before = [list(each.objects.values()) for each in tables]

    for address in (THREADS, MESSAGES, AGENTS):
        for action in ("move_to_trash", "restore", "export_as_jsonl"):
            act(viewer, address, action, *Thread.objects.all(), *Message.objects.all(), *Agent.objects.all())
    refused = [
        viewer.post(thread_page(thread), {"title": "x", "metadata": "{}", "agent": ""}),
        viewer.post(reverse("admin:agents_app_agent_change", args=[thread.agent_id]), {"name": "x", "slug": "x"}),
        viewer.post(reverse("admin:agents_app_agent_add"), {"name": "x", "tenant": str(organization.pk)}),
    ]

    assert [each.status_code for each in refused] == [403] * 3
    assert [list(each.objects.values()) for each in tables] == before


def test_filters_suggest_values_of_visible_rows_only(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    talk(organization, "wren")
    talk(other_organization, "linnet")

    changelist = staff(alice).get(reverse(THREADS)).context["cl"]

    offered = {spec.title: [each["display"] for each in spec.choices(changelist)] for spec in changelist.filter_specs}
    assert {title: offered[title] for title in ("organization", "agent", "model", "provider")} == {
        "organization": ["All", "Acme"],
        "agent": ["All", "wren"],
        "model": ["All", "m-wren"],
        "provider": ["All", "p-wren"],
    }


def test_new_agent_goes_only_where_the_person_may_make_one(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    join(alice, other_organization, role="viewer")
    client = staff(alice)
    sent = {"name": "Guide", "slug": "guide", "agent_type": "chat", "is_active": "on"}

    refused, made = (
        client.post(reverse("admin:agents_app_agent_add"), {**sent, "tenant": str(each.pk)})
        for each in (other_organization, organization)
    )

    assert list(refused.context["adminform"].form.errors) == ["tenant"]
    assert made.status_code == 302
    assert list(Agent.objects.values_list("organization_id", flat=True)) == [organization.pk]


def test_index_does_not_name_what_somebody_changed_in_an_organization_they_left(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    agent = create_agent(actor=SystemActor(organization.pk), fields={"name": "Linnet"})
    join(alice, other_organization)
    client = staff(alice)
    page = reverse("admin:agents_app_agent_change", args=[agent.pk])
    sent = {"name": "Linnet two", "slug": "linnet", "agent_type": "chat", "is_active": "on"}
    assert client.post(page, sent).status_code == 302
    named_in_the_notice = "Linnet two" in body(client.get(reverse("admin:index")))

    Membership.objects.filter(organization=organization).delete()

    assert named_in_the_notice
    assert "Linnet" not in body(client.get(reverse("admin:index")))


def test_platform_administrator_narrowed_to_a_domain_reads_what_lies_in_it(
    organization: Organization, sales: Domain
) -> None:
    kept, other = talk(organization, "wren", domain=sales), talk(organization, "linnet")
    person = make_member("sue", organization, domain=sales)
    User.objects.filter(pk=person.pk).update(is_superuser=True)
    client = staff(person)

    assert Page(client.get(reverse(THREADS))).texts("field-name") == [f"Thread {str(other.pk)[:13]}…", "wren"]
    assert [Page(client.get(thread_page(each))).texts("parley-prose") for each in (kept, other)] == [["wren"], []]


def test_reveals_in_a_session_mean_nothing_for_staff(organization: Organization) -> None:
    """A session that was a platform administrator's keeps its reveals; they count for platform administrators alone."""
    thread = talk(organization, "wren")
    role = Role.objects.create(slug="clerk", name="Clerk", organization=organization, permissions=["thread.read"])
    person = User.objects.create(username="carl")
    Membership.objects.create(user=person, organization=organization, role=role)
    client = staff(person)
    session = client.session
    session[SESSION_KEY] = {str(thread.pk): "2999-01-01T00:00:00+00:00"}
    session.save()

    page = client.get(thread_page(thread))

    assert (page.status_code, "wren" in Page(page).texts("parley-veil")) == (200, False)
    assert page.context["transcript"] is None


@pytest.mark.parametrize("address", [THREADS, MESSAGES, FEEDBACK, AGENTS])
def test_list_of_staff_costs_the_same_at_one_row_and_at_three(
    organization: Organization, alice: User, django_assert_num_queries: Any, address: str
) -> None:
    client, queries = staff(alice), {THREADS: 8, MESSAGES: 5, FEEDBACK: 5, AGENTS: 5}[address]

    for words in (["wren"], ["linnet", "robin"]):
        for word in words:
            talk(organization, word)
        with django_assert_num_queries(queries):
            client.get(reverse(address))


@pytest.mark.parametrize("address", [THREADS, MESSAGES, FEEDBACK])
def test_list_of_hidden_rows_costs_the_same_at_one_row_and_at_three(
    organization: Organization, django_assert_num_queries: Any, address: str
) -> None:
    client = Client()
    client.force_login(User.objects.create(username="operator", is_staff=True, is_superuser=True))

    for words in (["wren"], ["linnet", "robin"]):
        for word in words:
            talk(organization, word)
        with django_assert_num_queries({THREADS: 8, MESSAGES: 5, FEEDBACK: 5}[address]):
            client.get(reverse(address))


def test_page_of_an_unknown_row_and_a_foreign_one_lead_to_the_same_notice(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    foreign = talk(other_organization, "linnet")
    client = staff(alice)

    told = [
        notices(client.get(f"/admin/conversations/thread/{pk}/change/", follow=True)) for pk in (foreign.pk, uuid7())
    ]

    assert [len(each) for each in told] == [1, 1]
    assert told[0][0].replace(str(foreign.pk), "") == "thread with ID “” doesn’t exist. Perhaps it was deleted?"
