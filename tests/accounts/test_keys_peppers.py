"""Rotating the pepper: keys move to the new one as they are used, and the old one can be taken out."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.key_lookup import find_key
from accounts.keys import peppers
from accounts.models import ApiKey, Organization
from accounts.services import create_api_key, revoke_api_key
from accounts.services.key_use import note_use
from tests.accounts.keyring import imported, refused, show, statements, told
from tests.accounts.trail import last_number, trail_of

OLD, NEW = ("an old pepper that is long enough to be one", "a new pepper that is long enough to be one")


@pytest.fixture
def keys(organization: Organization, settings: Any) -> list[str]:
    """Two keys that were made under the old pepper, while the new one stands in front by now."""
    settings.API_KEY_PEPPERS = [OLD]
    texts = [create_api_key(organization=organization, name=name)[1] for name in ("used", "unused")]
    settings.API_KEY_PEPPERS = [NEW, OLD]
    return texts


def pepper_ids() -> dict[str, str]:
    return dict(ApiKey.objects.values_list("name", "pepper_id"))


def report() -> str:
    written = StringIO()
    call_command("check_peppers", stdout=written)
    return written.getvalue()


def names() -> list[str]:
    return list(peppers().by_id)


def test_a_key_of_a_former_pepper_is_signed_anew_by_one_write(keys: list[str]) -> None:
    new, old = names()

    first, again = (statements(keys[0]) for _ in range(2))

    assert [[sql.split()[0] for sql in found] for found in (first, again)] == [["SELECT", "UPDATE"], ["SELECT"]]
    assert pepper_ids() == {"used": new, "unused": old}
    assert ApiKey.objects.get(name="used").last_used_at is not None


def test_signing_anew_changes_no_secret_and_tells_nobody(keys: list[str], organization: Organization) -> None:
    since = last_number(organization.pk)

    statuses = [show(keys[0]).status_code for _ in range(2)]

    assert statuses == [200, 200]
    assert ApiKey.objects.get(name="used").version == 1
    assert trail_of(organization.pk, since=since) == []


def test_a_key_that_was_stamped_just_now_is_signed_anew_too(keys: list[str], settings: Any) -> None:
    settings.API_KEY_PEPPERS = [OLD]
    show(keys[0])
    settings.API_KEY_PEPPERS = [NEW, OLD]

    show(keys[0])

    assert pepper_ids()["used"] == names()[0]


def test_of_two_uses_at_once_one_signs_anew(keys: list[str], settings: Any) -> None:
    prefix, secret = keys[0].split("_", 2)[1:]
    found = find_key(prefix)
    assert found is not None
    show(keys[0])
    signed = ApiKey.objects.get(name="used")

    note_use(found, signed_text=secret, now=timezone.now())

    assert ApiKey.objects.get(name="used").digest == signed.digest
    assert show(keys[0]).status_code == 200


def test_a_wrong_secret_signs_nothing(keys: list[str]) -> None:
    before = ApiKey.objects.values().get(name="used")

    show(keys[0][:-4] + "AAAA")

    assert ApiKey.objects.values().get(name="used") == before


def test_a_server_that_only_knows_the_new_pepper_behind_the_old_one_reads_both(keys: list[str], settings: Any) -> None:
    show(keys[0])
    settings.API_KEY_PEPPERS = [OLD, NEW]

    assert [show(text).status_code for text in keys] == [200, 200]


def test_without_the_old_pepper_only_keys_that_moved_work(keys: list[str], settings: Any) -> None:
    show(keys[0])
    settings.API_KEY_PEPPERS = [NEW]

    assert show(keys[0]).status_code == 200
    assert told(show(keys[1])) == refused()


def test_an_imported_key_moves_too(organization: Organization, settings: Any) -> None:
    text = "af_live_7Hq2pLxZ9vKd4sW8"
    settings.API_KEY_PEPPERS = [OLD]
    imported(organization, text)
    show(text)
    settings.API_KEY_PEPPERS = [NEW, OLD]
    show(text)
    settings.API_KEY_PEPPERS = [NEW]

    assert show(text).status_code == 200


def test_the_report_counts_the_keys_of_each_pepper(keys: list[str], organization: Organization) -> None:
    new, old = names()
    imported(organization, "af_live_7Hq2pLxZ9vKd4sW8")

    lines = report().splitlines()

    assert lines == [
        f"{new}       0 keys  signs new keys",
        f"{old}       2 keys  accepted",
        "bcrypt                 1 keys  imported, signed at their first use",
    ]


def test_the_report_says_when_a_pepper_may_go(keys: list[str]) -> None:
    new, old = names()
    show(keys[0])
    revoke_api_key(key=ApiKey.objects.get(name="unused"))
    used = ApiKey.objects.get(name="used").last_used_at

    lines = report().splitlines()

    assert lines == [
        f"{new}       1 keys  signs new keys, last used {used:%Y-%m-%d %H:%M} UTC",
        f"{old}       0 keys  may be taken out",
    ]


def test_the_report_fails_when_keys_need_a_pepper_that_is_gone(keys: list[str], settings: Any) -> None:
    new, old = names()
    settings.API_KEY_PEPPERS = [NEW]
    written = StringIO()

    with pytest.raises(CommandError, match="Put the missing pepper back"):
        call_command("check_peppers", stdout=written)

    assert written.getvalue().splitlines() == [
        f"{new}       0 keys  signs new keys",
        f"{old}       2 keys  not in API_KEY_PEPPERS: these keys are refused",
    ]


def test_the_report_shows_no_pepper(keys: list[str]) -> None:
    written = report()

    assert [text for text in (OLD, NEW) if text in written] == []
