"""Erasing organizations and people."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.actors import MemberActor, SystemActor
from accounts.models import ApiKey, Membership, Organization, Role, User
from accounts.services.agent_sessions import start_session
from accounts.services.domains import create_domain
from accounts.services.instances import create_instance
from agents_app.services import create_agent
from conversations.models import Feedback, Message, Thread, Tombstone
from conversations.search import matching
from conversations.services import append_messages, create_feedback, create_thread
from ledger.models import AuditEntry
from tests.client import ApiClient
from transfer.erasing import owned_models

FIELDS = {"agent_type": "chat", "model": "m", "provider": "p", "title": "Tea"}


def fill(actor: Any) -> None:
    """An agent that an instance runs, a thread with three messages and feedback, and a person with a role."""
    domain = create_domain(actor=actor, fields={"name": "Sales"})
    agent = create_agent(actor=actor, fields={"name": "Ada", "domain_id": domain.pk})
    instance = create_instance(actor=actor, fields={"name": "Chat", "domain_id": domain.pk, "agent_ids": [agent.pk]})
    start_session(actor=actor, fields={"agent_id": agent.pk, "instance_id": instance.pk})
    role = Role.objects.create(organization_id=actor.organization_id, slug="desk", name="Desk")
    person = User.objects.create_user(f"desk-{actor.organization_id}")
    Membership.objects.create(organization_id=actor.organization_id, user=person, role=role, domain=domain)
    thread = create_thread(actor=actor, fields={**FIELDS, "agent_id": agent.pk})
    messages = [{"role": "user", "content": f"leaf {n}"} for n in range(3)]
    rows = append_messages(actor=actor, thread_id=thread.pk, messages=messages)
    create_feedback(actor=actor, message_id=rows[0].pk, fields={"rating": 1})


def run(*arguments: str, **options: Any) -> list[str]:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue().splitlines()


def rows_of(organization: Organization) -> int:
    found = [model._default_manager.filter(organization=organization) for model in owned_models()]
    return sum(rows.count() for rows in found)


@pytest.fixture
def filled(
    organization: Organization, other_organization: Organization, api: ApiClient, stranger: ApiClient
) -> Organization:
    fill(SystemActor(organization.pk))
    fill(SystemActor(other_organization.pk))
    return organization


def test_erase_organization_removes_all_of_it_and_nothing_else(
    filled: Organization, other_organization: Organization
) -> None:
    kept = rows_of(other_organization)
    entries = AuditEntry.objects.filter(organization_id=filled.pk).count()

    lines = run("erase_organization", "acme", confirm="acme")

    assert lines == [
        "accounts.AgentSession: 1 erased",
        "accounts.ApiKey: 1 erased",
        "accounts.Domain: 1 erased",
        "accounts.Instance: 1 erased",
        "accounts.InstanceAgent: 1 erased",
        "accounts.Membership: 1 erased",
        "accounts.Organization: 1 erased",
        "accounts.Role: 1 erased",
        "agents_app.Agent: 1 erased",
        "conversations.Feedback: 1 erased",
        "conversations.Message: 3 erased",
        "conversations.Thread: 1 erased",
        "conversations.Tombstone: 4 erased",
        f"ledger.AuditEntry: {entries} erased",
    ]
    assert not Organization.objects.filter(slug="acme").exists()
    assert (rows_of(filled), rows_of(other_organization)) == (0, kept)
    hits = Message.objects.filter(id__in=matching("leaf", organization_id=filled.pk, column="id"))
    assert hits.count() == 0


def test_erase_organization_without_confirmation_changes_nothing(filled: Organization) -> None:
    before = rows_of(filled)

    with pytest.raises(CommandError, match="--confirm acme"):
        run("erase_organization", "acme")
    with pytest.raises(CommandError, match="--confirm acme"):
        run("erase_organization", "acme", confirm="rival")

    assert rows_of(filled) == before
    assert Organization.objects.get(slug="acme").suspended_at is None


def test_erase_organization_dry_run_counts_and_changes_nothing(filled: Organization) -> None:
    before = rows_of(filled)

    lines = run("erase_organization", "acme", dry_run=True)

    assert "conversations.Message: 3 would be erased" in lines
    assert rows_of(filled) == before


def test_erase_user_keeps_what_they_made(
    organization: Organization, alice: User, make_thread: Callable[..., Thread]
) -> None:
    fill(MemberActor(organization.pk, alice.pk, "alice"))

    lines = run("erase_user", "alice", confirm="alice")

    assert lines == [
        "accounts.AgentSession.user: 1 emptied",
        "accounts.Membership: 1 erased",
        "accounts.User: 1 erased",
        "conversations.Feedback.created_by: 1 emptied",
        "conversations.Thread.created_by: 1 emptied",
    ]
    desk = User.objects.get()
    assert list(Membership.objects.values_list("user", flat=True)) == [desk.pk]
    assert Thread.objects.get().created_by_id is None
    assert (Message.objects.count(), Feedback.objects.count(), Tombstone.objects.count()) == (3, 1, 0)


def test_erase_user_without_confirmation_changes_nothing(alice: User) -> None:
    with pytest.raises(CommandError, match="--confirm alice"):
        run("erase_user", "alice")

    assert User.objects.filter(username="alice").exists()


def test_erased_organization_key_stops_working(filled: Organization, api: ApiClient) -> None:
    assert api.get("/api/threads").status_code == 200

    run("erase_organization", "acme", confirm="acme")

    assert api.get("/api/threads").status_code == 401
    assert ApiKey.objects.count() == 1
