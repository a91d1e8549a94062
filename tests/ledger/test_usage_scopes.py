"""Whose usage it is, and who sees it."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from accounts.actors import KeyActor, SystemActor
from accounts.models import Domain, Organization
from accounts.services.domains import create_domain
from agents_app.models import Agent
from agents_app.services import create_agent
from conversations.models import Thread
from conversations.services import create_thread
from ledger.models import UsageRecord
from ledger.services import InvalidUsage, UsageConflict
from tests.api.conftest import REQUIRED
from tests.api.problems import fields_at_fault
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.ledger.reports import REPORT, note, send


@pytest.fixture
def sales(actor: SystemActor) -> Domain:
    return create_domain(actor=actor, fields={"name": "Sales"})


@pytest.fixture
def support(actor: SystemActor) -> Domain:
    return create_domain(actor=actor, fields={"name": "Support"})


@pytest.fixture
def seller(actor: SystemActor, sales: Domain) -> Agent:
    return create_agent(actor=actor, fields={"name": "Seller", "domain_id": sales.pk})


@pytest.fixture
def in_sales(actor: SystemActor, sales: Domain) -> SystemActor:
    return replace(actor, domain_id=sales.pk)


def test_domain_is_that_of_the_agent(actor: SystemActor, seller: Agent, sales: Domain) -> None:
    assert note(actor, agent_id=seller.pk).domain_id == sales.pk


def test_domain_is_that_of_the_thread(actor: SystemActor, seller: Agent, sales: Domain) -> None:
    thread = create_thread(actor=actor, fields={**REQUIRED, "agent_id": seller.pk})

    assert note(actor, thread_id=thread.pk).domain_id == sales.pk


def test_domain_that_is_named_goes_before_the_agents(actor: SystemActor, seller: Agent, support: Domain) -> None:
    assert note(actor, agent_id=seller.pk, domain_id=support.pk).domain_id == support.pk


def test_domain_is_that_of_an_actor_who_is_narrowed_to_it(in_sales: SystemActor, sales: Domain) -> None:
    assert note(in_sales).domain_id == sales.pk


def test_usage_without_a_place_belongs_to_the_whole(actor: SystemActor, thread: Thread) -> None:
    assert note(actor, thread_id=thread.pk).domain_id is None


@pytest.mark.parametrize("name", ["thread_id", "agent_id", "domain_id"])
def test_narrowed_actor_names_nothing_outside(
    actor: SystemActor, in_sales: SystemActor, support: Domain, thread: Thread, name: str
) -> None:
    helper = create_agent(actor=actor, fields={"name": "Helper", "domain_id": support.pk})
    outside = {"thread_id": thread.pk, "agent_id": helper.pk, "domain_id": support.pk}[name]

    with pytest.raises(InvalidUsage) as refused:
        note(in_sales, **{name: outside})
    with pytest.raises(InvalidUsage) as unknown:
        note(in_sales, **{name: uuid.uuid4()})

    assert refused.value.errors == unknown.value.errors
    assert list(refused.value.errors) == [name]
    assert note(actor, **{name: outside}).pk


@pytest.mark.parametrize("name", ["thread_id", "agent_id", "domain_id"])
def test_foreign_id_is_refused_as_an_unknown_one(
    api: ApiClient, stranger: ApiClient, actor: SystemActor, thread: Thread, seller: Agent, sales: Domain, name: str
) -> None:
    foreign = {"thread_id": thread.pk, "agent_id": seller.pk, "domain_id": sales.pk}[name]
    before = snapshot()

    answers = [stranger.post("/api/usage", {**REPORT, name: str(pk)}) for pk in (foreign, uuid.uuid4())]
    in_batch = [
        stranger.post("/api/usage/batch", {"records": [{**REPORT, name: str(pk)}]}) for pk in (foreign, uuid.uuid4())
    ]

    assert answers[0].content == answers[1].content
    assert in_batch[0].content == in_batch[1].content
    assert (answers[0].status_code, fields_at_fault(answers[0])) == (400, [name])
    assert snapshot() == before
    assert api.post("/api/usage", {**REPORT, name: str(foreign)}).status_code == 201, "there was nothing to leak"


def test_narrowed_actor_sees_the_usage_of_the_domain(
    actor: SystemActor, in_sales: SystemActor, seller: Agent, support: Domain
) -> None:
    note(actor)
    note(actor, domain_id=support.pk)
    own = [note(actor, agent_id=seller.pk).pk, note(in_sales).pk]

    assert list(UsageRecord.objects.visible_to(in_sales).order_by("id").values_list("pk", flat=True)) == own
    assert UsageRecord.objects.visible_to(actor).count() == 4


def test_external_id_of_another_domain_tells_nothing(
    actor: SystemActor, in_sales: SystemActor, support: Domain
) -> None:
    note(replace(actor, domain_id=support.pk), external_id="e")

    with pytest.raises(UsageConflict):
        note(in_sales, external_id="e")


def test_totals_tell_nothing_to_a_stranger(api: ApiClient, stranger: ApiClient, thread: Thread) -> None:
    send(api, thread_id=str(thread.pk), cost="1")

    for query in ("by=day", "by=thread,key", f"thread_id={thread.pk}", "provider=openai"):
        assert stranger.get(f"/api/usage/totals?{query}").json()["results"] == []
        assert len(api.get(f"/api/usage/totals?{query}").json()["results"]) == 1


def test_person_and_key_are_those_of_the_actor(organization: Organization) -> None:
    person, key = uuid.uuid4(), uuid.uuid4()
    somebody = KeyActor(organization.pk, key, "k", user_id=person)

    row = note(somebody)

    assert (row.user_id, row.key_id) == (person, key)
