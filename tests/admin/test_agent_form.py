"""Agents in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization
from accounts.services.domains import create_domain
from agents_app.models import Agent
from agents_app.services import create_agent, trash_agent
from tests.admin.conftest import AGENTS, listed

ADD = "admin:agents_app_agent_add"


@pytest.fixture
def agent(actor: SystemActor) -> Agent:
    fields = {
        "name": "Guide",
        "instructions": "Be kind.\r\nBe brief. ",
        "personality_traits": ["calm", "exact"],
        "parameters": {"temperature": 0.5},
        "tools": [{"name": "search"}],
        "metadata": {"a": None},
    }
    return create_agent(actor=actor, fields=fields)


def change_page(agent: Agent) -> str:
    return reverse("admin:agents_app_agent_change", args=[agent.pk])


def sent(browser: Client, address: str) -> dict[str, str]:
    """What a browser sends when the form is left as it is."""
    form = browser.get(address).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    checked = {
        name: "on" if value is True else str(value or "") for name, value in values.items() if value is not False
    }
    return {name: value.replace("\r\n", "\n").replace("\n", "\r\n") for name, value in checked.items()}


def save(browser: Client, agent: Agent, **changes: str) -> Any:
    return browser.post(change_page(agent), sent(browser, change_page(agent)) | changes)


def add(browser: Client, organization: Organization, **fields: str) -> Any:
    named = {"tenant": str(organization.pk), "name": "New", "slug": "new", "agent_type": "chat", "is_active": "on"}
    return browser.post(reverse(ADD), {**named, **fields})


def errors(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def stored(agent: Agent) -> dict[str, Any]:
    return dict(Agent.objects.values().get(pk=agent.pk))


def test_agent_form_makes_an_agent_in_an_organization(browser: Client, organization: Organization) -> None:
    response = add(
        browser,
        organization,
        personality_traits="calm\r\n\r\n exact \r\n",
        parameters='{"temperature": 0.1}',
        tools='[{"name": "a"}]',
        instructions=" Keep\r\nthis. ",
        avatar="https://a.example/b.png",
    )

    assert response.status_code == 302
    made = Agent.objects.get()
    assert (made.organization, made.name, made.slug, made.version) == (organization, "New", "new", 1)
    assert (made.personality_traits, made.parameters) == (["calm", " exact "], {"temperature": 0.1})
    assert (made.tools, made.metadata) == ([{"name": "a"}], {})
    assert (made.instructions, made.avatar) == (" Keep\nthis. ", "https://a.example/b.png")


def test_agent_form_changes_what_was_changed_and_counts_the_version(browser: Client, agent: Agent) -> None:
    before = stored(agent)

    response = save(browser, agent, name="Pilot", personality_traits='["a\\nb", "c"]')

    assert response.status_code == 302
    after = stored(agent)
    assert {name for name in after if after[name] != before[name]} == {
        *("name", "personality_traits", "version", "updated_at")
    }
    assert (after["name"], after["personality_traits"], after["version"]) == ("Pilot", ["a\nb", "c"], 2)
    assert after["updated_at"] > before["updated_at"]


def test_agent_form_sent_as_it_is_changes_nothing(browser: Client, agent: Agent) -> None:
    before = stored(agent)

    response = save(browser, agent)

    assert response.status_code == 302
    assert stored(agent) == before


@pytest.mark.parametrize(
    ("traits", "shown"),
    [
        ([], ""),
        (["calm", " exact "], "calm\n exact "),
        (["two\nlines"], '[\n  "two\\nlines"\n]'),
        (["[x]"], '[\n  "[x]"\n]'),
        (["a\rb"], '[\n  "a\\rb"\n]'),
        ([1, "1"], '[\n  1,\n  "1"\n]'),
    ],
)
def test_agent_form_shows_traits_so_that_they_read_back_the_same(
    browser: Client, agent: Agent, traits: list[Any], shown: str
) -> None:
    Agent.objects.filter(pk=agent.pk).update(personality_traits=traits)

    fields = sent(browser, change_page(agent))

    assert fields["personality_traits"].replace("\r\n", "\n") == shown
    if 1 not in traits:
        save(browser, agent, name="Other")
        assert (stored(agent)["name"], stored(agent)["personality_traits"]) == ("Other", traits)


def test_agent_form_switches_an_agent_off(browser: Client, agent: Agent) -> None:
    fields = sent(browser, change_page(agent))
    del fields["is_active"]

    browser.post(change_page(agent), fields)

    assert (stored(agent)["is_active"], stored(agent)["version"]) == (False, 2)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "  ", "This field is required."),
        ("name", "a\x00", "The text holds NUL (U+0000) at offset 1."),
        ("name", "x" * 256, "Ensure this value has at most 255 characters (it has 256)."),
        ("instructions", "a\x00", "The text holds NUL (U+0000) at offset 1."),
        ("avatar", "javascript:alert(1)", "Give an address that starts with https:// or http://."),
        ("avatar", "https://a:b@c.example", "An address carries no user name and no password."),
        ("parameters", '{"a": "\\u0000"}', "The text holds NUL (U+0000) at offset 0. (at /a)"),
        ("parameters", "null", "Give a value other than null."),
        ("tools", "{}", "Give a list."),
        ("metadata", '["\\udfff"]', "The text holds a lone surrogate (U+DFFF) at offset 0. (at /0)"),
        ("personality_traits", "[1]", "A trait is a text of 1 to 255 characters."),
        ("personality_traits", '[""]', "A trait is a text of 1 to 255 characters."),
        ("personality_traits", '["\\u0000"]', "The text holds NUL (U+0000) at offset 0."),
        ("personality_traits", "a\x00", "The text holds NUL (U+0000) at offset 1."),
        ("personality_traits", "x" * 256, "A trait is a text of 1 to 255 characters."),
        ("personality_traits", "a\n" * 101, "Give 100 traits at most."),
    ],
)
def test_agent_form_refuses_what_the_api_refuses(
    browser: Client, organization: Organization, agent: Agent, field: str, value: str, message: str
) -> None:
    before = stored(agent)

    changed, added = save(browser, agent, **{field: value}), add(browser, organization, **{field: value})

    assert errors(changed) == errors(added) == {field: [message]}
    assert stored(agent) == before
    assert Agent.objects.count() == 1


@pytest.mark.parametrize("value", ["[", '{"a": 1e999}', "{'a': 1}", "[" * 5000, '{"a": ' + "9" * 5000 + "}"])
def test_agent_form_answers_json_that_cannot_be_read(browser: Client, agent: Agent, value: str) -> None:
    response = save(browser, agent, parameters=value)

    assert (response.status_code, list(errors(response))) == (200, ["parameters"])
    assert response.context["adminform"].form["parameters"].value() == value


def test_agent_form_refuses_a_slug_that_is_taken(browser: Client, organization: Organization, agent: Agent) -> None:
    refused = add(browser, organization, slug="guide")

    assert errors(refused) == {"slug": ["Another agent of the organization has this slug."]}
    assert Agent.objects.count() == 1


def test_agent_form_takes_a_slug_of_another_organization_or_of_the_trash(
    browser: Client, organization: Organization, other_organization: Organization, agent: Agent, actor: SystemActor
) -> None:
    elsewhere = add(browser, other_organization, slug="guide")
    trash_agent(actor=actor, agent_id=agent.pk)
    again = add(browser, organization, slug="guide")

    assert (elsewhere.status_code, again.status_code, Agent.objects.count()) == (302, 302, 3)


def test_agent_form_tells_what_the_service_refuses(
    browser: Client, organization: Organization, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_app.admin.AgentForm.clean", lambda form: form.cleaned_data)

    response = add(browser, organization, slug="guide")

    assert (response.status_code, response["Location"]) == (302, reverse(ADD))
    told = [str(message) for message in browser.get(reverse(ADD)).context["messages"]]
    assert told == ["The request contradicts what is stored. An agent with this slug or id is there already."]
    assert Agent.objects.count() == 1


def test_agent_stays_in_its_organization(
    browser: Client, organization: Organization, other_organization: Organization, agent: Agent
) -> None:
    save(browser, agent, tenant=str(other_organization.pk), organization=str(other_organization.pk), name="Moved")

    assert (stored(agent)["organization_id"], stored(agent)["name"]) == (organization.pk, "Moved")


def test_agent_in_the_trash_is_only_shown(browser: Client, agent: Agent, actor: SystemActor) -> None:
    trash_agent(actor=actor, agent_id=agent.pk)
    before = stored(agent)

    shown, refused = browser.get(change_page(agent)), browser.post(change_page(agent), {"name": "x"})

    assert (shown.status_code, refused.status_code) == (200, 403)
    assert stored(agent) == before


def test_agent_is_not_erased_in_the_admin(browser: Client, agent: Agent) -> None:
    address = reverse("admin:agents_app_agent_delete", args=[agent.pk])

    assert browser.post(address, {"post": "yes"}).status_code == 403
    assert list(Agent.objects.all()) == [agent]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Off", "Guide"]),
        ("?q=gui", ["Guide"]),
        ("?is_active__exact=0", ["Off"]),
        ("?trash=only", ["Gone"]),
        ("?organization=rival", []),
        ("?changed_from=2020-01-01", ["Off", "Guide"]),
        ("?q=%00", ["Off", "Guide"]),
    ],
)
def test_agent_list_finds_and_filters(
    browser: Client, actor: SystemActor, agent: Agent, other_organization: Organization, query: str, expected: list[str]
) -> None:
    create_agent(actor=actor, fields={"name": "Off", "is_active": False})
    trash_agent(actor=actor, agent_id=create_agent(actor=actor, fields={"name": "Gone"}).pk)

    assert listed(browser.get(reverse(AGENTS) + query)) == expected


@pytest.mark.parametrize("query", ["?is_active__exact=maybe", "?is_active__exact=%00", "?instructions__regex=a"])
def test_agent_list_answers_filters_that_cannot_be_meant(browser: Client, agent: Agent, query: str) -> None:
    assert browser.get(reverse(AGENTS) + query).status_code in (302, 400)


def test_agent_form_fills_the_slug_from_the_name(browser: Client) -> None:
    prepopulated = browser.get(reverse(ADD)).context["adminform"].prepopulated_fields

    assert [(each["field"].name, [name.name for name in each["dependencies"]]) for each in prepopulated] == [
        ("slug", ["name"])
    ]


def test_agent_form_moves_an_agent_to_a_domain_and_back(browser: Client, agent: Agent, actor: SystemActor) -> None:
    domain = create_domain(actor=actor, fields={"name": "Research"})
    assert save(browser, agent, domain=str(domain.pk)).status_code == 302
    agent.refresh_from_db()
    assert (agent.domain_id, agent.version) == (domain.pk, 2)

    assert save(browser, agent, domain="").status_code == 302
    agent.refresh_from_db()
    assert (agent.domain_id, agent.version) == (None, 3)


def test_agent_form_offers_no_domain_of_another_organization(
    browser: Client, agent: Agent, other_organization: Organization
) -> None:
    foreign = create_domain(actor=SystemActor(other_organization.pk), fields={"name": "Research"})

    response = save(browser, agent, domain=str(foreign.pk))

    assert list(errors(response)) == ["domain"]
    agent.refresh_from_db()
    assert (agent.domain_id, agent.version) == (None, 1)
