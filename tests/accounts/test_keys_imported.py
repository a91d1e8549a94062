"""Keys of another system: they work as they are, and cost bcrypt once."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest
from django.utils import timezone

from accounts.key_checks import SLOW_CHECKS_PER_ADDRESS, actor_of_key
from accounts.key_lookup import MAX_CANDIDATES, find_imported_keys
from accounts.keys import foreign_prefixes, is_hashed
from accounts.models import ApiKey, Organization
from accounts.services.key_use import note_use
from tests.accounts.keyring import bcrypt_hash, imported, refused, show, statements, told
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import problem_of

TEXT = "af_live_7Hq2pLxZ9vKd4sW8"


def test_an_imported_key_works_and_is_upgraded_at_its_first_use(organization: Organization) -> None:
    key = imported(organization, TEXT)
    since = last_number(organization.pk)

    status = show(TEXT).status_code

    stored = ApiKey.objects.get()
    assert (status, stored.scheme, stored.is_imported, stored.prefix) == (200, "hmac", True, "af_live_")
    assert (len(stored.digest), len(stored.pepper_id), stored.version) == (64, 16, key.version)
    assert stored.last_used_at is not None
    assert trail_of(organization.pk, since=since) == [
        {
            "action": "key.upgraded",
            "actor": "key af_live_…",
            "subject": "api_key af_live_…",
            "before": {"scheme": "bcrypt"},
            "after": {"scheme": "hmac"},
        }
    ]


def test_an_upgraded_key_costs_one_query_and_no_write(organization: Organization) -> None:
    imported(organization, TEXT)
    show(TEXT)

    again = statements(TEXT)

    assert [sql.split()[0] for sql in again] == ["SELECT"]


def test_an_upgraded_key_is_checked_without_bcrypt(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(organization, TEXT)
    show(TEXT)
    monkeypatch.delattr(bcrypt, "checkpw")

    assert show(TEXT).status_code == 200


@pytest.mark.parametrize("variant", [b"2a", b"2b", b"2y"])
@pytest.mark.parametrize("length", [16, 71, 72, 73, 200])
def test_hashes_of_every_origin_are_understood(organization: Organization, variant: bytes, length: int) -> None:
    text = ("sk-0123456789abcdef" * 20)[:length]
    imported(organization, text, digest=bcrypt_hash(text, variant=variant))

    statuses = [show(text).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert told(show("x" + text[1:])) == refused()


def test_after_the_upgrade_all_of_a_long_key_counts(organization: Organization) -> None:
    text = "sk-0123456789abcdef" * 5
    imported(organization, text)
    show(text)

    assert told(show(text[:-1] + "x")) == refused()


@pytest.mark.parametrize("wrong", [TEXT[:-1] + "9", TEXT + "9", TEXT[:-1], "AF" + TEXT[2:], TEXT[:8], TEXT[:6]])
def test_a_wrong_text_is_refused_before_and_after_the_upgrade(organization: Organization, wrong: str) -> None:
    imported(organization, TEXT)

    before = told(show(wrong))
    upgraded = show(TEXT).status_code
    after = told(show(wrong))

    assert (before, upgraded, after) == (refused(), 200, refused())


@pytest.mark.parametrize("length", [6, 7, 15, 16])
def test_a_prefix_has_six_to_sixteen_characters(organization: Organization, length: int) -> None:
    imported(organization, TEXT, prefix_length=length)

    assert show(TEXT).status_code == 200


def test_keys_with_one_prefix_are_told_apart(organization: Organization, other_organization: Organization) -> None:
    texts = [f"af_live_{number}-abcdefghijkl" for number in range(3)]
    homes = [organization, other_organization, organization]
    for text, home in zip(texts, homes, strict=True):
        imported(home, text, name=text)

    actors = [actor_of_key(text, now=timezone.now()) for text in texts]

    assert [actor and actor.organization_id for actor in actors] == [home.pk for home in homes]


def test_few_keys_are_tried_for_one_text(organization: Organization) -> None:
    for length in range(6, 16):
        imported(organization, TEXT, prefix_length=length)

    found = find_imported_keys(foreign_prefixes(TEXT))

    assert [len(key.prefix) for key in found] == list(range(15, 15 - MAX_CANDIDATES, -1))


def test_a_revoked_key_takes_the_place_of_none_that_works(organization: Organization) -> None:
    for length in range(7, 16):
        imported(organization, "another-text-of-it", prefix=TEXT[:length], revoked_at=timezone.now())
    imported(organization, TEXT, prefix_length=6)

    assert show(TEXT).status_code == 200


@pytest.mark.parametrize("fields", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}])
def test_a_dead_imported_key_is_refused_and_not_upgraded(organization: Organization, fields: dict[str, Any]) -> None:
    imported(organization, TEXT, **fields)
    since = last_number(organization.pk)

    answer = told(show(TEXT))

    assert answer == refused()
    assert ApiKey.objects.get().scheme == "bcrypt"
    assert [entry["action"] for entry in trail_of(organization.pk, since=since)] == ["key.refused"]


def test_of_two_first_uses_at_once_one_upgrades(organization: Organization) -> None:
    imported(organization, TEXT)
    since = last_number(organization.pk)
    found = [find_imported_keys(foreign_prefixes(TEXT))[0] for _ in range(2)]

    for key in found:
        note_use(key, signed_text=TEXT, now=timezone.now())

    assert [entry["action"] for entry in trail_of(organization.pk, since=since)] == ["key.upgraded"]
    assert show(TEXT).status_code == 200


def test_slow_checks_are_few_for_an_address(organization: Organization) -> None:
    imported(organization, TEXT)
    wrong = f"{TEXT[:8]}wrong-text"
    at_once = SLOW_CHECKS_PER_ADDRESS // 4

    answers = [show(wrong, address="192.0.2.1").status_code for _ in range(at_once)]
    throttled = show(wrong, address="192.0.2.1")

    assert answers == [401] * at_once
    assert (throttled.status_code, problem_of(throttled)["code"]) == (429, "throttled")
    assert 0 < int(throttled["Retry-After"]) <= 60
    assert show(TEXT, address="192.0.2.2").status_code == 200
    assert show(TEXT, address="192.0.2.1").status_code == 200, "an upgraded key needs no slow check"


def test_bcrypt_sees_what_it_can(organization: Organization) -> None:
    text = "k" * 100

    assert is_hashed(text, digest=bcrypt_hash(text))
    assert not is_hashed("k" * 71, digest=bcrypt_hash(text))
