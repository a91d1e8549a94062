"""`/api/me`: who somebody is, and where they act."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Domain, Organization, User
from accounts.permissions import DOMAIN_PERMISSIONS, ORGANIZATION_PERMISSIONS, PERMISSIONS
from accounts.roles import BUILT_IN_ROLES
from accounts.services import create_api_key
from tests.accounts.people import Person
from tests.api.problems import problem_of
from tests.client import ApiClient
from tests.conftest import join, make_member


def test_a_key_of_a_service_sees_its_organization(api: ApiClient, organization: Organization) -> None:
    key = ApiKey.objects.get()

    found = api.get("/api/me").json()

    assert found == {
        "kind": "key",
        "label": key.shown_prefix,
        "user": None,
        "key": {"id": str(key.pk), "name": "tests", "prefix": key.shown_prefix},
        "organization": {"id": str(organization.pk), "slug": "acme", "name": "Acme"},
        "role": None,
        "domain_id": None,
        "permissions": sorted(ORGANIZATION_PERMISSIONS),
    }


def test_a_member_sees_their_role(organization: Organization) -> None:
    vera = make_member("vera", organization, role="viewer")

    found = Person(vera).get("/api/me").json()

    assert [found[name] for name in ("kind", "label", "key", "domain_id")] == ["user", "vera", None, None]
    assert found["user"] == {"id": str(vera.pk), "username": "vera", "email": "vera@example.org"}
    assert (found["role"]["slug"], found["role"]["name"]) == ("viewer", "Viewer")
    assert found["permissions"] == sorted(BUILT_IN_ROLES["viewer"].permissions)


def test_a_narrowed_member_sees_their_domain(organization: Organization) -> None:
    sales = Domain.objects.create(organization=organization, name="Sales", slug="sales")
    dora = make_member("dora", organization, role="owner", domain=sales)

    found = Person(dora).get("/api/me").json()

    assert found["domain_id"] == str(sales.pk)
    assert found["permissions"] == sorted(DOMAIN_PERMISSIONS)


def test_a_platform_administrator_may_found_organizations(organization: Organization) -> None:
    root = User.objects.create_superuser("root", "root@example.org", "correct horse battery")
    join(root, organization)

    assert Person(root).get("/api/me").json()["permissions"] == sorted(PERMISSIONS)


@pytest.mark.parametrize("codes", [["message.create"], []])
def test_a_key_narrowed_to_anything_may_ask(organization: Organization, codes: list[str]) -> None:
    key, text = create_api_key(organization=organization, name="narrow")
    ApiKey.objects.filter(pk=key.pk).update(permissions=codes)
    client = ApiClient(text)

    response = client.get("/api/me")

    assert (response.status_code, response.json()["permissions"]) == (200, codes)
    assert client.get("/api/organizations").status_code == 403


def test_a_personal_key_names_person_and_role(organization: Organization, bob: User) -> None:
    key, text = create_api_key(organization=organization, name="of bob")
    ApiKey.objects.filter(pk=key.pk).update(user=bob)
    client = ApiClient(text)

    with CaptureQueriesContext(connection) as captured:
        found = client.get("/api/me").json()

    assert (found["kind"], found["user"]["username"], found["key"]["name"]) == ("key", "bob", "of bob")
    assert found["role"]["slug"] == "member"
    assert len([each for each in captured.captured_queries if each["sql"].startswith("SELECT")]) <= 5


def test_nobody_is_a_401(anonymous: ApiClient) -> None:
    assert anonymous.get("/api/me").status_code == 401


def test_somebody_of_several_organizations_is_told_their_own(
    alice: User, organization: Organization, other_organization: Organization
) -> None:
    second = Organization.objects.create(slug="second", name="Second")
    join(alice, second)
    person = Person(alice)

    unnamed, wrong, right = person.get("/api/me"), *(person.get("/api/me", parley_organization=s) for s in NAMES)

    assert (unnamed.status_code, wrong.status_code, right.status_code) == (403, 403, 200)
    offered = "name one in the header Parley-Organization: acme, second."
    assert problem_of(unnamed)["detail"] == f"You belong to several organizations; {offered}"
    assert problem_of(wrong)["detail"] == f"You belong to no such organization; {offered}"
    assert right.json()["organization"]["slug"] == "second"


NAMES = ("rival", "second")


def test_only_some_of_very_many_organizations_are_told(alice: User, organization: Organization) -> None:
    for number in range(25):
        join(alice, Organization.objects.create(slug=f"more-{number:02}", name="More"))

    detail = problem_of(Person(alice).get("/api/me"))["detail"]

    assert detail.endswith("acme, " + ", ".join(f"more-{number:02}" for number in range(19)) + ", ….")
