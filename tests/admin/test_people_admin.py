"""People and their memberships in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Domain, Membership, Organization, Role, User
from ledger.models import PLATFORM
from tests.accounts.people import own_role, place_of
from tests.accounts.trail import last_number, trail_of
from tests.admin.conftest import listed, notices, staff, statements
from tests.conftest import make_member

USERS = "admin:accounts_user_changelist"
MEMBERSHIPS = "admin:accounts_membership_changelist"
PASSWORD = "a long walk home 17"


def user_page(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def role_id(slug: str) -> str:
    return str(Role.objects.get(slug=slug).pk)


def sent(browser: Client, user: User) -> dict[str, str]:
    """What a browser sends when the page of a user is left as it is."""
    response = browser.get(user_page(user))
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields if name != "password"}
    fields = {
        name: "on" if value is True else str(value) for name, value in values.items() if value not in (None, False)
    }
    formset = response.context["inline_admin_formsets"][0].formset
    for each in (formset.management_form, *formset.forms):
        fields |= {each.add_prefix(name): str(each[name].value() or "") for name in each.fields}
    return fields


def save(browser: Client, user: User, **changes: str) -> Any:
    return browser.post(user_page(user), sent(browser, user) | changes, follow=True)


def memberships(user: User) -> list[tuple[str, str]]:
    rows = Membership.objects.filter(user=user).order_by("created_at")
    return [(row.organization.slug, row.role.slug) for row in rows]


def test_user_page_makes_a_membership(
    browser: Client, alice: User, other_organization: Organization, organization: Organization
) -> None:
    since = last_number(other_organization.pk)

    response = save(
        browser,
        alice,
        **{
            "memberships-TOTAL_FORMS": "2",
            "memberships-1-tenant": str(other_organization.pk),
            "memberships-1-role": role_id("viewer"),
        },
    )

    assert response.redirect_chain == [(reverse(USERS), 302)]
    assert memberships(alice) == [("acme", "owner"), ("rival", "viewer")]
    entries = trail_of(other_organization.pk, since=since)
    assert [(entry["action"], entry["actor"]) for entry in entries] == [("membership.created", "user admin")]


def test_user_page_changes_and_ends_memberships(browser: Client, bob: User, organization: Organization) -> None:
    since = last_number(organization.pk)

    save(browser, bob, **{"memberships-0-role": role_id("viewer")})
    changed = memberships(bob)
    save(browser, bob, **{"memberships-0-DELETE": "on"})

    assert (changed, memberships(bob)) == ([("acme", "viewer")], [])
    assert [entry["action"] for entry in trail_of(organization.pk, since=since)] == [
        "membership.updated",
        "membership.deleted",
    ]


def test_user_page_keeps_the_last_owner(browser: Client, charlie: User, root: User, organization: Organization) -> None:
    response = save(browser, charlie, **{"memberships-0-DELETE": "on", "first_name": "Charlie"})

    reason = "This is the last owner of the whole organization; make somebody else an owner first."
    assert notices(response) == [f"An organization keeps an owner. {reason}"]
    assert memberships(charlie) == [("rival", "owner")]
    assert User.objects.get(pk=charlie.pk).first_name == ""


@pytest.fixture
def charlie() -> User:
    """The only owner of the other organization, of which `root` is no member."""
    return make_member("charlie", Organization.objects.create(slug="rival", name="Rival"))


def test_user_page_keeps_a_membership_in_its_organization(
    browser: Client, alice: User, other_organization: Organization
) -> None:
    save(browser, alice, **{"memberships-0-tenant": str(other_organization.pk), "first_name": "Alice"})

    assert memberships(alice) == [("acme", "owner")]
    assert User.objects.get(pk=alice.pk).first_name == "Alice"


def test_user_page_refuses_a_second_membership_in_an_organization(
    browser: Client, alice: User, organization: Organization, other_organization: Organization
) -> None:
    role = role_id("member")
    one = {"memberships-TOTAL_FORMS": "2", "memberships-1-tenant": str(organization.pk), "memberships-1-role": role}
    twice = {
        "memberships-TOTAL_FORMS": "3",
        "memberships-1-tenant": str(other_organization.pk),
        "memberships-1-role": role,
        "memberships-2-tenant": str(other_organization.pk),
        "memberships-2-role": role,
    }

    refused = [save(browser, alice, **changes) for changes in (one, twice)]

    told = [response.context["inline_admin_formsets"][0].formset.non_form_errors() for response in refused]
    assert told == [["The person is in one of these organizations twice."]] * 2
    assert memberships(alice) == [("acme", "owner")]


def test_user_page_refuses_places_of_another_organization(
    browser: Client, alice: User, organization: Organization, other_organization: Organization
) -> None:
    role = own_role(organization, "desk", "thread.read")
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")

    response = save(
        browser,
        alice,
        **{
            "memberships-TOTAL_FORMS": "2",
            "memberships-1-tenant": str(other_organization.pk),
            "memberships-1-role": str(role.pk),
            "memberships-1-domain": str(domain.pk),
        },
    )

    errors = response.context["inline_admin_formsets"][0].formset.errors[1]
    assert errors == {name: ["Choose one of the same organization."] for name in ("role", "domain")}
    assert memberships(alice) == [("acme", "owner")]


def test_user_page_shows_the_names_of_organizations(browser: Client, alice: User) -> None:
    assert "Acme" in browser.get(user_page(alice)).content.decode()


def test_changes_of_people_are_in_the_trail_of_the_platform(browser: Client, bob: User) -> None:
    since = last_number(PLATFORM)
    passwords = {"username": "eve", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    made = browser.post(
        reverse("admin:accounts_user_add"),
        {**passwords, "email": "eve@example.org", "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"},
    )
    save(browser, bob, first_name="Bob", is_staff="on")
    changed = browser.post(
        reverse("admin:auth_user_password_change", args=[bob.pk]),
        {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"},
    )

    assert (made.status_code, changed.status_code) == (302, 302)
    assert User.objects.get(username="eve").check_password(PASSWORD)
    assert User.objects.get(username="bob").check_password(PASSWORD)
    assert [
        (entry["action"], entry["subject"], entry["before"], entry["after"])
        for entry in trail_of(PLATFORM, since=since)
    ] == [
        (
            "user.created",
            "user eve",
            None,
            {"username": "eve", "email": "eve@example.org", "is_staff": False, "is_superuser": False},
        ),
        ("user.updated", "user bob", {"first_name": "", "is_staff": False}, {"first_name": "Bob", "is_staff": True}),
        ("user.password_changed", "user bob", None, None),
    ]


def test_user_page_refuses_a_name_that_is_somebodys_address(browser: Client, alice: User, bob: User) -> None:
    response = save(browser, bob, username="alice@example.org")

    assert len(notices(response)) == 1
    assert User.objects.get(pk=bob.pk).username == "bob"


def test_people_are_for_platform_administrators(alice: User, bob: User) -> None:
    browser = staff(alice)

    answers = [browser.get(reverse(USERS)), browser.get(user_page(bob)), browser.post(user_page(bob), {})]

    assert [answer.status_code for answer in answers] == [403] * 3


@pytest.mark.parametrize(("address", "queries"), [(USERS, 4), (MEMBERSHIPS, 5)])
def test_list_of_people_costs_the_same_at_one_row_and_at_three(
    browser: Client, organization: Organization, address: str, queries: int
) -> None:
    counts: list[int] = []
    for number in range(3):
        make_member(f"user {number}", organization)
        with statements() as found:
            browser.get(reverse(address))
        counts.append(len(found))

    assert counts == [queries] * 3
    assert [each for each in found if "COUNT(" in each.upper()] == []


def page_of(user: User, *, act: str = "change") -> str:
    return reverse(f"admin:accounts_membership_{act}", args=[Membership.objects.get(user=user).pk])


def test_membership_list_shows_staff_their_own_organization(
    alice: User, bob: User, other_organization: Organization
) -> None:
    stranger = make_member("charlie", other_organization)

    browser = staff(alice)

    assert listed(browser.get(reverse(MEMBERSHIPS))) == ["bob in Acme", "alice in Acme", "admin in Acme"]
    assert browser.get(page_of(stranger)).status_code == 302


def test_membership_page_changes_role_and_domain(alice: User, bob: User, organization: Organization) -> None:
    domain = Domain.objects.create(organization=organization, name="Retail", slug="retail")
    browser, since = staff(alice), last_number(organization.pk)

    response = browser.post(page_of(bob), {"role": role_id("viewer"), "domain": str(domain.pk)})

    assert response.status_code == 302
    assert place_of(bob) == ("viewer", "retail")
    [entry] = trail_of(organization.pk, since=since)
    assert (entry["action"], entry["actor"], entry["after"]) == (
        "membership.updated",
        "user alice",
        {"role": "viewer", "domain_id": str(domain.pk)},
    )


def test_membership_page_offers_nothing_of_other_organizations(
    alice: User, bob: User, other_organization: Organization
) -> None:
    theirs = own_role(other_organization, "theirs", "thread.read")
    domain = Domain.objects.create(organization=other_organization, name="Elsewhere", slug="elsewhere")
    browser = staff(alice)

    shown = browser.get(page_of(bob)).content.decode()
    refused = browser.post(page_of(bob), {"role": str(theirs.pk), "domain": str(domain.pk)})

    assert ("Theirs" in shown, "Elsewhere" in shown) == (False, False)
    assert sorted(refused.context["adminform"].form.errors) == ["domain", "role"]
    assert place_of(bob) == ("member", None)


def test_membership_page_keeps_the_rules(alice: User, bob: User, organization: Organization) -> None:
    adam = make_member("adam", organization, role="admin")
    browser = staff(adam)

    answers = [
        browser.post(page_of(bob), {"role": role_id("owner"), "domain": ""}, follow=True),
        browser.post(page_of(alice, act="delete"), {"post": "yes"}, follow=True),
    ]

    told = "You cannot give or take what you do not hold. You do not hold organization.delete."
    assert [notices(answer) for answer in answers] == [[told], [told]]
    assert (place_of(bob), place_of(alice)) == (("member", None), ("owner", None))


def test_membership_page_removes_a_person(alice: User, bob: User) -> None:
    response = staff(alice).post(page_of(bob, act="delete"), {"post": "yes"})

    assert response.status_code == 302
    assert place_of(bob) is None


def test_memberships_are_not_deleted_by_the_heap(alice: User, bob: User) -> None:
    browser = staff(alice)
    keys = [str(pk) for pk in Membership.objects.values_list("pk", flat=True)]

    browser.post(reverse(MEMBERSHIPS), {"action": "delete_selected", "_selected_action": keys, "post": "yes"})

    assert Membership.objects.count() == len(keys)


def test_viewer_changes_nobody_in_the_admin(organization: Organization, bob: User) -> None:
    browser = staff(make_member("victor", organization, role="viewer"))

    answers = [browser.get(reverse(MEMBERSHIPS)), browser.post(page_of(bob), {"role": role_id("owner")})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert place_of(bob) == ("member", None)
