"""When a key was last used: at most one write a minute, and never in the way of the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.key_checks import actor_of_key
from accounts.key_lookup import find_key
from accounts.models import ApiKey, Organization
from accounts.services import create_api_key
from accounts.services.key_use import note_use
from ledger.services.refusals import Recently

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def used(text: str, moment: datetime) -> datetime | None:
    """Show the key at the moment; return what is stamped after it."""
    assert actor_of_key(text, now=moment) is not None
    return ApiKey.objects.get().last_used_at


def test_the_use_of_a_key_is_stamped_once_a_minute(organization: Organization) -> None:
    text = create_api_key(organization=organization, name="k")[1]
    moments = [NOON + timedelta(seconds=seconds) for seconds in (0, 1, 59, 61, 120, 122)]

    stamps = [used(text, moment) for moment in moments]

    assert stamps == [NOON, NOON, NOON, moments[3], moments[3], moments[5]]


def test_of_several_processes_one_stamps(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    _key, text = create_api_key(organization=organization, name="k")
    found = find_key(text.split("_")[1])
    assert found is not None

    for seconds in (0, 5):
        monkeypatch.setattr("accounts.services.key_use._recently", Recently())
        note_use(found, signed_text="", now=NOON + timedelta(seconds=seconds))

    assert ApiKey.objects.get().last_used_at == NOON


def test_requests_at_once_in_one_process_try_once(organization: Organization) -> None:
    _key, text = create_api_key(organization=organization, name="k")
    found = find_key(text.split("_")[1])
    assert found is not None

    with CaptureQueriesContext(connection) as captured:
        for _ in range(3):
            note_use(found, signed_text="", now=NOON)

    assert len(captured) == 1


def test_stamping_counts_no_version_up(organization: Organization) -> None:
    text = create_api_key(organization=organization, name="k")[1]

    used(text, NOON)

    assert ApiKey.objects.get().version == 1


@pytest.mark.django_db(transaction=True)
def test_a_stamp_that_cannot_be_written_fails_nothing(
    organization: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    text = create_api_key(organization=organization, name="k")[1]

    with read_only_database():
        actor = actor_of_key(text, now=NOON)

    assert actor is not None
    assert [record.message for record in caplog.records] == [f"The use of key {actor.label} could not be stamped."]
    assert ApiKey.objects.get().last_used_at is None


@contextmanager
def read_only_database() -> Iterator[None]:
    """As when a disk is full, or the server that answers is a replica."""
    switch = {"sqlite": "PRAGMA query_only = %s", "postgresql": "SET default_transaction_read_only = %s"}
    with connection.cursor() as cursor:
        cursor.execute(switch[connection.vendor] % "on")
        try:
            yield
        finally:
            cursor.execute(switch[connection.vendor] % "off")


def test_a_stamp_waits_for_no_other_writer(fresh_connection: Any) -> None:
    from core.sqlite.patience import impatient

    if fresh_connection.vendor != "sqlite":
        pytest.skip("PostgreSQL locks rows, not the database.")
    with fresh_connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with impatient(milliseconds=200, using="fresh"):
            cursor.execute("PRAGMA busy_timeout")
            inside = cursor.fetchone()[0]
        cursor.execute("PRAGMA busy_timeout")

        assert (inside, cursor.fetchone()[0]) == (200, 30_000)
