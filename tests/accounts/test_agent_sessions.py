"""Sessions of agents over the API: started, kept alive, ended."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import SystemActor
from accounts.models import AgentSession, ApiKey, Domain, Organization, User
from accounts.services.agent_sessions import beat, start_session
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.conftest import make_through
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import make_member

SESSIONS = "/api/agent-sessions"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def sales(api: ApiClient) -> str:
    return str(make_through(api, "/api/domains", {"name": "Sales"})["id"])


@pytest.fixture
def ada(api: ApiClient) -> str:
    return str(make_through(api, "/api/agents", {"name": "Ada"})["id"])


@pytest.fixture
def chat(api: ApiClient, sales: str, ada: str) -> str:
    sent = {"name": "Chat", "domain_id": sales, "agent_ids": [ada]}
    return str(make_through(api, "/api/instances", sent)["id"])


def started(api: ApiClient, **fields: Any) -> dict[str, Any]:
    return make_through(api, SESSIONS, fields)


def listed(api: Any, query: str = "") -> list[str]:
    return [row["id"] for row in api.get(f"{SESSIONS}?{query}").json()["results"]]


def test_session_has_exactly_these_members(
    api: ApiClient, organization: Organization, sales: str, ada: str, chat: str
) -> None:
    start = last_number(organization.pk)

    response = api.post(SESSIONS, {"agent_id": ada, "instance_id": chat, "metadata": {"window": 2}})

    session = response.json()
    moments = ("id", "started_at", "last_heartbeat_at", "created_at", "updated_at")
    assert (response.status_code, response["ETag"]) == (201, '"v1"')
    assert {name: value for name, value in session.items() if name not in moments} == {
        "agent_id": ada,
        "instance_id": chat,
        "domain_id": sales,
        "user_id": None,
        "key_id": str(ApiKey.objects.get().pk),
        "metadata": {"window": 2},
        "state": "open",
        "ended_at": None,
        "end_reason": None,
        "version": 1,
    }
    assert len({session[name] for name in moments[1:]}) == 1
    assert api.get(f"{SESSIONS}/{session['id']}").json() == session
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["subject"], entry["before"]) == ("session.started", "agent_session", None)
    assert entry["after"] == {"agent_id": ada, "instance_id": chat, "domain_id": sales, "metadata": {"window": 2}}


def test_a_session_of_a_person_names_them(alice: User) -> None:
    session = Person(alice).post(SESSIONS, {}).json()

    assert [session[name] for name in ("user_id", "key_id", "agent_id", "domain_id")] == [
        str(alice.pk),
        None,
        None,
        None,
    ]


def test_the_domain_follows_from_what_is_named(api: ApiClient, sales: str, ada: str, chat: str) -> None:
    support = make_through(api, "/api/domains", {"name": "Support"})["id"]
    ben = make_through(api, "/api/agents", {"name": "Ben", "domain_id": support})["id"]

    domains = [
        started(api, **fields)["domain_id"]
        for fields in ({}, {"agent_id": ada}, {"agent_id": ben}, {"agent_id": ben, "instance_id": chat})
    ]

    assert domains == [None, None, support, sales]


def test_rows_that_are_not_there_are_told_alike(api: ApiClient, stranger: ApiClient, ada: str, chat: str) -> None:
    foreign = make_through(stranger, "/api/agents", {"name": "Theirs"})["id"]
    api.delete(f"/api/agents/{ada}")
    api.delete(f"/api/instances/{chat}")
    before = snapshot()

    agents = [api.post(SESSIONS, {"agent_id": pk}) for pk in (foreign, ada, str(uuid.uuid4()))]
    instances = [
        client.post(SESSIONS, {"instance_id": pk}) for client in (api, stranger) for pk in (chat, str(uuid.uuid4()))
    ]

    assert {(each.status_code, each.content) for each in agents} == {(400, agents[0].content)}
    assert {(each.status_code, each.content) for each in instances} == {(400, instances[0].content)}
    assert (fields_at_fault(agents[0]), fields_at_fault(instances[0])) == (["agent_id"], ["instance_id"])
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agent_id", "ada"),
        ("instance_id", 1),
        ("metadata", None),
        ("user_id", "01890000-0000-7000-8000-000000000000"),
        ("key_id", None),
        ("started_at", "2026-01-01T00:00:00Z"),
        ("state", "open"),
        ("agent", "ada"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, name: str, value: Any) -> None:
    before = snapshot()

    response = api.post(SESSIONS, {name: value})

    assert (response.status_code, fields_at_fault(response)) == (400, [name])
    assert snapshot() == before


def test_an_id_of_the_client_is_taken_once(api: ApiClient, stranger: ApiClient) -> None:
    own = {"id": str(uuid.uuid4())}

    first, again, others = api.post(SESSIONS, own), api.post(SESSIONS, own), stranger.post(SESSIONS, own)

    assert [each.status_code for each in (first, again, others)] == [201, 201, 409]
    assert first.json()["id"] == own["id"] == again.json()["id"]
    assert problem_of(others)["code"] == "session_exists"


def test_a_heartbeat_is_one_statement_and_no_entry(api: ApiClient, organization: Organization) -> None:
    session = started(api)
    start = last_number(organization.pk)

    with CaptureQueriesContext(connection) as captured:
        response = api.post(f"{SESSIONS}/{session['id']}/heartbeat")
    changing = [each["sql"] for each in captured.captured_queries if "accounts_agentsession" in each["sql"]]

    after = api.get(f"{SESSIONS}/{session['id']}").json()
    assert (response.status_code, response["ETag"]) == (200, '"v2"')
    assert response.json() == {name: after[name] for name in ("id", "last_heartbeat_at", "version")}
    assert after["last_heartbeat_at"] > session["last_heartbeat_at"]
    assert [sql.split()[0] for sql in changing] == ["UPDATE"]
    assert trail_of(organization.pk, since=start) == []


def test_an_ended_session_takes_no_heartbeat(api: ApiClient) -> None:
    path = f"{SESSIONS}/{started(api)['id']}"
    api.post(f"{path}/end")
    before = snapshot()

    response = api.post(f"{path}/heartbeat")

    assert (response.status_code, problem_of(response)["code"]) == (409, "session_ended")
    assert snapshot() == before


def test_a_session_is_ended_once(api: ApiClient, organization: Organization) -> None:
    path = f"{SESSIONS}/{started(api)['id']}"
    start = last_number(organization.pk)

    stale = api.post(f"{path}/end", if_match='"v9"')
    ended, again = api.post(f"{path}/end"), api.post(f"{path}/end")

    session = ended.json()
    assert [each.status_code for each in (stale, ended, again)] == [412, 200, 200]
    assert (again.content, again["ETag"]) == (ended.content, ended["ETag"])
    assert [session[name] for name in ("state", "end_reason", "version")] == ["ended", "ended", 2]
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["before"]) == ("session.ended", None)
    assert entry["after"] == {"ended_at": session["ended_at"], "end_reason": "ended"}


@pytest.mark.parametrize("act", ["heartbeat", "end"])
def test_acts_take_no_body(api: ApiClient, act: str) -> None:
    path = f"{SESSIONS}/{started(api)['id']}/{act}"
    before = snapshot()

    response = api.post(path, {"at": "noon"})

    assert (response.status_code, fields_at_fault(response)) == (400, ["at"])
    assert snapshot() == before


def test_sessions_are_filtered(api: ApiClient, alice: User, actor: SystemActor, ada: str, chat: str) -> None:
    early = str(start_session(actor=actor, fields={}, now=NOON).pk)
    late = str(start_session(actor=actor, fields={}, now=NOON + timedelta(hours=2)).pk)
    with_agent, in_chat = started(api, agent_id=ada)["id"], started(api, instance_id=chat)["id"]
    of_alice = Person(alice).post(SESSIONS, {}).json()["id"]
    api.post(f"{SESSIONS}/{with_agent}/end")

    found = [
        listed(api, query)
        for query in (
            "",
            f"agent_id={ada}",
            f"instance_id={chat}",
            f"user_id={alice.pk}",
            f"user_id={uuid.uuid4()}",
            "state=open",
            "state=ended",
            "started_after=2026-01-01T12:00:00Z&started_before=2026-01-02T00:00:00Z",
        )
    ]

    assert found == [
        [of_alice, in_chat, with_agent, late, early],
        [with_agent],
        [in_chat],
        [of_alice],
        [],
        [of_alice, in_chat, late, early],
        [with_agent],
        [late],
    ]
    refused = [api.get(f"{SESSIONS}?{query}") for query in ("state=stale", "agent_id=x", "started_after=noon")]
    assert [fields_at_fault(each) for each in refused] == [["state"], ["agent_id"], ["started_after"]]


def test_a_stranger_finds_no_session(api: ApiClient, stranger: ApiClient, ada: str) -> None:
    session = started(api, agent_id=ada)["id"]
    before = snapshot()

    for method, act in (("GET", ""), ("POST", "/heartbeat"), ("POST", "/end")):
        theirs, nobodys = (stranger.send(method, f"{SESSIONS}/{pk}{act}") for pk in (session, uuid.uuid4()))
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert [listed(stranger, query) for query in ("", f"agent_id={ada}", "state=open")] == [[], [], []]
    assert snapshot() == before
    assert listed(api) == [session]


def test_a_viewer_reads_and_changes_nothing(api: ApiClient, organization: Organization) -> None:
    session = started(api)["id"]
    vera = Person(make_member("vera", organization, role="viewer"))
    before = snapshot()

    paths = (SESSIONS, f"{SESSIONS}/{session}/heartbeat", f"{SESSIONS}/{session}/end")
    answers = [vera.post(path, {} if path == SESSIONS else None) for path in paths]

    assert [response.status_code for response in answers] == [403] * 3
    assert listed(vera) == [session]
    assert snapshot() == before


def test_somebody_narrowed_starts_and_sees_sessions_of_their_domain(
    api: ApiClient, organization: Organization, sales: str, ada: str, chat: str
) -> None:
    elsewhere = started(api)["id"]
    dora = Person(make_member("dora", organization, role="member", domain=Domain.objects.get(pk=sales)))

    made = dora.post(SESSIONS, {"instance_id": chat})
    refused = dora.post(SESSIONS, {"agent_id": ada})

    assert (made.status_code, made.json()["domain_id"]) == (201, sales)
    assert (refused.status_code, fields_at_fault(refused)) == (400, ["agent_id"])
    assert listed(dora) == [made.json()["id"]]
    assert dora.post(f"{SESSIONS}/{elsewhere}/heartbeat").status_code == 404
    assert AgentSession.objects.get(pk=elsewhere).version == 1


def test_a_heartbeat_of_another_organization_changes_nothing(
    actor: SystemActor, other_organization: Organization
) -> None:
    session = start_session(actor=actor, fields={}, now=NOON)

    with pytest.raises(Exception, match="nothing at this address"):
        beat(actor=SystemActor(other_organization.pk), session_id=session.pk)

    assert AgentSession.objects.get().last_heartbeat_at == NOON
