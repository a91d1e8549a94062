"""Erasing takes the audit trail of an organization along, and leaves a trace of it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.actors import MemberActor, SystemActor
from accounts.models import Organization, User
from agents_app.services import create_agent
from ledger.models import PLATFORM, AuditChain, AuditEntry, ChainErasure
from ledger.services.erasing import erase_chain
from ledger.services.verifying import verify_chain
from tests.conftest import join
from tests.ledger.chains import database_id, write_entries
from transfer.erasing import count_organization, erase_organization, erase_user


def told(organization_id: Any, action: str) -> list[dict[str, Any]]:
    names = ("actor_kind", "subject_type", "subject_id", "subject_label", "after")
    return list(AuditEntry.objects.filter(organization_id=organization_id, action=action).values(*names))


def test_erased_organization_leaves_the_length_and_the_end_of_its_chain(
    organization: Organization, other_organization: Organization
) -> None:
    create_agent(actor=SystemActor(organization.pk), fields={"name": "Ada"})
    write_entries(organization.pk, 3)
    write_entries(other_organization.pk, 2)
    end = AuditChain.objects.get(pk=organization.pk)
    kept = list(AuditEntry.objects.filter(organization_id=other_organization.pk).values())

    erased = erase_organization(organization)

    assert AuditEntry.objects.filter(organization_id=organization.pk).count() == 0
    assert not AuditChain.objects.filter(pk=organization.pk).exists()
    trace = ChainErasure.objects.get()
    assert (trace.organization_id, trace.entries, trace.last_hash) == (end.pk, end.last_sequence, end.last_hash)
    assert erased["ledger.AuditEntry"] == end.last_sequence
    assert list(AuditEntry.objects.filter(organization_id=other_organization.pk).values()) == kept
    assert told(PLATFORM, "organization.erased") == [
        {
            "actor_kind": "system",
            "subject_type": "organization",
            "subject_id": end.pk,
            "subject_label": "acme",
            "after": {"erased": dict(erased)},
        }
    ]
    call_command("verify_audit", stdout=StringIO())


def test_dry_run_counts_the_entries(organization: Organization) -> None:
    write_entries(organization.pk, 3)

    counts = count_organization(organization)

    assert counts["ledger.AuditEntry"] == AuditEntry.objects.filter(organization_id=organization.pk).count() >= 3


def test_erased_chain_takes_no_entry_any_more(organization: Organization) -> None:
    write_entries(organization.pk, 2)
    erase_chain(organization_id=organization.pk)

    with pytest.raises(IntegrityError), transaction.atomic():
        write_entries(organization.pk, 1)

    assert not AuditChain.objects.filter(pk=organization.pk).exists()
    assert AuditEntry.objects.filter(organization_id=organization.pk).count() == 0


def test_erasing_a_chain_again_changes_nothing(organization: Organization) -> None:
    write_entries(organization.pk, 2)
    count = AuditEntry.objects.filter(organization_id=organization.pk).count()

    erased = [erase_chain(organization_id=organization.pk) for _ in range(2)]

    assert erased == [count, 0]
    assert ChainErasure.objects.get().entries == count


def test_erasure_that_was_interrupted_goes_on(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.services.erasing.BATCH", 2)
    write_entries(organization.pk, 5)
    end = AuditChain.objects.get(pk=organization.pk)
    ChainErasure.objects.create(organization_id=end.pk, entries=end.last_sequence, last_hash=end.last_hash)
    AuditChain.objects.filter(pk=organization.pk).delete()

    assert erase_chain(organization_id=organization.pk) == end.last_sequence
    assert AuditEntry.objects.filter(organization_id=organization.pk).count() == 0


def test_erasing_one_chain_opens_no_other(organization: Organization, other_organization: Organization) -> None:
    write_entries(organization.pk, 2)
    [entry] = write_entries(other_organization.pk, 1)
    erase_chain(organization_id=organization.pk)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM ledger_auditentry WHERE id = %s", [database_id(entry.pk)])

    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_erased_person_stays_named_in_the_trail(
    organization: Organization, other_organization: Organization, alice: User
) -> None:
    join(alice, other_organization, role="viewer")
    agent = create_agent(actor=MemberActor(organization.pk, alice.pk, "alice"), fields={"name": "Ada"})
    user_id = alice.pk

    erase_user(alice)

    entry = {"actor_kind": "system", "subject_type": "user", "subject_id": user_id, "subject_label": "alice"}
    for each in (organization, other_organization):
        assert told(each.pk, "user.erased") == [{**entry, "after": None}]
        assert list(verify_chain(each.pk)) == []
    made = AuditEntry.objects.get(action="agent.created", subject_id=agent.pk)
    assert (made.actor_id, made.actor_label) == (user_id, "alice")
    assert told(PLATFORM, "user.erased") == []


def test_erased_person_without_organization_is_told_to_the_platform(db: None) -> None:
    user = User.objects.create_user("dave", "dave@example.org", "correct horse battery")
    user_id = user.pk

    erase_user(user)

    [entry] = told(PLATFORM, "user.erased")
    assert (entry["subject_id"], entry["subject_label"]) == (user_id, "dave")
