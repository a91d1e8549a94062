"""Organizations over the API: read, changed, founded, suspended."""

from __future__ import annotations

import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Organization, User
from tests.accounts.people import Person
from tests.accounts.trail import last_number, trail_of
from tests.api.problems import fields_at_fault, problem_of
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join, make_member


@pytest.fixture
def path(organization: Organization) -> str:
    return f"/api/organizations/{organization.pk}"


@pytest.fixture
def root(organization: Organization) -> Person:
    """A platform administrator who is a viewer in acme."""
    user = User.objects.create_superuser("root", "root@example.org", "correct horse battery")
    join(user, organization, role="viewer")
    return Person(user)


@pytest.fixture
def administrator(organization: Organization) -> Person:
    """A platform administrator who is an owner of acme."""
    user = User.objects.create_superuser("ada", "ada@example.org", "correct horse battery")
    join(user, organization)
    return Person(user)


def test_organization_has_exactly_these_members(api: ApiClient, organization: Organization, path: str) -> None:
    response = api.get(path)

    found = response.json()
    moments = ("created_at", "updated_at")
    assert (response.status_code, response["ETag"]) == (200, '"v1"')
    assert {name: value for name, value in found.items() if name not in moments} == {
        "id": str(organization.pk),
        "name": "Acme",
        "slug": "acme",
        "content_access": "revealed",
        "version": 1,
    }
    assert api.get("/api/organizations").json() == {"next": None, "previous": None, "results": [found]}


def test_organization_is_changed_with_its_slug(administrator: Person, organization: Organization, path: str) -> None:
    start = last_number(organization.pk)

    response = administrator.patch(path, {"name": "Acme & Sons", "slug": "acme-sons", "content_access": "closed"})

    changed = response.json()
    assert (response.status_code, response["ETag"]) == (200, '"v2"')
    assert [changed[name] for name in ("name", "slug", "content_access")] == ["Acme & Sons", "acme-sons", "closed"]
    assert [(each["action"], each["subject"]) for each in trail_of(organization.pk, since=start)] == [
        ("organization.updated", "organization Acme & Sons")
    ]
    assert [(each["before"], each["after"]) for each in trail_of(organization.pk, since=start)] == [
        (
            {"name": "Acme", "slug": "acme", "content_access": "revealed"},
            {"name": "Acme & Sons", "slug": "acme-sons", "content_access": "closed"},
        )
    ]


def test_organization_is_replaced_only_at_a_known_version(api: ApiClient, path: str) -> None:
    refused = [api.put(path, {"name": "A"}), api.put(path, {"name": "A"}, if_match='"v9"')]
    unchanged = api.get(path).json()["name"]
    replaced = api.put(path, {"name": "A"}, if_match='"v1"')

    assert [response.status_code for response in refused] == [428, 412]
    assert unchanged == "Acme"
    assert (replaced.status_code, replaced.json()["name"], replaced.json()["slug"]) == (200, "A", "acme")


def test_content_access_survives_a_replacement_that_does_not_name_it(api: ApiClient, path: str) -> None:
    api.patch(path, {"content_access": "closed"})

    replaced = api.put(path, {"name": "Acme"}, if_match="*")

    assert replaced.json()["content_access"] == "closed"


@pytest.mark.parametrize("slug", ["rival", "nobodys"])
def test_an_organization_does_not_learn_which_slugs_others_have(
    api: ApiClient, other_organization: Organization, path: str, slug: str
) -> None:
    before = snapshot()

    response = api.patch(path, {"name": "Changed", "slug": slug})

    assert (response.status_code, problem_of(response)["code"]) == (403, "slug_is_fixed")
    assert snapshot() == before
    assert api.patch(path, {"slug": "acme"}).status_code == 200


def test_a_slug_that_is_taken_is_a_409(administrator: Person, other_organization: Organization, path: str) -> None:
    before = snapshot()

    response = administrator.patch(path, {"slug": "rival"})

    assert (response.status_code, problem_of(response)["code"]) == (409, "slug_taken")
    assert snapshot() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", ""),
        ("name", " "),
        ("name", None),
        ("name", "x" * 256),
        ("slug", "a b"),
        ("slug", ""),
        ("slug", None),
        ("slug", "x" * 64),
        ("slug", "ü"),
        ("content_access", "never"),
        ("content_access", None),
        ("id", "01890000-0000-7000-8000-000000000000"),
        ("metadata", {}),
        ("suspended_at", None),
        ("version", 3),
    ],
)
def test_a_field_that_cannot_be_used_is_named(api: ApiClient, path: str, name: str, value: Any) -> None:
    before = snapshot()

    response = api.patch(path, {name: value})

    assert (response.status_code, fields_at_fault(response)) == (400, [name])
    assert snapshot() == before


def test_a_stranger_finds_no_organization(
    api: ApiClient, stranger: ApiClient, organization: Organization, path: str
) -> None:
    before = snapshot()

    for method in ("GET", "PATCH", "PUT", "DELETE"):
        body = {"name": "x"} if method in ("PATCH", "PUT") else None
        theirs, nobodys = (
            stranger.send(method, f"/api/organizations/{pk}", body, if_match="*")
            for pk in (organization.pk, uuid.uuid4())
        )
        assert (theirs.status_code, theirs.content) == (404, nobodys.content)

    assert snapshot() == before
    assert api.get(path).status_code == 200


def test_a_viewer_reads_and_changes_nothing(organization: Organization, path: str) -> None:
    vera = Person(make_member("vera", organization, role="viewer"))
    before = snapshot()

    answers = [vera.get(path), vera.patch(path, {"name": "x"}), vera.delete(path)]

    assert [response.status_code for response in answers] == [200, 403, 403]
    assert snapshot() == before


def test_an_administrator_changes_and_does_not_suspend(organization: Organization, path: str) -> None:
    adam = Person(make_member("adam", organization, role="admin"))

    answers = [adam.patch(path, {"name": "Changed"}), adam.delete(path)]

    assert [response.status_code for response in answers] == [200, 403]
    assert Organization.objects.get(pk=organization.pk).suspended_at is None


def test_a_platform_administrator_founds_an_organization_and_owns_it(root: Person, organization: Organization) -> None:
    start = last_number(organization.pk)

    response = root.post("/api/organizations", {"name": "New & Shiny", "content_access": "closed"})

    made = Organization.objects.get(slug="new-shiny")
    assert (response.status_code, response["ETag"], response.json()["id"]) == (201, '"v1"', str(made.pk))
    assert [(row.user, row.role.slug) for row in Membership.objects.filter(organization=made)] == [(root.user, "owner")]
    assert trail_of(organization.pk, since=start) == []
    founding, joining = trail_of(made.pk)
    assert founding == {
        "action": "organization.created",
        "actor": "user root",
        "subject": "organization New & Shiny",
        "before": None,
        "after": {"name": "New & Shiny", "slug": "new-shiny", "content_access": "closed"},
    }
    assert (joining["action"], joining["actor"]) == ("membership.created", "user root")
    own = root.get("/api/organizations", parley_organization="new-shiny").json()["results"]
    assert [row["slug"] for row in own] == ["new-shiny"]


def test_a_slug_is_made_from_the_name_and_never_taken_twice(root: Person) -> None:
    slugs = [
        root.post("/api/organizations", {"name": name}, parley_organization="acme").json()["slug"]
        for name in ("Acme", "Çelik Ölü", "東京")
    ]

    assert slugs[0].startswith("acme-")
    assert slugs[1:] == ["celik-olu", "organization"]


def test_a_slug_that_is_taken_founds_nothing(root: Person) -> None:
    before = snapshot()

    response = root.post("/api/organizations", {"name": "Another", "slug": "acme"})

    assert (response.status_code, problem_of(response)["code"]) == (409, "slug_taken")
    assert snapshot() == before


def test_nobody_else_founds_an_organization(api: ApiClient, alice: User) -> None:
    owner = Person(alice)
    owner.get("/api/me")
    before = snapshot()

    answers = [client.post("/api/organizations", {"name": "Mine"}) for client in (api, owner)]

    assert [response.status_code for response in answers] == [403, 403]
    assert snapshot() == before


def test_a_repeated_founding_is_done_once(root: Person) -> None:
    first, again = (root.post("/api/organizations", {"name": "Once"}, idempotency_key="k") for _ in range(2))
    other = root.post("/api/organizations", {"name": "Once"}, idempotency_key="k", parley_organization="acme")

    assert (first.status_code, again.status_code) == (201, 403)
    assert "once" in problem_of(again)["detail"]
    assert (other.status_code, other.json()) == (201, first.json())
    assert Organization.objects.filter(slug__startswith="once").count() == 1


def test_suspending_shuts_everybody_out(api: ApiClient, alice: User, organization: Organization, path: str) -> None:
    owner = Person(alice)
    start = last_number(organization.pk)
    stale = owner.delete(path, if_match='"v7"')
    still_in = api.get(path).status_code

    response = owner.delete(path, if_match='"v1"')

    assert (stale.status_code, still_in, response.status_code) == (412, 200, 204)
    assert [client.get("/api/threads").status_code for client in (api, owner)] == [401, 403]
    assert Organization.objects.get(pk=organization.pk).suspended_at is not None
    assert trail_of(organization.pk, since=start)[0] == {
        "action": "organization.suspended",
        "actor": "user alice",
        "subject": "organization Acme",
        "before": None,
        "after": None,
    }


def run(*arguments: str) -> str:
    written = StringIO()
    call_command(*arguments, stdout=written)
    return written.getvalue().strip()


def test_the_command_suspends_and_resumes(api: ApiClient, organization: Organization) -> None:
    start = last_number(organization.pk)

    told = [run("suspend_organization", "acme")]
    shut = api.get("/api/threads").status_code
    told.append(run("suspend_organization", "acme", "--resume"))

    assert told == ["Suspended organization acme.", "Resumed organization acme."]
    assert (shut, api.get("/api/threads").status_code) == (401, 200)
    entries = [
        (each["action"], each["actor"])
        for each in trail_of(organization.pk, since=start)
        if each["action"].startswith("organization.")
    ]
    assert entries == [("organization.suspended", "system manage.py"), ("organization.resumed", "system manage.py")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "There is no organization 'nobody'."),
        (["acme", "--resume"], "Organization acme is not suspended."),
    ],
)
def test_the_command_says_what_it_cannot_do(organization: Organization, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("suspend_organization", *arguments)

    assert Organization.objects.get(pk=organization.pk).suspended_at is None


def test_the_command_that_creates_an_organization_is_audited(db: None) -> None:
    run("create_organization", "fresh", "--name", "Fresh")

    assert trail_of(Organization.objects.get(slug="fresh").pk) == [
        {
            "action": "organization.created",
            "actor": "system manage.py",
            "subject": "organization Fresh",
            "before": None,
            "after": {"name": "Fresh", "slug": "fresh"},
        }
    ]
