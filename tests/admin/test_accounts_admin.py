"""Accounts in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from accounts.services import create_api_key
from tests.admin.conftest import statements

KEYS = "admin:accounts_apikey_changelist"
ORGANIZATIONS = "admin:accounts_organization_changelist"


@pytest.mark.parametrize(("address", "queries"), [(ORGANIZATIONS, 4), (KEYS, 5)])
def test_list_of_accounts_costs_the_same_at_one_row_and_at_three(
    browser: Client, organization: Organization, address: str, queries: int
) -> None:
    counts: list[int] = []
    for number in range(3):
        create_api_key(organization=organization, name=f"key {number}")
        Organization.objects.create(slug=f"slug-{number}", name=f"name {number}")
        with statements() as found:
            browser.get(reverse(address))
        counts.append(len(found))

    assert counts == [queries] * 3
    assert [each for each in found if "COUNT(" in each.upper()] == []


def test_organization_form_refuses_text_that_cannot_be_stored(browser: Client, organization: Organization) -> None:
    address = reverse("admin:accounts_organization_change", args=[organization.pk])

    response = browser.post(address, {"name": "a\x00b", "slug": "acme", "content_access": "revealed"})

    assert response.context["adminform"].form.errors == {"name": ["The text holds NUL (U+0000) at offset 1."]}
    assert Organization.objects.get().name == "Acme"


def test_organizations_and_people_are_not_erased_in_the_admin(
    browser: Client, organization: Organization, alice: User
) -> None:
    rows = {"organization": organization.pk, "user": alice.pk}
    addresses = [reverse(f"admin:accounts_{name}_delete", args=[pk]) for name, pk in rows.items()]

    assert [browser.post(address, {"post": "yes"}).status_code for address in addresses] == [403, 403]
    assert (Organization.objects.count(), User.objects.filter(pk=alice.pk).count()) == (1, 1)
