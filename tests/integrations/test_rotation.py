"""`rotate_secrets`: every secret under the first key, nothing lost, and a word on which key may go."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import Organization
from agents_app import rotation
from agents_app.integrations import trash_integration, update_integration
from agents_app.models import IntegrationConfig
from core.secrets import SecretText, key_id, known_key_ids
from ledger.models import AuditEntry
from tests.integrations.conftest import CANARY, FIRST_KEY, SECOND_KEY, THIRD_KEY, Make


@pytest.fixture(autouse=True)
def own_key(settings: Settings) -> None:
    settings.SECRETS_KEYS = [FIRST_KEY]


def rotate(*arguments: str) -> list[str]:
    written = io.StringIO()
    call_command("rotate_secrets", *arguments, stdout=written, stderr=io.StringIO())
    return written.getvalue().splitlines()


def stored() -> list[dict[str, Any]]:
    return [dict(row) for row in IntegrationConfig.objects.order_by("pk").values()]


def texts() -> dict[str, dict[str, str]]:
    return {row.slug: dict(row.open_secrets()) for row in IntegrationConfig.objects.all()}


def test_rotation_moves_every_secret_under_the_first_key(make: Make, settings: Settings) -> None:
    for slug in ("a", "b"):
        make(slug=slug, secrets={"api_key": f"{CANARY}-{slug}"})
    make(slug="bare", secrets={"gone": "x"})
    IntegrationConfig.objects.filter(slug="bare").update(secrets="", secrets_key_id="", secret_names=[])
    before = stored()
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]

    lines = rotate()

    first, second = key_id(FIRST_KEY), key_id(SECOND_KEY)
    assert lines == [
        f"2 moved from key {first}",
        f"key {second}: 2 (the first: it encrypts)",
        f"key {first}: 0 (not needed any more: SECRETS_KEYS may do without it)",
        "0 integrations are left under other keys than the first.",
    ]
    settings.SECRETS_KEYS = [SECOND_KEY]
    assert texts() == {"a": {"api_key": f"{CANARY}-a"}, "b": {"api_key": f"{CANARY}-b"}, "bare": {}}
    changed = {name for old, new in zip(before, stored(), strict=True) for name in old if old[name] != new[name]}
    assert changed == {"secrets", "secrets_key_id"}


def test_rotation_reaches_the_trash(make: Make, actor: Any, settings: Settings) -> None:
    trash_integration(actor=actor, integration_id=make().pk)
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]

    rotate()

    assert [row["secrets_key_id"] for row in stored()] == [key_id(SECOND_KEY)]


def test_rotation_is_told_in_the_audit_trail_without_secrets(
    make: Make, organization: Organization, settings: Settings
) -> None:
    make()
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]

    rotate()

    entry = AuditEntry.objects.get(action="secrets.rotated")
    assert (entry.organization_id, entry.subject_type, entry.subject_id) == (
        organization.pk,
        "organization",
        organization.pk,
    )
    assert entry.after == {"key": key_id(SECOND_KEY), "integrations": 1, "from_keys": [key_id(FIRST_KEY)]}


def test_a_dry_run_counts_and_changes_nothing(make: Make, settings: Settings) -> None:
    make(slug="a")
    make(slug="b")
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]
    before = stored()

    lines = rotate("--dry-run")

    assert lines == [
        f"key {key_id(SECOND_KEY)}: 0 (the first: it encrypts)",
        f"key {key_id(FIRST_KEY)}: 2 (to be moved)",
        "2 integrations are left under other keys than the first.",
    ]
    assert stored() == before


def test_a_second_run_does_nothing(make: Make, settings: Settings) -> None:
    make()
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]
    rotate()
    before = stored()

    lines = rotate()

    assert lines[0] == f"key {key_id(SECOND_KEY)}: 1 (the first: it encrypts)"
    assert stored() == before


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_key_that_is_not_there_is_named_and_its_rows_stay(
    make: Make, settings: Settings, arguments: list[str]
) -> None:
    make(slug="lost")
    settings.SECRETS_KEYS = [SECOND_KEY]
    make(slug="kept")
    settings.SECRETS_KEYS = [THIRD_KEY, SECOND_KEY]
    lost = IntegrationConfig.objects.values().get(slug="lost")

    with pytest.raises(CommandError) as refused:
        rotate(*arguments)

    assert str(refused.value) == "1 integrations need a key that SECRETS_KEYS does not hold."
    assert IntegrationConfig.objects.values().get(slug="lost") == lost
    settings.SECRETS_KEYS = [FIRST_KEY, SECOND_KEY, THIRD_KEY]
    assert texts() == {"lost": {"api_key": CANARY}, "kept": {"api_key": CANARY}}


def test_a_damaged_ciphertext_ends_with_an_error_and_stays(make: Make, settings: Settings) -> None:
    damaged = make(slug="damaged")
    make(slug="whole")
    IntegrationConfig.objects.filter(pk=damaged.pk).update(secrets="gAAAAdamaged")
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]

    with pytest.raises(CommandError) as refused:
        rotate()

    assert str(refused.value) == "1 integrations could not be read; they are as they were."
    found = dict(IntegrationConfig.objects.values_list("slug", "secrets_key_id"))
    assert found == {"damaged": key_id(FIRST_KEY), "whole": key_id(SECOND_KEY)}
    assert IntegrationConfig.objects.get(pk=damaged.pk).secrets == "gAAAAdamaged"


def test_what_was_done_before_an_interruption_stays_done(
    make: Make, organization: Organization, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(5):
        make(slug=f"i{index}")
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]
    monkeypatch.setattr(rotation, "BATCH", 2)

    first = next(rotation.rotate_secrets(organization_id=organization.pk))
    rest = [done.moved.total() for done in rotation.rotate_secrets(organization_id=organization.pk)]

    assert first.moved == {key_id(FIRST_KEY): 2}
    assert rest == [2, 1]
    assert {row["secrets_key_id"] for row in stored()} == {key_id(SECOND_KEY)}


def test_a_batch_locks_its_rows(make: Make, organization: Organization, settings: Settings) -> None:
    make()
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]

    with CaptureQueriesContext(connection) as captured:
        list(rotation.rotate_secrets(organization_id=organization.pk))

    locks = [query["sql"] for query in captured if "FOR UPDATE" in query["sql"] and "integrationconfig" in query["sql"]]
    assert len(locks) == (1 if connection.vendor == "postgresql" else 0)


def test_a_change_made_between_two_looks_is_not_undone(
    make: Make, actor: Any, organization: Organization, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, other = make(slug="a"), make(slug="b")
    settings.SECRETS_KEYS = [SECOND_KEY, FIRST_KEY]
    monkeypatch.setattr(rotation, "BATCH", 1)
    steps = rotation.rotate_secrets(organization_id=organization.pk)
    next(steps)

    for pk in (row.pk, other.pk):
        update_integration(actor=actor, integration_id=pk, changes={}, secrets={"api_key": SecretText("newer")})
    list(steps)

    assert texts() == {"a": {"api_key": "newer"}, "b": {"api_key": "newer"}}
    assert {each["secrets_key_id"] for each in stored()} == {known_key_ids()[0]}
