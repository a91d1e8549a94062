"""System B, a control plane: its checklist of nine points."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AgentSession, Domain, Organization, Permission, Role, User
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key
from agents_app.models import Agent
from ledger.models import AuditEntry
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.client import ApiClient
from tests.conftest import make_member
from tests.databases import connected
from tests.processes import manage


def made(client: Any, path: str, **fields: Any) -> dict[str, Any]:
    response = client.post(path, fields)
    assert response.status_code == 201, response.content
    row: dict[str, Any] = response.json()
    return row


@pytest.mark.slow
def test_b16_1_database_is_initialized_once(fresh_database: str, django_db_blocker: Any) -> None:
    """What a container does at its start, and again at its next one."""
    found = []
    for _ in range(2):
        for command in (["migrate", "--verbosity", "0"], ["load_demo"], ["sync_roles"]):
            run = manage(*command, env={"DATABASE_URL": fresh_database})
            assert run.returncode == 0, run.stderr
        with django_db_blocker.unblock(), connected(fresh_database) as connection:
            tables = (Organization, Permission, Role, Agent)
            rows = [model._default_manager.using(connection.alias).values_list() for model in tables]
            found.append([sorted(map(repr, each)) for each in rows])
            slugs = sorted(Organization.objects.using(connection.alias).values_list("slug", flat=True))

    organizations, permissions, roles, agents = found[0]
    assert slugs == ["cibc", "quant"]
    assert (len(organizations), len(permissions) >= 44, len(roles), len(agents)) == (2, True, 10, 6)
    assert found[0] == found[1]


def test_b16_2_permissions_are_loaded(api: ApiClient) -> None:
    catalogue = api.get("/api/permissions").json()["results"]
    roles = api.get("/api/roles").json()["results"]

    assert (Permission.objects.count() >= 44, Role.objects.count()) == (True, 10)
    assert len(catalogue) == Permission.objects.count()
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", row["code"]) and row["description"] for row in catalogue)
    assert {role["slug"]: frozenset(role["permissions"]) for role in roles} == {
        slug: role.permissions for slug, role in BUILT_IN_ROLES.items()
    }


def test_b16_3_people_and_keys_are_authenticated(alice: User, organization: Organization) -> None:
    browser = Client()
    browser.post("/api-auth/login/", {"username": "alice@example.org", "password": "correct horse battery"})
    key, text = create_api_key(organization=organization, name="robot")

    answers = [
        browser.get("/api/me").json()["label"],
        ApiClient(text).get("/api/me").json()["label"],
        ApiClient(None).get("/api/me").status_code,
        ApiClient(text[:-1] + ("A" if text[-1] != "A" else "B")).get("/api/me").status_code,
    ]

    assert answers == ["alice", key.shown_prefix, 401, 401]


def test_b16_4_agents_are_created_read_changed_and_deleted(api: ApiClient) -> None:
    path = "/api/agents/" + made(api, "/api/agents", name="Ada", tools=[{"name": "look"}])["id"]

    changed = api.patch(path, {"model": "gpt-test"}).json()
    read, listed = api.get(path).json(), api.get("/api/agents").json()["results"]
    deleted, gone = api.delete(path).status_code, api.get(path).status_code

    assert (changed["name"], changed["model"], changed["tools"]) == ("Ada", "gpt-test", [{"name": "look"}])
    assert (read, listed) == (changed, [changed])
    assert (deleted, gone) == (204, 404)


def test_b16_5_integrations_keep_their_secrets(api: ApiClient, organization: Organization) -> None:
    secret = "sk-test-0123456789"
    fields = {"name": "Models", "kind": "openai", "base_url": "https://api.example.org/v1"}

    path = "/api/integrations/" + made(api, "/api/integrations", **fields, secrets={"api_key": secret})["id"]
    changed = api.patch(path, {"name": "More models"})
    answers = [changed, api.get(path), api.get("/api/integrations"), api.get("/api/audit"), api.delete(path)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 204]
    assert changed.json()["secret_names"] == ["api_key"]
    assert [secret.encode() in answer.content for answer in answers] == [False] * 5
    assert secret not in str(trail_of(organization.pk))


def test_b16_6_sessions_are_tracked(alice: User) -> None:
    person = Person(alice)
    domain = made(person, "/api/domains", name="Retail")["id"]
    agent = made(person, "/api/agents", name="Ada", domain_id=domain)["id"]
    instance = made(person, "/api/instances", name="Branches", domain_id=domain, agent_ids=[agent])["id"]

    session = made(person, "/api/agent-sessions", agent_id=agent, instance_id=instance)
    path = f"/api/agent-sessions/{session['id']}"
    beat = person.post(f"{path}/heartbeat").json()
    ended = person.post(f"{path}/end").json()
    forgotten = made(person, "/api/agent-sessions", agent_id=agent)["id"]
    AgentSession.objects.filter(pk=forgotten).update(last_heartbeat_at=timezone.now() - timedelta(days=1))
    call_command("close_stale_sessions", stdout=StringIO())

    who = (session["user_id"], session["agent_id"], session["instance_id"], session["state"])
    assert who == (str(alice.pk), agent, instance, "open")
    assert session["started_at"] < beat["last_heartbeat_at"] < ended["ended_at"]
    assert (ended["state"], ended["end_reason"]) == ("ended", "ended")
    assert person.get(f"/api/agent-sessions/{forgotten}").json()["end_reason"] == "stale"


def test_b16_7_changes_are_audited(alice: User, organization: Organization) -> None:
    person, since = Person(alice), last_number(organization.pk)

    path = "/api/agents/" + made(person, "/api/agents", name="Ada")["id"]
    person.patch(path, {"name": "Bea"}, x_request_id="request-7")
    person.delete(path)

    entries = trail_of(organization.pk, since=since)
    assert [(entry["action"], entry["actor"], entry["subject"]) for entry in entries] == [
        ("agent.created", "user alice", "agent Ada"),
        ("agent.updated", "user alice", "agent Bea"),
        ("agent.deleted", "user alice", "agent Bea"),
    ]
    assert (entries[1]["before"], entries[1]["after"]) == ({"name": "Ada"}, {"name": "Bea"})
    entry = AuditEntry.objects.get(organization_id=organization.pk, action="agent.updated")
    assert (entry.actor_id, entry.request_id, entry.address) == (alice.pk, "request-7", "127.0.0.1")
    call_command("verify_audit", stdout=StringIO())


def test_b16_8_usage_is_summed_exactly(api: ApiClient) -> None:
    report = {"provider": "openai", "model": "m", "input_tokens": 1000, "output_tokens": 1}

    for _ in range(10):
        made(api, "/api/usage", **report, cost="0.1")
    made(api, "/api/usage", **report, cost_units=1234)
    unknown = made(api, "/api/usage", **{**report, "model": "priced by nobody"})

    total = api.get("/api/usage/totals").json()["total"]
    assert unknown["cost"] is None
    assert (total["requests"], total["input_tokens"], total["output_tokens"]) == (12, 12_000, 12)
    assert (total["cost"], total["unknown_cost_requests"]) == ("1.0000001234", 1)


def test_b16_9_organization_domain_and_instance_hang_together(alice: User, organization: Organization) -> None:
    person = Person(alice)
    root = f"/api/organizations/{organization.pk}"
    renamed = person.patch(root, {"name": "Acme Bank"}).json()
    domain = made(person, "/api/domains", name="Retail")
    instance = made(person, f"/api/domains/{domain['id']}/instances", name="Branches", environment="production")

    moved = person.patch(f"/api/instances/{instance['id']}", {"name": "All branches"}).json()
    inside = person.get(f"/api/domains/{domain['id']}/instances").json()["results"]
    kept = person.delete(f"/api/domains/{domain['id']}").status_code
    gone = [
        person.delete(f"/api/{kind}/{row['id']}").status_code
        for kind, row in (("instances", instance), ("domains", domain))
    ]

    assert (renamed["name"], renamed["slug"]) == ("Acme Bank", "acme")
    assert (instance["domain_id"], instance["environment"], inside) == (domain["id"], "production", [moved])
    assert kept == 409
    assert gone == [204, 204]
    assert person.get("/api/instances").json()["results"] == []


def test_b16_9_people_of_one_domain_see_that_domain(alice: User, organization: Organization) -> None:
    owner = Person(alice)
    domains = [made(owner, "/api/domains", name=name)["id"] for name in ("Retail", "Wholesale")]
    agents = [made(owner, "/api/agents", name=f"Agent {pk}", domain_id=pk)["id"] for pk in domains]

    bob = Person(make_member("bob", organization, role="member", domain=Domain.objects.get(pk=domains[0])))

    assert [row["id"] for row in bob.get("/api/domains").json()["results"]] == domains[:1]
    assert [row["id"] for row in bob.get("/api/agents").json()["results"]] == agents[:1]
    assert [bob.get(f"/api/agents/{pk}").status_code for pk in agents] == [200, 404]
