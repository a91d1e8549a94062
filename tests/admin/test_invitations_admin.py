"""Invitations and roles in the admin."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Domain, Invitation, Organization, Role, User
from accounts.roles import BUILT_IN_ROLES
from accounts.services.invitations import create_invitation
from tests.accounts.people import own_role, place_of
from tests.accounts.trail import last_number, trail_of
from tests.admin.conftest import listed, notices, staff, statements
from tests.conftest import make_member

INVITATIONS = "admin:accounts_invitation_changelist"
ADD_INVITATION = "admin:accounts_invitation_add"
ROLES = "admin:accounts_role_changelist"
ADD_ROLE = "admin:accounts_role_add"
ADDRESS = re.compile(r'value="http://testserver(/invitations/[A-Za-z0-9_-]{43})"')


def role_id(slug: str) -> str:
    return str(Role.objects.get(slug=slug).pk)


def offer(organization: Organization, **changes: str) -> dict[str, str]:
    return {
        "tenant": str(organization.pk),
        "email": "eve@example.org",
        "role": role_id("member"),
        "domain": "",
        "expires_in_days": "3",
        **changes,
    }


def role_page(role: Role, act: str = "change") -> str:
    return reverse(f"admin:accounts_role_{act}", args=[role.pk])


def test_invitation_shows_its_address_once(alice: User, organization: Organization) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    browser, since = staff(alice), last_number(organization.pk)

    made = browser.post(reverse(ADD_INVITATION), offer(organization, domain=str(domain.pk)))
    invitation = Invitation.objects.get()
    later = browser.get(reverse("admin:accounts_invitation_change", args=[invitation.pk]))

    [path] = ADDRESS.findall(made.content.decode())
    assert (made.status_code, "no-store" in made["Cache-Control"]) == (200, True)
    assert ADDRESS.findall(later.content.decode()) == []
    assert path.rpartition("/")[2] not in "".join(row.session_data for row in Session.objects.all())
    assert (invitation.email, invitation.role.slug, invitation.domain) == ("eve@example.org", "member", domain)
    assert [(entry["action"], entry["actor"]) for entry in trail_of(organization.pk, since=since)] == [
        ("invitation.created", "user alice")
    ]
    eve = User.objects.create_user("eve")
    guest = Client()
    guest.force_login(eve)
    guest.post(path)
    assert place_of(eve) == ("member", "retail")


@pytest.mark.parametrize("name", ["role", "domain", "tenant"])
def test_invitation_offers_nothing_of_other_organizations(
    alice: User, organization: Organization, other_organization: Organization, name: str
) -> None:
    theirs = {
        "role": own_role(other_organization, "theirs", "thread.read"),
        "domain": Domain.objects.create(organization=other_organization, name="Elsewhere", slug="elsewhere"),
        "tenant": other_organization,
    }
    browser = staff(alice)

    shown = browser.get(reverse(ADD_INVITATION)).content.decode()
    refused = browser.post(reverse(ADD_INVITATION), offer(organization, **{name: str(theirs[name].pk)}))

    assert ("Theirs" in shown, "Elsewhere" in shown) == (False, False)
    assert list(refused.context["adminform"].form.errors) == [name]
    assert Invitation.objects.count() == 0


def test_invitation_offers_no_more_than_its_author_holds(organization: Organization) -> None:
    browser = staff(make_member("adam", organization, role="admin"))

    response = browser.post(reverse(ADD_INVITATION), offer(organization, role=role_id("owner")), follow=True)

    assert notices(response) == ["You cannot give or take what you do not hold. You do not hold organization.delete."]
    assert Invitation.objects.count() == 0


def test_invitations_are_revoked_in_the_list(
    alice: User, organization: Organization, other_organization: Organization
) -> None:
    places = (organization, organization, other_organization)
    made = [
        create_invitation(actor=SystemActor(place.pk), email=f"{number}@e.org", role="member")[0]
        for number, place in enumerate(places)
    ]
    browser = staff(alice)

    response = browser.post(
        reverse(INVITATIONS), {"action": "revoke", "_selected_action": [str(row.pk) for row in made]}, follow=True
    )

    assert notices(response) == ["Revoked 2 invitations."]
    assert [row.email for row in Invitation.objects.filter(revoked_at=None)] == ["2@e.org"]
    assert listed(browser.get(reverse(INVITATIONS), {"state": "revoked"})) == ["1@e.org", "0@e.org"]
    assert listed(browser.get(reverse(INVITATIONS), {"state": "open"})) == []


def test_invitation_is_not_changed_afterwards(alice: User, organization: Organization) -> None:
    browser = staff(alice)
    browser.post(reverse(ADD_INVITATION), offer(organization))
    page = reverse("admin:accounts_invitation_change", args=[Invitation.objects.get().pk])

    response = browser.post(page, offer(organization, email="mallory@example.org"))

    assert response.status_code == 403
    assert Invitation.objects.get().email == "eve@example.org"


def test_viewer_invites_nobody_in_the_admin(organization: Organization) -> None:
    browser = staff(make_member("victor", organization, role="viewer"))

    answers = [
        browser.get(reverse(INVITATIONS)),
        browser.post(reverse(ADD_INVITATION), offer(organization)),
        browser.post(reverse(ADD_ROLE), desk(organization)),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert (Invitation.objects.count(), Role.objects.count()) == (0, 10)


def desk(organization: Organization, **changes: Any) -> dict[str, Any]:
    permissions = {"permissions": ["thread.read", "agent.read"]}
    return {"tenant": str(organization.pk), "name": "Desk", "slug": "desk", "description": "", **permissions, **changes}


def test_role_is_made_changed_and_deleted(alice: User, organization: Organization) -> None:
    browser, since = staff(alice), last_number(organization.pk)

    browser.post(reverse(ADD_ROLE), desk(organization))
    role = Role.objects.get(slug="desk")
    made = (role.organization, role.permissions)
    browser.post(role_page(role), desk(organization, name="Front desk", permissions=["thread.read"]))
    role.refresh_from_db()
    browser.post(role_page(role, "delete"), {"post": "yes"})

    assert made == (organization, ["agent.read", "thread.read"])
    assert (role.name, role.permissions, role.version) == ("Front desk", ["thread.read"], 2)
    assert [entry["action"] for entry in trail_of(organization.pk, since=since)] == [
        "role.created",
        "role.updated",
        "role.deleted",
    ]


def test_role_list_shows_staff_the_built_in_roles_and_their_own(
    alice: User, organization: Organization, other_organization: Organization
) -> None:
    own_role(organization, "desk", "thread.read")
    theirs = own_role(other_organization, "theirs", "thread.read")
    browser = staff(alice)

    shown = {row.slug for row in browser.get(reverse(ROLES)).context["cl"].result_list}

    assert shown == {*BUILT_IN_ROLES, "desk"}
    assert browser.get(role_page(theirs)).status_code == 302


@pytest.mark.parametrize("is_root", [True, False])
def test_built_in_role_is_only_looked_at(
    browser: Client, alice: User, organization: Organization, is_root: bool
) -> None:
    person = browser if is_root else staff(alice)
    viewer = Role.objects.get(slug="viewer")

    answers = [
        person.get(role_page(viewer)),
        person.post(role_page(viewer), desk(organization)),
        person.post(role_page(viewer, "delete"), {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [200, 403, 403]
    viewer.refresh_from_db()
    assert viewer.version == 1


def test_role_page_keeps_the_rules(organization: Organization, bob: User) -> None:
    browser = staff(make_member("adam", organization, role="admin"))
    role = own_role(organization, "desk", "thread.read")
    bob.memberships.update(role=role)

    answers = [
        browser.post(
            reverse(ADD_ROLE), desk(organization, slug="boss", permissions=["organization.delete"]), follow=True
        ),
        browser.post(role_page(role), desk(organization, permissions=["organization.delete"]), follow=True),
        browser.post(role_page(role, "delete"), {"post": "yes"}, follow=True),
    ]

    too_much = "You cannot give or take what you do not hold. You do not hold organization.delete."
    in_use = "The role is in use. desk is the role of 1 member; give them another one first."
    assert [notices(answer) for answer in answers] == [[too_much], [too_much], [in_use]]
    role.refresh_from_db()
    assert (role.permissions, Role.objects.filter(slug="boss").exists()) == (["thread.read"], False)


@pytest.mark.parametrize(("address", "queries"), [(INVITATIONS, 5), (ROLES, 5)])
def test_list_costs_the_same_at_one_row_and_at_three(
    browser: Client, organization: Organization, address: str, queries: int
) -> None:
    counts: list[int] = []
    for number in range(3):
        own_role(organization, f"desk-{number}", "thread.read")
        browser.post(reverse(ADD_INVITATION), offer(organization))
        with statements() as found:
            browser.get(reverse(address))
        counts.append(len(found))

    assert counts == [queries] * 3
    assert [each for each in found if "COUNT(" in each.upper()] == []
