"""What was spent stays on the bill, whatever becomes of the thread."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from accounts.actors import SystemActor
from accounts.models import Organization
from agents_app.services import create_agent, trash_agent
from conversations.models import Thread
from conversations.services import erase_conversations, purge_trash, trash_thread
from ledger.models import UsageRecord
from tests.client import ApiClient
from tests.ledger.reports import send
from transfer.erasing import erase_organization


def bill(api: ApiClient) -> list[tuple[str, int, str]]:
    rows = api.get("/api/usage/totals?by=thread").json()["results"]
    return [(row["thread_id"], row["requests"], row["cost"]) for row in rows]


def test_thread_that_was_deleted_and_purged_keeps_its_bill(api: ApiClient, actor: SystemActor, thread: Thread) -> None:
    record = send(api, thread_id=str(thread.pk), cost="0.25")
    before = bill(api)

    trash_thread(actor=actor, thread_id=thread.pk)
    after_trash = bill(api)
    purge_trash(organization_id=actor.organization_id, trashed_before=timezone.now() + timedelta(days=1))

    assert not Thread.objects.filter(organization_id=actor.organization_id, pk=thread.pk).exists()
    assert before == after_trash == bill(api) == [(str(thread.pk), 1, "0.2500000000")]
    assert api.get(f"/api/usage/{record['id']}").json() == record


def test_conversations_that_were_erased_keep_their_bill(
    api: ApiClient, organization: Organization, thread: Thread
) -> None:
    send(api, thread_id=str(thread.pk), cost="0.25")

    erase_conversations(organization_id=organization.pk)

    assert bill(api) == [(str(thread.pk), 1, "0.2500000000")]


def test_agent_that_was_deleted_keeps_its_bill(api: ApiClient, actor: SystemActor) -> None:
    agent = create_agent(actor=actor, fields={"name": "Ada"})
    send(api, agent_id=str(agent.pk), cost="1")

    trash_agent(actor=actor, agent_id=agent.pk)

    [row] = api.get("/api/usage/totals?by=agent").json()["results"]
    assert (row["agent_id"], row["cost"]) == (str(agent.pk), "1.0000000000")


def test_organization_that_is_erased_takes_its_bill_along(api: ApiClient, organization: Organization) -> None:
    send(api, cost="1")

    erased = erase_organization(organization)

    assert erased["ledger.UsageRecord"] == 1
    assert UsageRecord.objects.filter(organization_id=organization.pk).count() == 0
