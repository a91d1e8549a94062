"""Domains, instances and sessions of agents in the admin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import AgentSession, Domain, Instance, InstanceAgent, Organization, User
from accounts.services.agent_sessions import end_session, start_session
from accounts.services.domains import create_domain
from accounts.services.instances import create_instance
from agents_app.models import Agent
from agents_app.services import create_agent, trash_agent
from tests.accounts.trail import last_number, trail_of
from tests.admin.conftest import listed, notices, staff, statements
from tests.api.stored_rows import snapshot
from tests.conftest import make_member

DOMAINS = reverse("admin:accounts_domain_changelist")
INSTANCES = reverse("admin:accounts_instance_changelist")
SESSIONS = reverse("admin:accounts_agentsession_changelist")


class Place:
    """A domain of an organization with an agent, an instance that runs it, and a session of it."""

    def __init__(self, organization: Organization, word: str) -> None:
        actor = SystemActor(organization.pk)
        self.domain = create_domain(actor=actor, fields={"name": f"{word} sales"})
        self.agent = create_agent(actor=actor, fields={"name": f"{word} agent"})
        fields = {"name": f"{word} chat", "domain_id": self.domain.pk, "agent_ids": [self.agent.pk]}
        self.instance = create_instance(actor=actor, fields=fields)
        self.session = start_session(actor=actor, fields={"agent_id": self.agent.pk, "instance_id": self.instance.pk})


@pytest.fixture
def own(organization: Organization) -> Place:
    return Place(organization, "Own")


@pytest.fixture
def foreign(other_organization: Organization) -> Place:
    return Place(other_organization, "Foreign")


@pytest.fixture
def clerk(alice: User) -> Client:
    """A browser of the owner of acme, who is staff."""
    return staff(alice)


def page(row: Any, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def form_of(row: Instance | Domain, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": row.name, "slug": row.slug, "description": row.description, "metadata": "{}"}
    if isinstance(row, Instance):
        fields |= {"domain": str(row.domain_id), "environment": row.environment}
    return fields | changes


def chosen(browser: Client, model: str, field: str, **query: Any) -> list[str]:
    """What the choice of a related row offers."""
    data = {"app_label": "accounts", "model_name": model, "field_name": field, **query}
    response = browser.get(reverse("admin:autocomplete"), data)
    return [row["text"] for row in json.loads(response.content)["results"]]


def act(browser: Client, address: str, action: str, *rows: Any) -> list[str]:
    data = {"action": action, "index": "0", "_selected_action": [str(row.pk) for row in rows]}
    return notices(browser.post(address, data, follow=True))


@pytest.mark.parametrize("address", [DOMAINS, INSTANCES, SESSIONS])
def test_staff_see_the_rows_of_their_organization(clerk: Client, own: Place, foreign: Place, address: str) -> None:
    response = clerk.get(address)

    assert len(listed(response)) == 1
    assert "Foreign" not in response.content.decode()
    assert "Own" in response.content.decode()


@pytest.mark.parametrize(("address", "queries"), [(DOMAINS, 5), (INSTANCES, 5), (SESSIONS, 5)])
def test_lists_cost_the_same_at_one_row_and_at_three(
    clerk: Client, own: Place, organization: Organization, address: str, queries: int
) -> None:
    counts = []
    for number in range(3):
        if number:
            Place(organization, f"Number {number}")
        with statements() as found:
            assert len(listed(clerk.get(address))) == number + 1
        counts.append(len(found))

    assert counts == [queries] * 3


def test_domain_is_made_changed_and_audited(clerk: Client, organization: Organization) -> None:
    start = last_number(organization.pk)

    made = clerk.post(
        reverse("admin:accounts_domain_add"),
        {"tenant": str(organization.pk), "name": "Sales", "slug": "sales", "description": "", "metadata": "{}"},
    )
    domain = Domain.objects.get()
    changed = clerk.post(page(domain), form_of(domain, name="Trade", metadata='{"floor": 3}'))

    assert (made.status_code, changed.status_code) == (302, 302)
    row = Domain.objects.get()
    assert (row.organization, row.name, row.metadata, row.version) == (organization, "Trade", {"floor": 3}, 2)
    entries = trail_of(organization.pk, since=start)
    assert [(each["action"], each["actor"]) for each in entries] == [
        ("domain.created", "user alice"),
        ("domain.updated", "user alice"),
    ]
    assert entries[1]["after"] == {"name": "Trade", "metadata": {"floor": 3}}


def test_domain_is_not_made_elsewhere(
    clerk: Client, organization: Organization, other_organization: Organization
) -> None:
    sent = {"tenant": str(other_organization.pk), "name": "Sales", "slug": "sales", "metadata": "{}"}

    response = clerk.post(reverse("admin:accounts_domain_add"), sent)

    assert list(response.context["adminform"].form.errors) == ["tenant"]
    assert Domain.objects.count() == 0


def test_domain_refuses_a_slug_that_is_taken(clerk: Client, own: Place, organization: Organization) -> None:
    other = create_domain(actor=SystemActor(organization.pk), fields={"name": "Other"})

    response = clerk.post(page(other), form_of(other, slug=own.domain.slug))

    assert response.context["adminform"].form.errors == {"slug": ["Another domain of the organization has this slug."]}
    assert Domain.objects.get(pk=other.pk).slug == "other"


def test_domain_in_use_is_not_moved(clerk: Client, own: Place) -> None:
    told = act(clerk, DOMAINS, "move_to_trash", own.domain)

    assert told == ["0 domains moved to the trash. 1 domain left as it was."]
    assert Domain.objects.get().trashed_at is None


def test_rows_go_to_the_trash_and_come_back(clerk: Client, own: Place) -> None:
    told = [act(clerk, INSTANCES, "move_to_trash", own.instance)]
    gone = listed(clerk.get(INSTANCES))
    told += [
        act(clerk, DOMAINS, "move_to_trash", own.domain),
        act(clerk, f"{INSTANCES}?trash=only", "restore", own.instance),
        act(clerk, f"{DOMAINS}?trash=only", "restore", own.domain),
        act(clerk, f"{INSTANCES}?trash=only", "restore", own.instance),
    ]

    assert gone == []
    assert told == [
        ["1 instance moved to the trash."],
        ["1 domain moved to the trash."],
        ["0 instances restored. 1 instance left as it was."],
        ["1 domain restored."],
        ["1 instance restored."],
    ]
    assert listed(clerk.get(INSTANCES)) == ["Own chat"]


def test_instance_is_made_in_a_domain(clerk: Client, own: Place, organization: Organization) -> None:
    sent = {"tenant": str(organization.pk), "domain": str(own.domain.pk), "name": "New", "slug": "new"}

    response = clerk.post(
        reverse("admin:accounts_instance_add"), {**sent, "environment": "staging", "metadata": "{}", "description": ""}
    )

    assert response.status_code == 302
    made = Instance.objects.get(slug="new")
    assert (made.organization, made.domain, made.environment) == (organization, own.domain, "staging")


def test_instance_takes_no_domain_of_another_organization(
    admin_client: Client, clerk: Client, own: Place, foreign: Place, organization: Organization
) -> None:
    sent = {"tenant": str(organization.pk), "domain": str(foreign.domain.pk), "name": "New", "slug": "new"}
    sent |= {"environment": "staging", "metadata": "{}", "description": ""}
    before = Instance.objects.count()

    add = reverse("admin:accounts_instance_add")
    errors = [browser.post(add, sent).context["adminform"].form.errors for browser in (clerk, admin_client)]
    moved = admin_client.post(page(own.instance), form_of(own.instance, domain=str(foreign.domain.pk)))

    assert [list(each) for each in errors] == [["domain"], ["domain"]]
    assert errors[1] == {"domain": ["The domain belongs to another organization."]}
    assert list(moved.context["adminform"].form.errors) == ["domain"]
    assert Instance.objects.count() == before
    assert Instance.objects.get(pk=own.instance.pk).domain == own.domain


def test_instance_runs_the_chosen_agents(clerk: Client, own: Place, organization: Organization) -> None:
    other = create_agent(actor=SystemActor(organization.pk), fields={"name": "Ben"})
    start = last_number(organization.pk)

    response = clerk.post(page(own.instance), form_of(own.instance, runs=[str(other.pk)]))

    assert response.status_code == 302
    assert [link.agent for link in InstanceAgent.objects.filter(instance=own.instance)] == [other]
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["before"], entry["after"]) == (
        "instance.updated",
        {"agent_ids": [str(own.agent.pk)]},
        {"agent_ids": [str(other.pk)]},
    )


def test_instance_left_as_it_is_is_not_written(clerk: Client, own: Place, organization: Organization) -> None:
    before = snapshot()

    response = clerk.post(page(own.instance), form_of(own.instance, runs=[str(own.agent.pk)]))

    assert response.status_code == 302
    assert snapshot() == before


@pytest.mark.parametrize("which", ["foreign", "trashed"])
def test_instance_takes_no_agent_that_is_not_there(
    admin_client: Client, own: Place, foreign: Place, organization: Organization, which: str
) -> None:
    actor = SystemActor(organization.pk)
    agent = foreign.agent if which == "foreign" else create_agent(actor=actor, fields={"name": "Gone"})
    if which == "trashed":
        trash_agent(actor=actor, agent_id=agent.pk)
    before = snapshot()

    admin_client.post(page(own.instance), form_of(own.instance, runs=[str(own.agent.pk), str(agent.pk)]))

    assert snapshot() == before


def test_choices_offer_the_rows_of_one_organization(
    admin_client: Client, clerk: Client, own: Place, foreign: Place, organization: Organization
) -> None:
    place = {"organization_id": str(organization.pk)}
    form = admin_client.get(page(own.instance)).content.decode()

    assert f"organization_id={organization.pk}" in form
    assert "Foreign" not in form
    assert chosen(admin_client, "instance", "domain", **place) == ["Own sales"]
    assert chosen(admin_client, "instance", "agents", **place) == ["Own agent"]
    assert chosen(clerk, "instance", "domain") == ["Own sales"]
    assert chosen(clerk, "instance", "agents") == ["Own agent"]
    assert chosen(clerk, "instance", "domain", organization_id=str(foreign.domain.organization_id)) == []
    assert chosen(clerk, "instance", "domain", organization_id="x") == []


def test_staff_who_may_only_look_change_nothing(own: Place, organization: Organization) -> None:
    browser = staff(make_member("vera", organization, role="viewer"))
    before = snapshot()

    seen = [browser.get(page(row)) for row in (own.domain, own.instance, own.session)]
    refused = [browser.post(page(row), form_of(row, name="x")).status_code for row in (own.domain, own.instance)]
    for address, row in ((DOMAINS, own.domain), (INSTANCES, own.instance)):
        act(browser, address, "move_to_trash", row)

    assert [response.status_code for response in seen] == [200] * 3
    assert "Own agent" in seen[1].content.decode()
    assert refused == [403, 403]
    assert snapshot() == before


def test_narrowed_staff_see_their_domain_alone(own: Place, organization: Organization) -> None:
    other = Place(organization, "Other")
    browser = staff(make_member("dora", organization, role="developer", domain=own.domain))

    assert [listed(browser.get(address)) for address in (DOMAINS, INSTANCES)] == [["Own sales"], ["Own chat"]]
    assert [row.pk for row in browser.get(SESSIONS).context["cl"].result_list] == [own.session.pk]
    assert browser.get(page(other.instance)).status_code == 302


def test_sessions_are_looked_at_only(clerk: Client, own: Place, organization: Organization) -> None:
    end_session(actor=SystemActor(organization.pk), session_id=own.session.pk)
    before = snapshot()

    states = [len(listed(clerk.get(f"{SESSIONS}?state={state}"))) for state in ("open", "ended")]
    refused = [
        clerk.post(page(own.session), {"end_reason": "stale"}).status_code,
        clerk.post(page(own.session, "delete"), {"post": "yes"}).status_code,
        clerk.get(reverse("admin:accounts_agentsession_add")).status_code,
    ]

    assert states == [0, 1]
    assert refused == [403, 403, 403]
    assert snapshot() == before
    assert AgentSession.objects.get().end_reason == "ended"
    assert Agent.objects.count() == 1
