"""Keys at the command line: made, revoked, taken over from another system."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.key_lookup import MAX_CANDIDATES
from accounts.models import ApiKey, Organization, User
from accounts.services import create_api_key
from accounts.services.key_imports import ForeignKey, UnusableKey, import_key
from tests.accounts.keyring import bcrypt_hash, refused, show, told
from tests.accounts.trail import last_number, trail_of

TEXTS = ["af_live_7Hq2pLxZ9vKd4sW8", "af_test_0nB1mC2xV3zL4kJ5"]


def run(command: str, *arguments: str) -> str:
    """Run a command and return what it printed."""
    written = StringIO()
    call_command(command, *arguments, stdout=written, stderr=StringIO())
    return written.getvalue()


def create(*arguments: str) -> str:
    return run("create_api_key", "--organization", "acme", "--name", "k", *arguments).strip()


def test_a_key_is_printed_alone_and_works(organization: Organization) -> None:
    text = create()

    assert text.count("\n") == 0
    assert show(text).status_code == 200


def test_a_key_is_made_with_every_bound(organization: Organization, alice: User) -> None:
    networks = "127.0.0.1, 2001:DB8::/32"
    before = timezone.now()

    create(
        *("--permissions", "thread.read,agent.read", "--read-only", "--networks", networks),
        *("--expires-in-days", "30", "--user", "alice"),
    )

    key = ApiKey.objects.get()
    assert (key.permissions, key.is_read_only) == (["agent.read", "thread.read"], True)
    assert (key.allowed_networks, key.user) == (["127.0.0.1/32", "2001:db8::/32"], alice)
    assert key.expires_at is not None
    assert before <= key.expires_at - timedelta(days=30) <= timezone.now()


def test_a_key_of_the_command_line_is_audited(organization: Organization) -> None:
    since = last_number(organization.pk)

    create()

    assert [(each["action"], each["actor"]) for each in trail_of(organization.pk, since=since)] == [
        ("key.created", "system manage.py")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--permissions", "thread.fly"], "No key can hold thread.fly."),
        (["--permissions", "organization.create"], "No key can hold organization.create."),
        (["--networks", "10.0.0.1/8"], "10.0.0.1/8 has host bits set"),
        (["--user", "nobody"], "There is no user 'nobody'."),
        (["--user", "charlie"], "A key of one's own needs a membership of the organization."),
        (["--expires-in-days", "0"], "--expires-in-days takes a number from 1 to 36500."),
    ],
)
def test_what_no_key_can_be_is_told(
    organization: Organization, charlie: User, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError) as told_off:
        create(*arguments)

    assert str(told_off.value) == message
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("form", ["{prefix}", "parley_{prefix}", "parley_{prefix}_…", "{text}"])
def test_a_key_is_revoked_by_its_prefix(organization: Organization, form: str) -> None:
    key, text = create_api_key(organization=organization, name="k")
    create_api_key(organization=organization, name="other")

    first, again = (run("revoke_api_key", form.format(prefix=key.prefix, text=text)) for _ in range(2))

    assert (first, again) == ("Key k of acme is revoked.\n", "Key k of acme was revoked before.\n")
    assert told(show(text)) == refused()
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_revoking_what_is_not_there_is_told(organization: Organization) -> None:
    create_api_key(organization=organization, name="k")

    with pytest.raises(CommandError, match=r"^There is no key with this prefix\.$"):
        run("revoke_api_key", "parley_aaaaaaaaaaaa")

    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_keys_that_share_a_prefix_are_told_apart_by_their_organization(
    organization: Organization, other_organization: Organization
) -> None:
    for home in (organization, other_organization):
        taken_over(home, TEXTS[0] + home.slug)

    with pytest.raises(CommandError, match=r"^Several keys have this prefix\.$"):
        run("revoke_api_key", "af_live_")
    run("revoke_api_key", "af_live_…", "--organization", "rival")

    assert ApiKey.objects.get(revoked_at=None).organization == organization


def taken_over(organization: Organization, text: str, **fields: Any) -> ApiKey | None:
    foreign = ForeignKey(**{"name": "n", "prefix": text[:8], "hash": bcrypt_hash(text), **fields})
    return import_key(actor=SystemActor(organization.pk), foreign=foreign)


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    return [
        {"name": text[:8], "prefix": text[:8], "hash": bcrypt_hash(text), "created_at": "2024-05-06T07:08:09Z"}
        for text in TEXTS
    ]


def written(folder: Path, rows: list[dict[str, Any]], *, form: str = "jsonl") -> str:
    path = folder / f"keys.{form}"
    with path.open("w", newline="") as file:
        if form == "csv":
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
        else:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return str(path)


def take(path: str, *arguments: str) -> list[str]:
    return run("import_api_keys", path, "--organization", "acme", *arguments).splitlines()


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_keys_of_a_file_work_and_a_second_import_changes_nothing(
    organization: Organization, lines: list[dict[str, Any]], tmp_path: Path, form: str
) -> None:
    path = written(tmp_path, lines, form=form)
    start = 2 if form == "csv" else 1

    first = take(path)
    statuses = [show(text).status_code for text in TEXTS]
    stored = list(ApiKey.objects.order_by("id").values())
    again = take(path)

    assert first == [
        f"line {start}: imported",
        f"line {start + 1}: imported",
        "2 imported, 0 there already, 0 refused.",
    ]
    assert statuses == [200, 200]
    assert again[-1] == "0 imported, 2 there already, 0 refused."
    assert list(ApiKey.objects.order_by("id").values()) == stored
    assert {f"{row['created_at']:%Y-%m-%d %H:%M:%S}" for row in stored} == {"2024-05-06 07:08:09"}


def test_a_dry_run_stores_nothing(organization: Organization, lines: list[dict[str, Any]], tmp_path: Path) -> None:
    since = last_number(organization.pk)

    told_lines = take(written(tmp_path, lines), "--dry-run")

    assert told_lines[-1] == "Dry run: 2 imported, 0 there already, 0 refused."
    assert (ApiKey.objects.count(), trail_of(organization.pk, since=since)) == (0, [])


def test_a_key_that_was_revoked_or_has_expired_is_refused(
    organization: Organization, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    lines[0]["revoked"] = True
    lines[1]["expires_at"] = "2024-05-07T00:00:00Z"

    take(written(tmp_path, lines))

    assert [told(show(text)) for text in TEXTS] == [refused()] * 2


GOOD = {"name": "n", "prefix": "af_live_", "hash": bcrypt_hash(TEXTS[0])}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": ""}, "Missing, or not a text: name."),
        ({"name": " "}, "A name has 1 to 255 characters."),
        ({"name": "a\x00b"}, "The name cannot be stored: The text holds NUL (U+0000) at offset 1."),
        ({"prefix": "af_li"}, "A prefix is the first 6 to 16 characters of the key, printable ASCII without blanks."),
        ({"prefix": "a" * 17}, "A prefix is the first 6 to 16 characters of the key, printable ASCII without blanks."),
        ({"prefix": "af live"}, "A prefix is the first 6 to 16 characters of the key, printable ASCII without blanks."),
        ({"prefix": "parley_x"}, "Keys that start with parley_ are Parley's own; make a new one."),
        ({"hash": "0" * 64}, "The hash is not bcrypt ($2a$, $2b$ or $2y$) of a cost from 4 to 14."),
        ({"hash": "$2b$31$" + "a" * 53}, "The hash is not bcrypt ($2a$, $2b$ or $2y$) of a cost from 4 to 14."),
        ({"hash": "$2x$04$" + "a" * 53}, "The hash is not bcrypt ($2a$, $2b$ or $2y$) of a cost from 4 to 14."),
        (
            {"created_at": "yesterday"},
            "created_at is not a date and time with an offset, such as 2026-01-02T03:04:05Z.",
        ),
        ({"expires_at": 7}, "expires_at is not a date and time with an offset, such as 2026-01-02T03:04:05Z."),
        ({"revoked": "maybe"}, "revoked is neither true nor false."),
        ({"scope": "all"}, "1 fields are not known here: scope"),
        ({"$2b$04$abc": 1}, "1 fields are not known here: is there a header?"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_others_are_taken(
    organization: Organization, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    other = {"name": "other", "prefix": TEXTS[1][:8], "hash": bcrypt_hash(TEXTS[1])}
    path = written(tmp_path, [{**GOOD, **changes}, other])
    output = StringIO()

    with pytest.raises(CommandError, match="Some lines were refused"):
        call_command("import_api_keys", path, "--organization", "acme", stdout=output)

    assert output.getvalue().splitlines() == [
        f"line 1: refused: {reason}",
        "line 2: imported",
        "1 imported, 0 there already, 1 refused.",
    ]
    assert [key.name for key in ApiKey.objects.all()] == ["other"]
    assert "$2" not in output.getvalue().replace("($2a$, $2b$ or $2y$)", "")


@pytest.mark.parametrize("text", ["[1]\n", "nonsense\n", '"$2b$04$abc"\n'])
def test_a_line_that_is_no_object_is_told(organization: Organization, tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.jsonl"
    path.write_text(text)
    output = StringIO()

    with pytest.raises(CommandError):
        call_command("import_api_keys", str(path), "--organization", "acme", stdout=output)

    assert output.getvalue().splitlines()[0] == "line 1: refused: The line is not a JSON object."


@pytest.mark.parametrize("name", ["missing.jsonl", "keys.csv"])
def test_a_file_that_cannot_be_read_is_told(organization: Organization, tmp_path: Path, name: str) -> None:
    (tmp_path / "keys.csv").write_bytes(b"name\n\xff\xfe")

    with pytest.raises(CommandError, match="cannot be read"):
        take(str(tmp_path / name))


def test_too_many_keys_with_one_beginning_are_refused(organization: Organization) -> None:
    for number in range(MAX_CANDIDATES):
        taken_over(organization, f"af_live_{number}{number}{number}abcdefgh", name=str(number))

    with pytest.raises(UnusableKey, match="begin like this already"):
        taken_over(organization, TEXTS[0])

    assert ApiKey.objects.count() == MAX_CANDIDATES
    assert taken_over(organization, TEXTS[1]) is not None


def test_a_key_belongs_to_one_organization(organization: Organization, other_organization: Organization) -> None:
    text, made = TEXTS[0], bcrypt_hash(TEXTS[0])
    taken_over(organization, text, hash=made)

    with pytest.raises(UnusableKey, match="Another organization has this key"):
        taken_over(other_organization, text, hash=made)

    assert ApiKey.objects.get().organization == organization
