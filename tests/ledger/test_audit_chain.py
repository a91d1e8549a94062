"""An entry's hash is the same when it is written and when it is read back, on both databases."""

from __future__ import annotations

from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import JSONField, Value
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.actors import KeyActor, SystemActor
from accounts.models import Organization
from core.logs import client_address, request_id
from ledger.models import AuditChain, AuditEntry
from ledger.services import NO_SUBJECT, Subject, change_of, record, subject_of
from ledger.services.chains import FIRST_HASH, hash_of
from ledger.services.verifying import verify_chain
from tests.ledger.chains import write_entries

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ORGANIZATION = UUID("00000000-0000-4000-8000-000000000001")

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=10**30, max_value=10**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e16, 1e22, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 2.0**53 + 2]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
MOMENTS = st.integers(min_value=0, max_value=10**16).map(lambda number: EPOCH + timedelta(microseconds=number))


class ReadBackTest(TestCase):
    """A class, because Hypothesis gives each example its own transaction only in this way."""

    @settings(max_examples=150, deadline=None)
    @given(before=st.none() | st.dictionaries(TEXTS, VALUES), after=VALUES, label=TEXTS, reason=TEXTS, now=MOMENTS)
    def test_hash_is_the_same_after_reading_back(
        self, before: dict[str, Any] | None, after: Any, label: str, reason: str, now: datetime
    ) -> None:
        written = record(
            actor=SystemActor(ORGANIZATION, label),
            action="thing.changed",
            subject=Subject("thing", ORGANIZATION, label),
            before=before,
            after={"value": after},
            reason=reason,
            now=now,
        )

        read = AuditEntry.objects.get()

        assert (hash_of(read), read.hash) == (written.hash, written.hash)
        assert list(verify_chain(ORGANIZATION)) == []


def write_everything(organization: Organization) -> None:
    """An entry that has a value in every column, as a request would write it."""
    context = copy_context()
    context.run(request_id.set, "r-1")
    context.run(client_address.set, "192.0.2.7")
    context.run(
        record,
        actor=KeyActor(organization.pk, ORGANIZATION, "parley_abc…", user_id=organization.pk),
        action="thing.changed",
        subject=subject_of(organization),
        before={"a": {MOMENT}, "b": Value(None, JSONField())},
        after={"a": (ORGANIZATION,), "b": frozenset({"y", "x"})},
        reason="asked for",
        now=MOMENT,
    )


def test_entry_says_all_that_is_known(organization: Organization) -> None:
    write_everything(organization)

    entry: dict[str, Any] = dict(AuditEntry.objects.values().get(organization_id=organization.pk))
    digest = entry.pop("hash")
    assert (len(digest), entry.pop("id").version) == (64, 7)
    assert entry == {
        "organization_id": organization.pk,
        "sequence": 1,
        "action": "thing.changed",
        "actor_kind": "key",
        "actor_id": ORGANIZATION,
        "actor_label": "parley_abc…",
        "subject_type": "organization",
        "subject_id": organization.pk,
        "subject_label": str(organization),
        "before": {"a": ["2026-01-02T03:04:05.000006Z"], "b": None},
        "after": {"a": [str(ORGANIZATION)], "b": ["x", "y"]},
        "reason": "asked for",
        "request_id": "r-1",
        "address": "192.0.2.7",
        "created_at": MOMENT,
        "previous_hash": FIRST_HASH,
    }
    assert AuditChain.objects.values().get(pk=organization.pk) == {
        "organization_id": organization.pk,
        "last_sequence": 1,
        "last_hash": digest,
    }


def test_chains_of_two_organizations_are_independent(
    organization: Organization, other_organization: Organization
) -> None:
    ours = write_entries(organization.pk, 2)
    theirs = write_entries(other_organization.pk, 1)

    assert [each.sequence for each in (*ours, *theirs)] == [1, 2, 1]
    assert [each.previous_hash for each in (*ours, *theirs)] == [FIRST_HASH, ours[0].hash, FIRST_HASH]


def test_text_that_cannot_be_stored_is_replaced(organization: Organization) -> None:
    actor = SystemActor(organization.pk, "a\x00b\ud800c" + "x" * 300)

    entry = record(actor=actor, action="thing.changed", subject=NO_SUBJECT, after={"\x00": ["\ud800"]}, reason="\x00")

    read = AuditEntry.objects.get(pk=entry.pk)
    assert read.after == {"\ufffd": ["?"]}
    assert (read.actor_label, read.reason) == ("a\ufffdb?c" + "x" * 250, "\ufffd")
    assert hash_of(read) == entry.hash


def test_change_holds_what_differs_only(organization: Organization) -> None:
    found = change_of(organization, {"slug": organization.slug, "name": "New"})

    assert found == ({"name": "Acme"}, {"name": "New"})
