"""What a new installation starts with, and that starting again changes nothing."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Domain, Instance, Membership, Organization, Permission, Role, User
from accounts.permissions import ORGANIZATION_PERMISSIONS, PERMISSIONS, PLATFORM_PERMISSIONS
from accounts.roles import BUILT_IN_ROLES, sync_roles
from accounts.services import create_organization
from agents_app.models import Agent
from conversations.models import Message, Thread
from core.access import ANY_ACTOR
from core.checks import api_routes
from ledger.models import PLATFORM
from tests.accounts.people import own_role
from tests.accounts.roles_document import roles_document
from tests.accounts.trail import trail_of
from tests.architecture.source import ROOT


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def all_rows() -> dict[str, list[str]]:
    """Every row of every table."""
    return {
        model._meta.label: sorted(repr(row) for row in model._base_manager.values_list()) for model in apps.get_models()
    }


def seeded() -> None:
    run("sync_roles")
    run("load_demo")
    run("bootstrap", "--organization", "quant", "--key-name", "make run")


def test_every_permission_and_ten_roles_are_there(db: None) -> None:
    assert Permission.objects.count() >= 44
    assert dict(Permission.objects.values_list("code", "description")) == PERMISSIONS
    assert Role.objects.count() == 10
    assert {role.slug: (role.name, role.description, role.permissions) for role in Role.objects.all()} == {
        slug: (role.name, role.description, sorted(role.permissions)) for slug, role in BUILT_IN_ROLES.items()
    }


def test_roles_hold_what_organizations_can_give() -> None:
    held = {slug: role.permissions for slug, role in BUILT_IN_ROLES.items()}

    assert held["owner"] == ORGANIZATION_PERMISSIONS == frozenset(PERMISSIONS) - PLATFORM_PERMISSIONS
    assert {slug for slug, codes in held.items() if not codes <= ORGANIZATION_PERMISSIONS} == set()
    assert len(set(held.values())) == 10


def test_matrix_of_roles_is_documented() -> None:
    assert (ROOT / "docs" / "roles.md").read_text(encoding="utf-8") == roles_document()


def test_demo_seeds_exactly_two_organizations(db: None) -> None:
    run("load_demo")

    organizations = {row.slug: row for row in Organization.objects.all()}
    assert sorted(organizations) == ["cibc", "quant"]
    found = {
        slug: [
            sorted(rows.filter(organization=organization).values_list("slug", flat=True))
            for rows in (Domain.objects.all(), Instance.objects.all(), Agent.objects.all())
        ]
        for slug, organization in organizations.items()
    }
    assert found == {
        "quant": [
            ["research", "trading"],
            ["reading-room", "review"],
            ["code-reviewer", "research-assistant", "support-desk"],
        ],
        "cibc": [["retail"], ["branches"], ["branch-assistant", "card-watch", "letter-writer"]],
    }
    counts = {
        slug: (rows.filter(organization__slug=slug).count(), messages.filter(organization__slug=slug).count())
        for rows, messages in [(Thread.objects.all(), Message.objects.all())]
        for slug in organizations
    }
    assert counts == {"quant": (5, 19), "cibc": (3, 12)}
    assert Membership.objects.count() == User.objects.count() == 0


def test_demo_threads_lie_in_the_domain_of_their_agent(db: None) -> None:
    run("load_demo")

    places = Thread.objects.exclude(agent=None).values_list("domain__slug", "agent__domain__slug")
    assert {here for here, _agents in places} == {None, "research", "trading", "retail"}
    assert [pair for pair in places if pair[0] != pair[1]] == []


def test_starting_again_changes_nothing(db: None) -> None:
    seeded()
    before = all_rows()

    seeded()
    run("loaddata", "demo")
    run("migrate")

    assert all_rows() == before
    assert len(before["accounts.Organization"]) == 2


def test_administrator_of_the_demo_belongs_to_one_organization(db: None) -> None:
    seeded()

    memberships = Membership.objects.values_list("user__username", "organization__slug", "role__slug", "domain")
    assert [tuple(map(str, row)) for row in memberships] == [("admin", "quant", "owner", "None")]
    quant = Organization.objects.get(slug="quant")
    actions = [(entry["action"], entry["actor"], entry["subject"]) for entry in trail_of(quant.pk)]
    assert actions[:2] == [
        ("user.created", "system manage.py", "user admin"),
        ("membership.created", "system manage.py", "membership admin"),
    ]


def test_demo_joins_the_organization_of_an_earlier_release(db: None) -> None:
    old = create_organization(slug="demo", name="Demo")
    run("bootstrap", "--organization", "demo")

    run("load_demo")
    run("bootstrap", "--organization", "quant", "--key-name", "make run")

    assert sorted(Organization.objects.values_list("slug", flat=True)) == ["cibc", "demo", "quant"]
    assert Membership.objects.get().organization == old


@pytest.mark.parametrize("slug", ["quant", "cibc"])
def test_demo_leaves_an_organization_of_that_name_alone(db: None, slug: str) -> None:
    create_organization(slug=slug, name="My own")
    before = all_rows()

    told = run("load_demo")

    assert told.strip() == "The demo organizations are there already."
    assert all_rows() == before


def test_synchronization_takes_back_what_was_done_to_built_in_roles(organization: Organization) -> None:
    desk = own_role(organization, "desk", "thread.read", "thread.forgotten")
    Role.objects.filter(slug="viewer").update(permissions=["key.create"], name="Root")
    Role.objects.filter(slug="billing").delete()
    Permission.objects.filter(code="thread.read").update(description="?")
    Permission.objects.filter(code="audit.read").delete()
    Permission.objects.create(code="thread.forgotten", description="?")

    first, second = sync_roles(), sync_roles()

    assert (first, second) == ((3, 3), (0, 0))
    viewer = Role.objects.get(slug="viewer")
    assert (viewer.name, viewer.permissions, viewer.version) == (
        "Viewer",
        sorted(BUILT_IN_ROLES["viewer"].permissions),
        2,
    )
    desk.refresh_from_db()
    assert desk.permissions == ["thread.read"]
    assert Role.objects.built_in().count() == 10


def test_user_is_made_at_the_command_line(organization: Organization) -> None:
    password = run(
        "create_user", "eve", "--email", "eve@example.org", "--organization", "acme", "--role", "viewer", "--staff"
    ).strip()

    eve = User.objects.get()
    assert re.fullmatch(r"\S{20}", password)
    assert (eve.email, eve.is_staff, eve.is_superuser) == ("eve@example.org", True, False)
    assert Client().login(username="eve@example.org", password=password)
    membership = Membership.objects.get()
    assert (membership.organization, membership.role.slug) == (organization, "viewer")
    after = {"username": "eve", "email": "eve@example.org", "is_staff": True, "is_superuser": False}
    assert [(entry["action"], entry["after"]) for entry in trail_of(organization.pk)] == [
        ("user.created", after),
        ("membership.created", {"user_id": str(eve.pk), "role": "viewer", "domain_id": None}),
    ]


def test_user_without_an_organization_is_in_the_trail_of_the_platform(db: None) -> None:
    run("create_user", "eve")

    assert Membership.objects.count() == 0
    assert [(entry["action"], entry["subject"]) for entry in trail_of(PLATFORM)] == [("user.created", "user eve")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["alice"], "An account with this name or this e-mail address is there already."),
        (["eve", "--email", "ALICE@example.org"], "An account with this name or this e-mail address is there already."),
        (["Alice@Example.org"], "An account with this name or this e-mail address is there already."),
        (["e v e"], "Enter a valid username."),
        (["eve", "--email", "eve"], "Enter a valid email address."),
        (["eve", "--organization", "nowhere"], "There is no organization 'nowhere'."),
        (["eve", "--organization", "acme", "--role", "king"], "There is no such role."),
        (["eve", "--role", "viewer"], "--role needs an --organization."),
    ],
)
def test_user_that_cannot_be_made_is_refused(alice: User, arguments: list[str], told: str) -> None:
    before: dict[str, Any] = all_rows()

    with pytest.raises(CommandError) as refused:
        run("create_user", *arguments)

    assert str(refused.value).startswith(told)
    assert all_rows() == before


def test_every_permission_is_asked_for() -> None:
    views = [getattr(pattern.callback, "cls", None) for _route, pattern in api_routes()]
    asked = {code for view in views if view is not None for code in getattr(view, "permission_codes", {}).values()}
    assert PERMISSIONS.keys() - asked == {"thread.export"}, "exports are of the admin"
    assert asked - PERMISSIONS.keys() == {ANY_ACTOR}
