"""`manage.py bootstrap`: the first administrator and key, made once and shown once."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import create_api_key, revoke_api_key
from tests.client import ApiClient
from tests.processes import finished, manage, start_manage

PASSWORD = re.compile(r"^  Password      (\S{20})$", re.MULTILINE)
API_KEY = re.compile(r"^  API key       (parley_\S+)$", re.MULTILINE)


def bootstrap(*arguments: str) -> tuple[list[str], list[str]]:
    """Return the passwords and the keys that were printed."""
    output = StringIO()
    call_command("bootstrap", *arguments, stdout=output)
    return PASSWORD.findall(output.getvalue()), API_KEY.findall(output.getvalue())


def stored_rows() -> list[dict[str, Any]]:
    return [dict(row) for model in (Organization, User, Membership, ApiKey) for row in model._default_manager.values()]


def test_first_run_makes_an_administrator_and_a_key(db: None) -> None:
    [password], [key] = bootstrap("--organization", "demo", "--key-name", "first")

    user = User.objects.get()
    assert (user.username, user.is_superuser, user.is_staff, user.check_password(password)) == (
        "admin",
        True,
        True,
        True,
    )
    assert list(Membership.objects.values_list("organization__slug", "user__username")) == [("demo", "admin")]
    assert list(ApiKey.objects.values_list("organization__slug", "name")) == [("demo", "first")]
    assert Client().login(username="admin", password=password)
    assert ApiClient(key).get("/api/threads").status_code == 200


def test_second_run_changes_nothing_and_prints_no_secret(db: None) -> None:
    bootstrap()
    rows = stored_rows()
    assert bootstrap() == ([], [])
    assert stored_rows() == rows
    assert len(rows) == 4


def test_existing_organization_is_used(organization: Organization) -> None:
    bootstrap("--organization", "acme")
    assert list(Organization.objects.values_list("slug", flat=True)) == ["acme"]


def test_existing_user_is_left_as_it_is(alice: User) -> None:
    rows = list(User.objects.values())
    passwords, keys = bootstrap("--organization", "other", "--username", "alice")
    assert (passwords, len(keys)) == ([], 1)
    assert list(User.objects.values()) == rows
    assert list(Membership.objects.values_list("organization__slug", flat=True)) == ["acme"]


def test_revoked_key_is_not_replaced(organization: Organization) -> None:
    key, _text = create_api_key(organization=organization, name="bootstrap")
    revoke_api_key(key=key)
    passwords, keys = bootstrap("--organization", "acme")
    assert (len(passwords), keys) == (1, [])
    assert ApiKey.objects.count() == 1


def test_wrong_slug_is_refused(db: None) -> None:
    with pytest.raises(CommandError):
        bootstrap("--organization", "not a slug")
    assert stored_rows() == []


@pytest.mark.slow
def test_several_runs_at_once_make_one_of_each(fresh_database: str) -> None:
    env = {"DATABASE_URL": fresh_database}
    manage("migrate", "--verbosity", "0", env=env)
    runs = [finished(process) for process in [start_manage("bootstrap", env=env) for _ in range(4)]]

    assert [run.returncode for run in runs] == [0, 0, 0, 0], [run.stderr for run in runs]
    printed = "".join(run.stdout for run in runs)
    assert (len(PASSWORD.findall(printed)), len(API_KEY.findall(printed))) == (1, 1)
