"""Organizations in the admin: platform administrators run them, staff see their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Domain, Membership, Organization, User
from tests.accounts.trail import last_number, trail_of
from tests.admin.conftest import listed, notices, staff
from tests.api.stored_rows import snapshot
from tests.client import ApiClient
from tests.conftest import join, make_member

ORGANIZATIONS = reverse("admin:accounts_organization_changelist")
ADD = reverse("admin:accounts_organization_add")


@pytest.fixture
def clerk(alice: User) -> Client:
    """A browser of the owner of acme, who is staff."""
    return staff(alice)


def page(organization: Organization) -> str:
    return reverse("admin:accounts_organization_change", args=[organization.pk])


def act(browser: Client, action: str, *organizations: Organization) -> Any:
    data = {"action": action, "index": "0", "_selected_action": [str(each.pk) for each in organizations]}
    return browser.post(ORGANIZATIONS, data, follow=True)


def offered(browser: Client, term: str = "", field: str = "agents_app.agent.organization") -> list[str]:
    """What the choice of an organization offers in a form."""
    app, model, name = field.split(".")
    query = {"app_label": app, "model_name": model, "field_name": name, "term": term}
    response = browser.get(reverse("admin:autocomplete"), query)
    assert response.status_code == 200, response.content
    return [row["text"] for row in json.loads(response.content)["results"]]


def test_platform_administrator_sees_all(
    admin_client: Client, organization: Organization, other_organization: Organization
) -> None:
    assert listed(admin_client.get(ORGANIZATIONS)) == ["Acme", "Rival"]
    assert offered(admin_client) == ["Acme", "Rival"]


def test_staff_see_their_own_everywhere(
    clerk: Client, organization: Organization, other_organization: Organization
) -> None:
    places = [ORGANIZATIONS, f"{ORGANIZATIONS}?q=rival", f"{ORGANIZATIONS}?state=active", page(organization)]
    pages = [clerk.get(place) for place in places]

    assert listed(pages[0]) == ["Acme"]
    assert listed(pages[1]) == []
    assert [text for text in (each.content.decode() for each in pages) if "Rival" in text] == []
    assert (offered(clerk), offered(clerk, "rival")) == (["Acme"], [])


@pytest.mark.parametrize(("name", "status"), [("change", 302), ("history", 302), ("delete", 403)])
def test_the_page_of_another_organization_is_not_there(
    clerk: Client, other_organization: Organization, name: str, status: int
) -> None:
    def answer(pk: object) -> tuple[int, str, list[str]]:
        response = clerk.get(reverse(f"admin:accounts_organization_{name}", args=[pk]))
        home = clerk.get(reverse("admin:index"))
        told = [each.replace(str(pk), "ID") for each in notices(home)]
        return response.status_code, response.headers.get("Location", ""), told

    theirs, nobodys = answer(other_organization.pk), answer("01890000-0000-7000-8000-000000000000")

    assert theirs == nobodys
    assert theirs[0] == status


def test_history_shows_what_was_done_to_ones_own(
    admin_client: Client, clerk: Client, organization: Organization, other_organization: Organization
) -> None:
    for each in (organization, other_organization):
        form = {"name": f"{each.name} renamed", "slug": each.slug}
        assert admin_client.post(page(each), form).status_code == 302

    own = clerk.get(reverse("admin:accounts_organization_history", args=[organization.pk])).content.decode()
    home = clerk.get(reverse("admin:index")).content.decode()

    assert "root" in own
    assert "Rival" not in own + home
    assert "Rival renamed" in admin_client.get(reverse("admin:index")).content.decode()


def test_platform_administrator_creates_an_organization(admin_client: Client) -> None:
    response = admin_client.post(ADD, {"name": "Fresh", "slug": "fresh", "content_access": "revealed"})

    made = Organization.objects.get(slug="fresh")
    assert response.status_code == 302
    assert Membership.objects.filter(organization=made).count() == 0
    [entry] = trail_of(made.pk)
    assert (entry["action"], entry["actor"]) == ("organization.created", "user root")


def test_staff_create_no_organization(clerk: Client) -> None:
    response = clerk.post(ADD, {"name": "Fresh", "slug": "fresh", "content_access": "revealed"})

    assert response.status_code == 403
    assert Organization.objects.count() == 1


def test_owner_changes_name_and_access_and_nothing_else(clerk: Client, organization: Organization) -> None:
    start = last_number(organization.pk)

    response = clerk.post(page(organization), {"name": "New", "slug": "taken-over", "content_access": "closed"})

    row = Organization.objects.get()
    assert response.status_code == 302
    assert (row.name, row.slug, row.content_access, row.version) == ("New", "acme", "closed", 2)
    [entry] = trail_of(organization.pk, since=start)
    assert (entry["action"], entry["actor"]) == ("organization.updated", "user alice")
    assert entry["before"] == {"name": "Acme", "content_access": "revealed"}
    assert entry["after"] == {"name": "New", "content_access": "closed"}


def test_platform_administrator_changes_the_slug_but_opens_no_content(
    admin_client: Client, organization: Organization
) -> None:
    Organization.objects.update(content_access="closed")

    response = admin_client.post(page(organization), {"name": "Acme", "slug": "acme-2", "content_access": "open"})

    row = Organization.objects.get()
    assert response.status_code == 302
    assert (row.slug, row.content_access) == ("acme-2", "closed")


def test_platform_administrator_who_is_an_owner_sets_the_access(
    admin_client: Client, organization: Organization
) -> None:
    join(User.objects.get(username="root"), organization)

    admin_client.post(page(organization), {"name": "Acme", "slug": "acme", "content_access": "open"})

    assert Organization.objects.get().content_access == "open"


@pytest.mark.parametrize("role", ["viewer", "member", "developer"])
def test_lesser_staff_look_and_change_nothing(organization: Organization, role: str) -> None:
    browser = staff(make_member("vera", organization, role=role))
    before = snapshot()

    answers = [browser.get(page(organization)), browser.post(page(organization), {"name": "x", "slug": "x"})]

    assert [response.status_code for response in answers] == [200, 403]
    assert snapshot() == before


def test_narrowed_staff_see_no_organization_and_still_make_agents_in_theirs(organization: Organization) -> None:
    sales = Domain.objects.create(organization=organization, name="Sales", slug="sales")
    browser = staff(make_member("dora", organization, role="developer", domain=sales))

    refused = browser.get(ORGANIZATIONS)
    form = browser.get(reverse("admin:agents_app_agent_add")).context["adminform"].form

    assert refused.status_code == 403
    assert form.fields["tenant"].initial == organization.pk
    assert list(form.fields["tenant"].queryset) == [organization]


def test_platform_administrator_suspends_and_resumes(
    admin_client: Client, api: ApiClient, organization: Organization, other_organization: Organization
) -> None:
    start = last_number(organization.pk)

    told = [notices(act(admin_client, "suspend", organization))]
    shut = (api.get("/api/me").status_code, listed(admin_client.get(f"{ORGANIZATIONS}?state=suspended")))
    told += [notices(act(admin_client, name, organization)) for name in ("suspend", "resume")]

    assert shut == (401, ["Acme"])
    assert told == [
        ["1 organization suspended."],
        ["0 organizations suspended. 1 left as before."],
        ["1 organization resumed."],
    ]
    assert api.get("/api/me").status_code == 200
    entries = [(each["action"], each["actor"]) for each in trail_of(organization.pk, since=start)]
    assert [each for each in entries if each[0].startswith("organization.")] == [
        ("organization.suspended", "user root"),
        ("organization.resumed", "user root"),
    ]
    assert Organization.objects.get(pk=other_organization.pk).suspended_at is None


def test_staff_suspend_nothing(clerk: Client, organization: Organization, other_organization: Organization) -> None:
    before = snapshot()

    for each in (organization, other_organization):
        act(clerk, "suspend", each)

    assert snapshot() == before
