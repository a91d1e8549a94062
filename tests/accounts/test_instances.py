"""Instances over the API, and the agents that they run."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Domain, InstanceAgent, Organization
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member


@pytest.fixture
def sales(api: ApiClient) -> str:
    return str(make_through(api, "/api/domains", {"name": "Sales"})["id"])


@pytest.fixture
def support(api: ApiClient) -> str:
    return str(make_through(api, "/api/domains", {"name": "Support"})["id"])


def agent(api: ApiClient, name: str = "Ada", **fields: Any) -> str:
    return str(make_through(api, "/api/agents", {"name": name, **fields})["id"])


def new(api: ApiClient, domain: str, name: str = "Chat", **fields: Any) -> dict[str, Any]:
    return make_through(api, "/api/instances", {"name": name, "domain_id": domain, **fields})


def slugs(api: Any, path: str = "/api/instances") -> list[str]:
    return [row["slug"] for row in api.get(path).json()["results"]]


def test_instance_has_exactly_these_members(api: ApiClient, organization: Organization, sales: str) -> None:
    runs = [agent(api), agent(api, "Ben")]
    start = last_number(organization.pk)
    sent = {"name": "Web chat", "domain_id": sales, "environment": "production", "agent_ids": runs[::-1]}

    response = api.post("/api/instances", sent)

    instance = response.json()
    moments = ("id", "created_at", "updated_at")
    assert (response.status_code, response["ETag"]) == (201, '"v1"')
    assert {name: value for name, value in instance.items() if name not in moments} == {
        "domain_id": sales,
        "name": "Web chat",
        "slug": "web-chat",
        "environment": "production",
        "agent_ids": runs,
        "description": "",
        "metadata": {},
        "version": 1,
        "trashed_at": None,
    }
    assert api.get(f"/api/instances/{instance['id']}").json() == instance
    assert api.get("/api/instances").json()["results"] == [instance]
    assert trail_of(organization.pk, since=start) == [
        {
            "action": "instance.created",
            "actor": f"key {api.key[:19] if api.key else ''}_…",
            "subject": "instance Web chat",
            "before": None,
            "after": {**sent, "slug": "web-chat", "description": "", "metadata": {}},
        }
    ]


def test_slugs_are_unique_in_their_domain(api: ApiClient, sales: str, support: str) -> None:
    first, elsewhere = new(api, sales), new(api, support)
    made = new(api, sales)
    before = snapshot()

    answers = [
        api.post("/api/instances", {"name": "x", "slug": "chat", "domain_id": sales}),
        api.patch(f"/api/instances/{made['id']}", {"slug": "chat"}),
        api.patch(f"/api/instances/{elsewhere['id']}", {"domain_id": sales}),
    ]

    assert (first["slug"], elsewhere["slug"]) == ("chat", "chat")
    assert made["slug"].startswith("chat-")
    assert [(each.status_code, problem_of(each)["code"]) for each in answers] == [(409, "instance_exists")] * 3
    assert snapshot() == before


def test_instance_is_changed(api: ApiClient, organization: Organization, sales: str, support: str) -> None:
    ada, ben = agent(api), agent(api, "Ben")
    instance = new(api, sales, agent_ids=[ada])
    path = f"/api/instances/{instance['id']}"
    start = last_number(organization.pk)

    changed = api.patch(path, {"domain_id": support, "agent_ids": [ben, ada], "environment": "staging"})
    stale = api.patch(path, {"agent_ids": []}, if_match='"v1"')
    replaced = api.put(path, {"name": "Chat", "domain_id": support}, if_match='"v2"')

    assert [response.status_code for response in (changed, stale, replaced)] == [200, 412, 200]
    assert [changed.json()[name] for name in ("domain_id", "agent_ids")] == [support, sorted([ada, ben])]
    assert [replaced.json()[name] for name in ("agent_ids", "environment", "version")] == [[], "development", 3]
    assert InstanceAgent.objects.count() == 0
    assert [(each["before"], each["after"]) for each in trail_of(organization.pk, since=start)] == [
        (
            {"domain_id": sales, "agent_ids": [ada], "environment": "development"},
            {"domain_id": support, "agent_ids": sorted([ada, ben]), "environment": "staging"},
        ),
        (
            {"agent_ids": sorted([ada, ben]), "environment": "staging"},
            {"agent_ids": [], "environment": "development"},
        ),
    ]


def test_agents_that_are_not_there_are_told_alike(api: ApiClient, stranger: ApiClient, sales: str) -> None:
    known, trashed, foreign = agent(api), agent(api, "Gone"), agent(stranger)
    api.delete(f"/api/agents/{trashed}")
    instance = new(api, sales)["id"]
    before = snapshot()

    answers = [
        answer
        for pk in (foreign, trashed, str(uuid.uuid4()))
        for answer in (
            api.post("/api/instances", {"name": "x", "domain_id": sales, "agent_ids": [known, pk]}),
            api.patch(f"/api/instances/{instance}", {"agent_ids": [known, pk]}),
        )
    ]

    assert {(each.status_code, each.content) for each in answers} == {(400, answers[0].content)}
    assert fields_at_fault(answers[0]) == ["agent_ids"]
    assert snapshot() == before


def test_an_agent_is_named_once(api: ApiClient, sales: str) -> None:
    ada = agent(api)
    before = snapshot()

    response = api.post("/api/instances", {"name": "x", "domain_id": sales, "agent_ids": [ada, ada]})

    assert (response.status_code, fields_at_fault(response)) == (400, ["agent_ids"])
    assert snapshot() == before


def test_an_agent_stays_named_while_it_lies_in_the_trash(api: ApiClient, sales: str) -> None:
    ada = agent(api)
    path = f"/api/instances/{new(api, sales, agent_ids=[ada])['id']}"
    api.delete(f"/api/agents/{ada}")

    shown = api.get(path)
    replaced = api.put(path, {"name": "Chat", "domain_id": sales, "agent_ids": shown.json()["agent_ids"]}, if_match="*")

    assert shown.json()["agent_ids"] == [ada]
    assert (replaced.status_code, replaced.json()["agent_ids"]) == (200, [ada])


def test_domains_that_are_not_there_are_told_alike(api: ApiClient, stranger: ApiClient, sales: str) -> None:
    foreign = make_through(stranger, "/api/domains", {"name": "Theirs"})["id"]
    trashed = make_through(api, "/api/domains", {"name": "Gone"})["id"]
    api.delete(f"/api/domains/{trashed}")
    instance = new(api, sales)["id"]
    before = snapshot()

    answers = [
        answer
        for pk in (foreign, trashed, str(uuid.uuid4()))
        for answer in (
            api.post("/api/instances", {"name": "x", "domain_id": pk}),
            api.patch(f"/api/instances/{instance}", {"domain_id": pk}),
        )
    ]

    assert {(each.status_code, each.content) for each in answers} == {(400, answers[0].content)}
    assert fields_at_fault(answers[0]) == ["domain_id"]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("environment", "moon"),
        ("environment", None),
        ("agent_ids", None),
        ("agent_ids", "all"),
        ("domain_id", None),
        ("domain_id", "sales"),
        ("metadata", None),
        ("agents", []),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, sales: str, name: str, value: Any) -> None:
    path = f"/api/instances/{new(api, sales)['id']}"
    before = snapshot()

    answers = [
        api.post("/api/instances", {"name": "Fine", "domain_id": sales, name: value}),
        api.patch(path, {name: value}),
    ]

    assert [(each.status_code, fields_at_fault(each)) for each in answers] == [(400, [name])] * 2
    assert snapshot() == before


def test_an_instance_names_two_hundred_agents_at_most(api: ApiClient, sales: str) -> None:
    many = [str(uuid.uuid4()) for _ in range(201)]

    response = api.post("/api/instances", {"name": "x", "domain_id": sales, "agent_ids": many})

    assert (response.status_code, fields_at_fault(response)) == (400, ["agent_ids"])


def test_instances_are_filtered(api: ApiClient, sales: str, support: str) -> None:
    ada, ben = agent(api), agent(api, "Ben")
    new(api, sales, "One", agent_ids=[ada])
    new(api, sales, "Two", environment="production", agent_ids=[ada, ben])
    gone = new(api, support, "Three", agent_ids=[ben])["id"]
    api.delete(f"/api/instances/{gone}")

    found = {
        query: slugs(api, f"/api/instances?{query}")
        for query in (
            "",
            "slug=one",
            f"domain_id={sales}",
            f"domain_id={support}",
            "environment=production",
            f"agent_id={ada}",
            f"agent_id={ben}",
            f"agent_id={uuid.uuid4()}",
            "trashed=true",
        )
    }

    assert list(found.values()) == [
        ["two", "one"],
        ["one"],
        ["two", "one"],
        [],
        ["two"],
        ["two", "one"],
        ["two"],
        [],
        ["three"],
    ]
    refused = [api.get(f"/api/instances?{query}") for query in ("environment=moon", "agent_id=x", "domain_id=x")]
    assert [fields_at_fault(each) for each in refused] == [["environment"], ["agent_id"], ["domain_id"]]


def test_instances_of_a_domain_have_an_address_of_their_own(api: ApiClient, sales: str, support: str) -> None:
    path = f"/api/domains/{sales}/instances"
    new(api, support, "Elsewhere")

    made = api.post(path, {"name": "Here", "agent_ids": [agent(api)]})
    refused = api.post(path, {"name": "There", "domain_id": support})

    assert (made.status_code, made.json()["domain_id"]) == (201, sales)
    assert api.get(path).json()["results"] == [made.json()]
    assert slugs(api, f"{path}?environment=production") == []
    assert (refused.status_code, fields_at_fault(refused)) == (400, ["domain_id"])
    assert fields_at_fault(api.get(f"{path}?domain_id={sales}")) == ["domain_id"]


def test_instance_goes_to_the_trash_and_comes_back_with_its_agents(
    api: ApiClient, organization: Organization, sales: str
) -> None:
    instance = new(api, sales, agent_ids=[agent(api)])
    path = f"/api/instances/{instance['id']}"
    start = last_number(organization.pk)

    deleted = api.delete(path, if_match='"v1"')
    gone = [api.get(path).status_code, slugs(api), slugs(api, f"/api/domains/{sales}/instances")]
    restored = api.post(f"{path}/restore", if_match='"v2"')

    assert (deleted.status_code, restored.status_code) == (204, 200)
    assert gone == [404, [], []]
    assert (restored.json()["agent_ids"], restored["ETag"]) == (instance["agent_ids"], '"v3"')
    assert [each["action"] for each in trail_of(organization.pk, since=start)] == [
        "instance.deleted",
        "instance.restored",
    ]


def test_an_instance_comes_back_after_its_domain(api: ApiClient, sales: str) -> None:
    instance = new(api, sales)["id"]
    api.delete(f"/api/instances/{instance}")
    api.delete(f"/api/domains/{sales}")
    before = snapshot()

    refused = api.post(f"/api/instances/{instance}/restore")

    assert (refused.status_code, problem_of(refused)["code"]) == (409, "domain_in_trash")
    assert snapshot() == before
    api.post(f"/api/domains/{sales}/restore")
    assert api.post(f"/api/instances/{instance}/restore").status_code == 200


def test_a_stranger_finds_no_instance(api: ApiClient, stranger: ApiClient, sales: str) -> None:
    instance = new(api, sales)["id"]
    body = {"name": "x", "domain_id": sales}
    before = snapshot()

    for method, path in (("GET", ""), ("PATCH", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/restore")):
        sent = body if method in ("PATCH", "PUT") else None
        theirs, nobodys = (
            stranger.send(method, f"/api/instances/{pk}{path}", sent, if_match="*") for pk in (instance, uuid.uuid4())
        )
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert slugs(stranger) == []
    assert slugs(stranger, f"/api/instances?domain_id={sales}") == []
    assert snapshot() == before
    assert api.get(f"/api/instances/{instance}").status_code == 200


def test_a_viewer_reads_and_changes_nothing(api: ApiClient, organization: Organization, sales: str) -> None:
    path = f"/api/instances/{new(api, sales)['id']}"
    vera = Person(make_member("vera", organization, role="viewer"))
    before = snapshot()

    answers = [
        vera.post("/api/instances", {"name": "x", "domain_id": sales}),
        vera.post(f"/api/domains/{sales}/instances", {"name": "x"}),
        vera.patch(path, {"name": "x"}),
        vera.delete(path),
        vera.post(f"{path}/restore"),
    ]

    assert [response.status_code for response in answers] == [403] * 5
    assert slugs(vera) == ["chat"]
    assert snapshot() == before


def test_somebody_narrowed_sees_and_touches_their_domain_alone(
    api: ApiClient, organization: Organization, sales: str, support: str
) -> None:
    everywhere, here = agent(api), agent(api, "Ben", domain_id=sales)
    own = new(api, sales, agent_ids=[everywhere, here])["id"]
    other = new(api, support)["id"]
    dora = Person(make_member("dora", organization, role="developer", domain=Domain.objects.get(pk=sales)))

    seen = dora.get("/api/instances").json()["results"]
    refused = [
        dora.get(f"/api/instances/{other}").status_code,
        dora.patch(f"/api/instances/{other}", {"name": "x"}).status_code,
        dora.get(f"/api/domains/{support}/instances").status_code,
        dora.post("/api/instances", {"name": "x", "domain_id": support}).status_code,
        dora.patch(f"/api/instances/{own}", {"domain_id": support}).status_code,
        dora.patch(f"/api/instances/{own}", {"agent_ids": [everywhere]}).status_code,
    ]

    assert [(row["id"], row["agent_ids"]) for row in seen] == [(own, [here])]
    assert [row["id"] for row in dora.get(f"/api/instances?agent_id={everywhere}").json()["results"]] == []
    assert refused == [404, 404, 404, 400, 400, 400]
    assert dora.patch(f"/api/instances/{own}", {"agent_ids": []}).json()["agent_ids"] == []
    assert api.get(f"/api/instances/{own}").json()["agent_ids"] == [everywhere]


@pytest.mark.parametrize("count", [1, 3])
def test_agents_cost_one_statement_however_many_instances(api: ApiClient, sales: str, count: int) -> None:
    runs = [agent(api), agent(api, "Ben")]
    for number in range(count):
        new(api, sales, f"i{number}", agent_ids=runs[: number % 2 + 1])

    with CaptureQueriesContext(connection) as captured:
        api.get("/api/instances")

    assert len([each for each in captured.captured_queries if "accounts_instanceagent" in each["sql"]]) == 1
