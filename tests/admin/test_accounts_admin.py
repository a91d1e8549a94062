"""Accounts in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, Membership, Organization, User
from accounts.services import create_api_key
from tests.admin.conftest import listed, notices, statements

KEYS = "admin:accounts_apikey_changelist"
USERS = "admin:accounts_user_changelist"
ORGANIZATIONS = "admin:accounts_organization_changelist"


def user_page(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def sent(browser: Client, user: User) -> dict[str, str]:
    """What a browser sends when the page of a user is left as it is."""
    response = browser.get(user_page(user))
    form = response.context["adminform"].form
    values = {
        name: form[name].value() for name in form.fields if name not in ("password", "user_permissions", "groups")
    }
    fields = {
        name: "on" if value is True else str(value) for name, value in values.items() if value not in (None, False)
    }
    joined = form.instance.date_joined
    fields |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    formset = response.context["inline_admin_formsets"][0].formset
    for each in (formset.management_form, *formset.forms):
        fields |= {each.add_prefix(name): str(each[name].value() or "") for name in each.fields}
    return fields


def save(browser: Client, user: User, **changes: str) -> Any:
    return browser.post(user_page(user), sent(browser, user) | changes)


def memberships(user: User) -> list[tuple[str, str]]:
    rows = Membership.objects.filter(user=user).order_by("created_at")
    return [(row.organization.slug, str(row.user)) for row in rows]


def test_user_page_makes_a_membership(
    browser: Client, alice: User, other_organization: Organization, organization: Organization
) -> None:
    response = save(
        browser, alice, **{"memberships-TOTAL_FORMS": "2", "memberships-1-tenant": str(other_organization.pk)}
    )

    assert response.status_code == 302
    assert memberships(alice) == [("acme", "alice"), ("rival", "alice")]


def test_user_page_ends_a_membership(browser: Client, alice: User) -> None:
    response = save(browser, alice, **{"memberships-0-DELETE": "on"})

    assert response.status_code == 302
    assert memberships(alice) == []


def test_user_page_keeps_a_membership_in_its_organization(
    browser: Client, alice: User, other_organization: Organization
) -> None:
    save(browser, alice, **{"memberships-0-tenant": str(other_organization.pk), "first_name": "Alice"})

    assert memberships(alice) == [("acme", "alice")]
    assert User.objects.get(pk=alice.pk).first_name == "Alice"


def test_user_page_refuses_a_second_membership_in_an_organization(
    browser: Client, alice: User, organization: Organization, other_organization: Organization
) -> None:
    again = {"memberships-TOTAL_FORMS": "2", "memberships-1-tenant": str(organization.pk)}
    twice = {
        "memberships-TOTAL_FORMS": "3",
        "memberships-1-tenant": str(other_organization.pk),
        "memberships-2-tenant": str(other_organization.pk),
    }

    refused = [save(browser, alice, **changes) for changes in (again, twice)]

    told = [response.context["inline_admin_formsets"][0].formset.non_form_errors() for response in refused]
    assert told == [["The person is in one of these organizations twice."]] * 2
    assert memberships(alice) == [("acme", "alice")]


def test_user_page_shows_the_names_of_organizations(browser: Client, alice: User) -> None:
    assert "Acme" in browser.get(user_page(alice)).content.decode()


@pytest.mark.parametrize(("address", "queries"), [(USERS, 3), (ORGANIZATIONS, 3), (KEYS, 4)])
def test_list_of_accounts_costs_the_same_at_one_row_and_at_three(
    browser: Client, organization: Organization, address: str, queries: int
) -> None:
    counts: list[int] = []
    for number in range(3):
        create_api_key(organization=organization, name=f"key {number}")
        User.objects.create(username=f"user {number}")
        Organization.objects.create(slug=f"slug-{number}", name=f"name {number}")
        with statements() as found:
            browser.get(reverse(address))
        counts.append(len(found))

    assert counts == [queries] * 3
    assert [each for each in found if "COUNT(" in each.upper()] == []


def test_key_list_filters_by_organization(
    browser: Client, organization: Organization, other_organization: Organization
) -> None:
    kept = create_api_key(organization=organization, name="ours")[0]
    create_api_key(organization=other_organization, name="theirs")

    assert listed(browser.get(reverse(KEYS), {"organization": "acme"})) == [str(kept)]
    assert len(listed(browser.get(reverse(KEYS), {"revoked_at__isempty": "1"}))) == 2


def test_key_list_revokes_selected_keys(browser: Client, organization: Organization) -> None:
    key, other = (create_api_key(organization=organization, name=name)[0] for name in ("one", "two"))

    response = browser.post(
        reverse(KEYS), {"action": "revoke", "index": "0", "_selected_action": [str(key.pk)]}, follow=True
    )

    assert notices(response) == ["Revoked 1 keys."]
    assert list(ApiKey.objects.filter(revoked_at=None)) == [other]


def test_organization_form_refuses_text_that_cannot_be_stored(browser: Client, organization: Organization) -> None:
    address = reverse("admin:accounts_organization_change", args=[organization.pk])

    response = browser.post(address, {"name": "a\x00b", "slug": "acme"})

    assert response.context["adminform"].form.errors == {"name": ["The text holds NUL (U+0000) at offset 1."]}
    assert Organization.objects.get().name == "Acme"


def test_organizations_and_people_are_not_erased_in_the_admin(
    browser: Client, organization: Organization, alice: User
) -> None:
    rows = {"organization": organization.pk, "user": alice.pk}
    addresses = [reverse(f"admin:accounts_{name}_delete", args=[pk]) for name, pk in rows.items()]

    assert [browser.post(address, {"post": "yes"}).status_code for address in addresses] == [403, 403]
    assert (Organization.objects.count(), User.objects.filter(pk=alice.pk).count()) == (1, 1)
