"""Nothing that was written down is changed or removed: not through the ORM, not in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import Organization
from ledger.models import AuditChain, AuditEntry, ChainErasure
from ledger.querysets import AppendOnlyError
from tests.ledger.chains import database_id, write_entries


@pytest.fixture
def entry(organization: Organization) -> AuditEntry:
    return write_entries(organization.pk, 2)[0]


def stored() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (AuditEntry, AuditChain, ChainErasure)]


def renamed(entry: AuditEntry) -> AuditEntry:
    entry.action = "thing.forged"
    return entry


@pytest.mark.parametrize(
    "attempt",
    [
        lambda _: AuditEntry.objects.update(action="thing.forged"),
        lambda entry: AuditEntry.objects.filter(pk=entry.pk).delete(),
        lambda entry: AuditEntry.objects.bulk_update([renamed(entry)], ["action"]),
        lambda entry: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"action": "thing.forged"}),
        lambda _: AuditEntry.objects.all().update_returning({"action": "thing.forged"}, "sequence"),
        lambda entry: renamed(entry).save(),
        lambda entry: renamed(entry).save(update_fields=["action"]),
    ],
)
def test_orm_refuses_to_change_entries(entry: AuditEntry, attempt: Callable[[AuditEntry], Any]) -> None:
    before = stored()

    with pytest.raises(AppendOnlyError, match="append-only"), transaction.atomic():
        attempt(entry)

    assert stored() == before


def test_database_refuses_to_delete_an_entry_by_its_instance(entry: AuditEntry) -> None:
    before = stored()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        entry.delete()

    assert stored() == before


STATEMENTS = [
    "UPDATE ledger_auditentry SET action = 'thing.forged' WHERE id = %s",
    "UPDATE ledger_auditentry SET created_at = created_at WHERE id = %s",
    "DELETE FROM ledger_auditentry WHERE id = %s",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_database_refuses_to_change_an_entry(entry: AuditEntry, sql: str) -> None:
    before = stored()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [database_id(entry.pk)])

    assert stored() == before


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger_auditchain SET last_sequence = 1",
        "UPDATE ledger_auditchain SET last_sequence = 4",
        "UPDATE ledger_auditchain SET last_hash = 'x'",
        "DELETE FROM ledger_auditchain",
    ],
)
def test_database_refuses_to_move_a_head_otherwise_than_forward(entry: AuditEntry, sql: str) -> None:
    before = stored()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert stored() == before


@pytest.mark.parametrize(
    "sql", ["UPDATE ledger_chainerasure SET entries = 0", "DELETE FROM ledger_chainerasure WHERE entries = 9"]
)
def test_database_refuses_to_change_the_trace_of_an_erasure(organization: Organization, sql: str) -> None:
    ChainErasure.objects.create(organization_id=organization.pk, entries=9, last_hash="f" * 64)
    before = stored()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    with pytest.raises(AppendOnlyError):
        ChainErasure.objects.all().delete()

    assert stored() == before


def test_database_refuses_to_erase_the_chain_of_the_platform(db: None) -> None:
    with pytest.raises(IntegrityError, match="chain_erasure_not_platform"), transaction.atomic():
        ChainErasure.objects.create(organization_id="00000000-0000-0000-0000-000000000000", entries=0, last_hash="")

    assert ChainErasure.objects.count() == 0


@pytest.mark.parametrize("table", ["ledger_auditentry", "ledger_auditchain", "ledger_chainerasure"])
def test_postgresql_refuses_to_truncate(entry: AuditEntry, table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE.")
    before = stored()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")

    assert stored() == before


@pytest.mark.parametrize("column", ["id", "sequence"])
def test_sqlite_refuses_to_replace_an_entry(entry: AuditEntry, column: str) -> None:
    """SQLite removes the row in the way of `INSERT OR REPLACE` without asking the trigger on deletions."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no INSERT OR REPLACE.")
    before = stored()
    columns = [str(field.column) for field in AuditEntry._meta.concrete_fields]
    values = {name: name for name in columns} | {"action": "'thing.forged'"}
    if column == "sequence":
        values["id"] = "'0'"
    copied = ", ".join(values[name] for name in columns)
    sql = f"INSERT OR REPLACE INTO ledger_auditentry ({', '.join(columns)}) SELECT {copied} FROM ledger_auditentry"

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert stored() == before


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_trail_and_raises_its_guards_again(organization: Organization) -> None:
    write_entries(organization.pk, 1)

    call_command("flush", interactive=False, verbosity=0)

    assert stored() == [[], [], []]
    [entry] = write_entries(organization.pk, 1)
    for sql in STATEMENTS:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [database_id(entry.pk)])
    assert AuditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_flush_that_is_not_confirmed_deletes_nothing(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_entries(organization.pk, 1)
    monkeypatch.setattr("builtins.input", lambda _: "no")

    call_command("flush", interactive=True, verbosity=0)

    assert AuditEntry.objects.count() == 1
