"""Domains over the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.actors import SystemActor
from accounts.models import Domain, Invitation, Organization, User
from agents_app.services import create_agent, trash_agent
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member


def new(api: ApiClient, name: str = "Sales", **fields: Any) -> dict[str, Any]:
    return make_through(api, "/api/domains", {"name": name, **fields})


def slugs(api: Any, query: str = "") -> list[str]:
    return [row["slug"] for row in api.get(f"/api/domains{query}").json()["results"]]


def test_domain_has_exactly_these_members(api: ApiClient, organization: Organization) -> None:
    start = last_number(organization.pk)

    response = api.post("/api/domains", {"name": "Sales & Service", "metadata": {"floor": 3}})

    domain = response.json()
    moments = ("id", "created_at", "updated_at")
    assert (response.status_code, response["ETag"]) == (201, '"v1"')
    assert {name: value for name, value in domain.items() if name not in moments} == {
        "name": "Sales & Service",
        "slug": "sales-service",
        "description": "",
        "metadata": {"floor": 3},
        "version": 1,
        "trashed_at": None,
    }
    assert api.get(f"/api/domains/{domain['id']}").json() == domain
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["subject"], entry["before"]) == ("domain.created", "domain Sales & Service", None)
    assert entry["after"] == {
        "name": "Sales & Service",
        "slug": "sales-service",
        "description": "",
        "metadata": {"floor": 3},
    }


def test_a_slug_is_made_from_the_name(api: ApiClient) -> None:
    made = [new(api, name)["slug"] for name in ("Sales", "Sales", "東京", "x" * 255)]

    assert (made[0], made[2], made[3]) == ("sales", "domain", "x" * 50)
    assert made[1].startswith("sales-") and len(made[1]) == 18


def test_a_slug_that_is_taken_is_a_409(api: ApiClient, stranger: ApiClient) -> None:
    new(api, slug="sales")
    other = new(api, slug="other")
    before = snapshot()

    answers = [
        api.post("/api/domains", {"name": "Sales", "slug": "sales"}),
        api.patch(f"/api/domains/{other['id']}", {"slug": "sales"}),
    ]

    assert [(each.status_code, problem_of(each)["code"]) for each in answers] == [(409, "domain_exists")] * 2
    assert snapshot() == before
    assert new(stranger, slug="sales")["slug"] == "sales"


def test_domain_is_changed(api: ApiClient, organization: Organization) -> None:
    domain = new(api, description="Sells")
    path = f"/api/domains/{domain['id']}"
    start = last_number(organization.pk)

    patched = api.patch(path, {"description": "Sells more", "name": "Sales"})
    stale = api.patch(path, {"name": "x"}, if_match='"v1"')
    replaced = api.put(path, {"name": "Trade"}, if_match='"v2"')

    assert [response.status_code for response in (patched, stale, replaced)] == [200, 412, 200]
    shown = [replaced.json()[name] for name in ("name", "slug", "description", "version")]
    assert shown == ["Trade", "sales", "", 3]
    assert [(each["action"], each["before"], each["after"]) for each in trail_of(organization.pk, since=start)] == [
        ("domain.updated", {"description": "Sells"}, {"description": "Sells more"}),
        (
            "domain.updated",
            {"name": "Sales", "description": "Sells more"},
            {"name": "Trade", "description": ""},
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", " "), ("name", 1), ("slug", "a b"), ("slug", "x" * 64), ("metadata", None), ("organization", "acme")],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, name: str, value: Any) -> None:
    path = f"/api/domains/{new(api)['id']}"
    before = snapshot()

    answers = [api.post("/api/domains", {"name": "Fine", name: value}), api.patch(path, {name: value})]

    assert [(each.status_code, fields_at_fault(each)) for each in answers] == [(400, [name])] * 2
    assert snapshot() == before


def test_domain_goes_to_the_trash_and_comes_back(api: ApiClient, organization: Organization) -> None:
    domain = new(api)
    path = f"/api/domains/{domain['id']}"
    start = last_number(organization.pk)

    deleted = api.delete(path)
    gone = [api.get(path).status_code, slugs(api), slugs(api, "?trashed=true"), slugs(api, "?slug=sales")]
    restored = api.post(f"{path}/restore")

    assert (deleted.status_code, restored.status_code, restored["ETag"]) == (204, 200, '"v3"')
    assert gone == [404, [], ["sales"], []]
    assert slugs(api, "?slug=sales") == ["sales"]
    assert [each["action"] for each in trail_of(organization.pk, since=start)] == ["domain.deleted", "domain.restored"]


def test_a_slug_that_was_given_away_stops_the_return(api: ApiClient) -> None:
    domain = new(api)
    api.delete(f"/api/domains/{domain['id']}")
    new(api, slug="sales")
    before = snapshot()

    response = api.post(f"/api/domains/{domain['id']}/restore")

    assert (response.status_code, problem_of(response)["code"]) == (409, "domain_exists")
    assert snapshot() == before


def test_a_domain_in_use_stays(api: ApiClient, actor: SystemActor, organization: Organization, alice: User) -> None:
    domain = new(api)
    place = Domain.objects.get(pk=domain["id"])
    instances = [
        make_through(api, "/api/instances", {"name": name, "domain_id": domain["id"]})["id"] for name in ("a", "b")
    ]
    agent = create_agent(actor=actor, fields={"name": "Ada", "domain_id": place.pk})
    dora = make_member("dora", organization, domain=place)
    made = api.post("/api/invitations", {"email": "x@example.org", "role": "viewer", "domain_id": domain["id"]})
    assert made.status_code == 201, made.content
    before = snapshot()

    refused = api.delete(f"/api/domains/{domain['id']}")

    assert (refused.status_code, problem_of(refused)["code"]) == (409, "domain_in_use")
    assert problem_of(refused)["detail"] == (
        "It still has 2 instances, 1 agent, 1 membership, 1 open invitation. Delete them or move them elsewhere first."
    )
    assert snapshot() == before
    for pk in instances:
        api.delete(f"/api/instances/{pk}")
    trash_agent(actor=actor, agent_id=agent.pk)
    dora.delete()
    Invitation.objects.all().delete()
    assert api.delete(f"/api/domains/{domain['id']}").status_code == 204


def test_a_stranger_finds_no_domain(api: ApiClient, stranger: ApiClient) -> None:
    domain = new(api)["id"]
    new(stranger, "Own")
    before = snapshot()

    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("GET", "/instances"),
        ("POST", "/instances"),
    ):
        body = {"name": "x"} if method in ("PATCH", "PUT") or (path == "/instances" and method == "POST") else None
        theirs, nobodys = (
            stranger.send(method, f"/api/domains/{pk}{path}", body, if_match="*") for pk in (domain, uuid.uuid4())
        )
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert slugs(stranger) == ["own"]
    assert snapshot() == before
    assert api.get(f"/api/domains/{domain}").status_code == 200


def test_a_viewer_reads_and_changes_nothing(api: ApiClient, organization: Organization) -> None:
    path = f"/api/domains/{new(api)['id']}"
    vera = Person(make_member("vera", organization, role="viewer"))
    before = snapshot()

    answers = [
        vera.post("/api/domains", {"name": "x"}),
        vera.patch(path, {"name": "x"}),
        vera.put(path, {"name": "x"}, if_match="*"),
        vera.delete(path),
        vera.post(f"{path}/restore"),
    ]

    assert [response.status_code for response in answers] == [403] * 5
    assert slugs(vera) == ["sales"]
    assert snapshot() == before


def test_somebody_narrowed_sees_their_domain_alone(api: ApiClient, organization: Organization) -> None:
    sales, other = new(api, "Sales")["id"], new(api, "Other")["id"]
    dora = Person(make_member("dora", organization, domain=Domain.objects.get(pk=sales)))
    before = snapshot()

    assert slugs(dora) == ["sales"]
    assert slugs(dora, "?slug=other") == []
    assert [dora.get(f"/api/domains/{pk}").status_code for pk in (sales, other)] == [200, 404]
    assert [dora.send(*each).status_code for each in (("DELETE", f"/api/domains/{sales}"),)] == [403]
    assert dora.post("/api/domains", {"name": "x"}).status_code == 403
    assert snapshot() == before


def test_agents_and_threads_are_listed_by_domain(api: ApiClient, stranger: ApiClient) -> None:
    sales = new(api)["id"]
    agent = make_through(api, "/api/agents", {"name": "Ada", "domain_id": sales, "model": "m", "provider": "p"})["id"]
    make_through(api, "/api/agents", {"name": "Ben"})
    thread = make_through(api, "/api/threads", {"agent_id": agent})
    make_through(api, "/api/threads", {"agent_type": "chat", "model": "m", "provider": "p"})

    found = {
        kind: [row["id"] for row in api.get(f"/api/{kind}?domain_id={sales}").json()["results"]]
        for kind in ("agents", "threads", "sessions")
    }

    assert found == {"agents": [agent], "threads": [thread["id"]], "sessions": [thread["id"]]}
    assert thread["domain_id"] == sales
    assert stranger.get(f"/api/threads?domain_id={sales}").json()["results"] == []
    assert fields_at_fault(api.get("/api/agents?domain_id=sales")) == ["domain_id"]
