"""`manage.py verify_audit` finds every way in which a chain can be tampered with."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Organization
from core.ids import uuid7
from ledger.models import PLATFORM, AuditChain, AuditEntry, ChainErasure
from ledger.services.chains import FIRST_HASH, hash_of
from ledger.services.erasing import erase_chain
from ledger.services.verifying import verify_chain
from tests.ledger.chains import database_id, tampering, write_entries

Tamper = Callable[[Any, Any], Any]


@pytest.fixture
def chain(organization: Organization) -> list[AuditEntry]:
    """Nothing before them, so that the numbers are those of the tests."""
    with tampering() as cursor:
        for table in ("ledger_auditentry", "ledger_auditchain"):
            cursor.execute(f"DELETE FROM {table}")
    return write_entries(organization.pk, 6)


def run(**options: Any) -> list[str]:
    out = StringIO()
    call_command("verify_audit", stdout=out, stderr=StringIO(), **options)
    return out.getvalue().splitlines()


def findings(**options: Any) -> list[str]:
    """What the command tells, as `organization sequence kind`; it must fail."""
    out = StringIO()
    with pytest.raises(CommandError, match=r"not as it was written: findings \d+"):
        call_command("verify_audit", stdout=out, stderr=StringIO(), **options)
    return [line.partition(":")[0] for line in out.getvalue().splitlines()]


def edit(cursor: Any, organization_id: Any, number: int, /, **columns: Any) -> None:
    for name, value in columns.items():
        sql = f"UPDATE ledger_auditentry SET {name} = %s WHERE organization_id = %s AND sequence = %s"
        cursor.execute(sql, [value, organization_id, number])


def delete(cursor: Any, organization_id: Any, *sequences: int) -> None:
    for sequence in sequences:
        sql = "DELETE FROM ledger_auditentry WHERE organization_id = %s AND sequence = %s"
        cursor.execute(sql, [organization_id, sequence])


def set_head(cursor: Any, organization_id: Any, sequence: int) -> None:
    cursor.execute(
        "UPDATE ledger_auditchain SET last_sequence = %s, last_hash = ("
        "SELECT hash FROM ledger_auditentry e WHERE e.organization_id = ledger_auditchain.organization_id"
        " AND e.sequence = %s) WHERE organization_id = %s",
        [sequence, sequence, organization_id],
    )


def swap(cursor: Any, organization_id: Any, one: int, other: int) -> None:
    for old, new in ((one, 900), (other, one), (900, other)):
        edit(cursor, organization_id, old, sequence=new)


def reseal(cursor: Any, organization_id: Any, sequence: int, **columns: Any) -> None:
    """Edit an entry and give it the hash that fits."""
    edit(cursor, organization_id, sequence, **columns)
    entry = AuditEntry.objects.get(organization_id=UUID(str(organization_id)), sequence=sequence)
    edit(cursor, organization_id, sequence, hash=hash_of(entry))


TAMPERING: dict[str, tuple[Tamper, list[str]]] = {
    "edited text": (lambda c, o: edit(c, o, 3, action="thing.forged"), ["acme 3 edited"]),
    "edited json": (lambda c, o: edit(c, o, 3, after='{"number": 4}'), ["acme 3 edited"]),
    "edited address": (lambda c, o: edit(c, o, 3, address="192.0.2.9"), ["acme 3 edited"]),
    "edited hash": (lambda c, o: edit(c, o, 3, hash="0" * 64), ["acme 3 edited"]),
    "edited last": (lambda c, o: edit(c, o, 6, reason="forged"), ["acme 6 edited"]),
    "resealed": (lambda c, o: reseal(c, o, 3, action="thing.forged"), ["acme 4 unlinked"]),
    "resealed last": (lambda c, o: reseal(c, o, 6, action="thing.forged"), ["acme 6 head_differs"]),
    "deleted": (lambda c, o: delete(c, o, 3), ["acme 3 missing"]),
    "deleted first": (lambda c, o: delete(c, o, 1), ["acme 1 missing"]),
    "deleted several": (lambda c, o: delete(c, o, 2, 3, 5), ["acme 2 missing", "acme 5 missing"]),
    "swapped": (lambda c, o: swap(c, o, 2, 5), ["acme 2 moved", "acme 5 moved"]),
    "swapped neighbours": (lambda c, o: swap(c, o, 4, 5), ["acme 4 moved", "acme 5 moved"]),
    "renumbered": (
        lambda c, o: edit(c, o, 3, sequence=7),
        ["acme 3 missing", "acme 7 beyond_head"],
    ),
    "cut": (lambda c, o: delete(c, o, 5, 6), ["acme 4 cut"]),
    "cut to nothing": (lambda c, o: delete(c, o, *range(1, 7)), ["acme 0 cut"]),
    "head set back": (lambda c, o: set_head(c, o, 4), ["acme 5 beyond_head", "acme 6 beyond_head"]),
    "head removed": (lambda c, _: c.execute("DELETE FROM ledger_auditchain"), ["acme 0 headless"]),
    "gone without a trace": (
        lambda c, _: [c.execute(f"DELETE FROM ledger_{name}") for name in ("auditentry", "auditchain")],
        ["acme 0 absent"],
    ),
}


@pytest.mark.parametrize("name", TAMPERING)
def test_tampering_is_found(chain: list[AuditEntry], organization: Organization, name: str) -> None:
    tamper, expected = TAMPERING[name]
    assert run(organization="acme") == ["The audit trail is as it was written."]

    with tampering() as cursor:
        tamper(cursor, database_id(organization.pk))

    assert findings(organization="acme") == expected
    assert findings() == expected


def test_forged_entry_behind_the_end_is_found(chain: list[AuditEntry], organization: Organization) -> None:
    last = chain[-1]
    forged = AuditEntry(
        organization_id=organization.pk, sequence=7, action="thing.forged", actor_kind="user", previous_hash=last.hash
    )
    forged.hash = hash_of(forged)
    forged.save(force_insert=True)

    assert findings() == ["acme 7 beyond_head"]


def test_forged_entry_in_the_middle_is_found(chain: list[AuditEntry], organization: Organization) -> None:
    with tampering() as cursor:
        for sequence in (6, 5, 4):
            edit(cursor, database_id(organization.pk), sequence, sequence=sequence + 1)
    forged = AuditEntry(
        organization_id=organization.pk,
        sequence=4,
        action="thing.forged",
        actor_kind="user",
        previous_hash=chain[2].hash,
    )
    forged.hash = hash_of(forged)
    forged.save(force_insert=True)

    assert findings() == ["acme 5 moved", "acme 6 moved", "acme 7 beyond_head"]


def rewrite(organization_id: UUID) -> None:
    """Write the whole chain anew, head included, as somebody can who may write every table."""
    with tampering() as cursor:
        target = database_id(organization_id)
        previous = FIRST_HASH
        for entry in AuditEntry.objects.filter(organization_id=organization_id).order_by("sequence"):
            edit(cursor, target, entry.sequence, previous_hash=previous)
            reseal(cursor, target, entry.sequence, action="thing.forged")
            previous = AuditEntry.objects.get(pk=entry.pk).hash
        set_head(cursor, target, entry.sequence)


def test_chain_written_anew_is_found_with_a_hash_kept_elsewhere(
    chain: list[AuditEntry], organization: Organization
) -> None:
    [line] = run(organization="acme", head=True)
    assert line == f"acme 6:{chain[-1].hash}"
    kept = line.split()[1]
    write_entries(organization.pk, 2)
    assert run(organization="acme", expect=kept) == ["The audit trail is as it was written."]

    rewrite(organization.pk)

    assert run(organization="acme") == ["The audit trail is as it was written."]
    assert findings(organization="acme", expect=kept) == ["acme 6 unexpected"]


def test_cut_that_sets_the_head_back_is_found_with_a_hash_kept_elsewhere(
    chain: list[AuditEntry], organization: Organization
) -> None:
    kept = run(organization="acme", head=True)[0].split()[1]
    with tampering() as cursor:
        set_head(cursor, database_id(organization.pk), 4)
        delete(cursor, database_id(organization.pk), 5, 6)

    assert findings(organization="acme", expect=kept) == ["acme 6 unexpected"]


@pytest.mark.parametrize(
    "options",
    [{"expect": f"1:{FIRST_HASH}"}, {"expect": "1:x", "organization": "acme"}, {"organization": "nobody"}],
)
def test_options_that_make_no_sense_are_refused(chain: list[AuditEntry], options: dict[str, str]) -> None:
    with pytest.raises(CommandError, match=r"--expect|no organization"):
        run(**options)


def test_head_of_a_chain_that_did_not_begin_can_be_expected(organization: Organization) -> None:
    with tampering() as cursor:
        for table in ("ledger_auditentry", "ledger_auditchain"):
            cursor.execute(f"DELETE FROM {table}")

    assert run(organization="(platform)", head=True) == [f"(platform) 0:{FIRST_HASH}"]
    assert run(organization="(platform)", expect=f"0:{FIRST_HASH}") == ["The audit trail is as it was written."]


def test_organization_older_than_the_audit_trail_needs_no_chain(db: None) -> None:
    long_ago = timezone.now().replace(year=2020)
    old = Organization.objects.create(slug="old", name="Old", created_at=long_ago)

    assert run(organization=str(old.pk)) == ["The audit trail is as it was written."]


def test_chain_erased_while_its_organization_lives_is_found(
    chain: list[AuditEntry], organization: Organization
) -> None:
    erase_chain(organization_id=organization.pk)

    assert AuditEntry.objects.filter(organization_id=organization.pk).count() == 0
    assert findings() == ["acme 0 erased_alive"]


def test_erasure_that_nobody_told_of_is_found(db: None) -> None:
    gone = uuid7()
    write_entries(gone, 3)
    erase_chain(organization_id=gone)

    assert f"{gone} 0 erased_unexplained" in findings(organization=str(gone))


def test_erasure_that_stopped_half_way_is_found(chain: list[AuditEntry], organization: Organization) -> None:
    ChainErasure.objects.create(organization_id=organization.pk, entries=6, last_hash=chain[-1].hash)
    AuditChain.objects.filter(organization_id=organization.pk).delete()

    assert findings() == ["acme 0 not_erased", "acme 0 erased_alive"]


def test_chain_of_the_platform_is_verified_too(chain: list[AuditEntry]) -> None:
    write_entries(PLATFORM, 3)
    with tampering() as cursor:
        edit(cursor, database_id(PLATFORM), 2, action="thing.forged")

    assert findings() == ["(platform) 2 edited"]
    assert run(organization="acme") == ["The audit trail is as it was written."]


def test_long_chain_is_walked_in_batches_and_tells_how_far_it_is(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.verifying.BATCH", 4)
    write_entries(organization.pk, 11)
    last = AuditChain.objects.get(organization_id=organization.pk).last_sequence
    told: list[tuple[int, int]] = []

    found = list(verify_chain(organization.pk, progress=lambda done, total: told.append((done, total))))

    assert found == []
    assert told == [(number, last) for number in range(4, last + 1, 4)]


def test_more_suspects_than_are_held_at_once_are_all_told(
    chain: list[AuditEntry], organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.verifying.MAX_SUSPECTS", 2)
    with tampering() as cursor:
        cursor.execute("UPDATE ledger_auditentry SET action = 'thing.forged'")

    assert findings() == [f"acme {number} edited" for number in range(1, 7)]
