"""Keys in the admin: made and shown once, narrowed, revoked, and each organization's for its own staff alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Organization, User
from accounts.services import create_api_key
from tests.accounts.keyring import refused, show, told
from tests.accounts.trail import last_number, trail_of
from tests.admin.conftest import listed, notices, staff
from tests.api.stored_rows import snapshot
from tests.conftest import join, make_member

LIST, ADD = "admin:accounts_apikey_changelist", "admin:accounts_apikey_add"


@pytest.fixture
def browser(organization: Organization, alice: User) -> Client:
    """A browser in which alice is logged in, who owns the organization and may enter the admin."""
    return staff(alice)


def page(key: ApiKey) -> str:
    return reverse("admin:accounts_apikey_change", args=[key.pk])


def add(browser: Client, organization: Organization, **fields: Any) -> Any:
    return browser.post(reverse(ADD), {"tenant": str(organization.pk), "name": "Made here", **fields})


def sent(browser: Client, key: ApiKey) -> dict[str, Any]:
    """What a browser sends when the page is left as it is."""
    form = browser.get(page(key)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields if name != "expires_at"}
    fields = {name: "on" if value is True else value for name, value in values.items() if value not in (False, None)}
    moment = key.expires_at
    return fields | ({"expires_at_0": f"{moment:%Y-%m-%d}", "expires_at_1": f"{moment:%H:%M:%S}"} if moment else {})


def errors(response: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = response.context["adminform"].form.errors
    return found


def test_a_new_key_is_shown_by_the_page_that_answers(browser: Client, organization: Organization) -> None:
    response = add(browser, organization)

    key, text = ApiKey.objects.get(), response.context["text"]
    written = response.content.decode()
    assert (response.status_code, "no-store" in response["Cache-Control"].split(", ")) == (200, True)
    assert (written.count(text), show(text).status_code) == (1, 200)
    assert (key.name, key.permissions, key.user_id) == ("Made here", None, None)
    assert str(key.created_by_id) == browser.session["_auth_user_id"]
    assert [tag for tag in ("<script>", "onclick=", "javascript:") if tag in written] == []


def test_no_later_page_shows_the_key(browser: Client, organization: Organization) -> None:
    secret = add(browser, organization).context["text"].split("_", 2)[2]
    key = ApiKey.objects.get()
    addresses = [
        page(key),
        reverse(LIST),
        reverse("admin:index"),
        reverse("admin:accounts_apikey_history", args=[key.pk]),
    ]

    pages = [browser.get(address) for address in addresses]

    assert [response.status_code for response in pages] == [200] * 4
    assert [response for response in pages if secret in response.content.decode()] == []
    assert [response for response in pages if key.digest in response.content.decode()] == []
    assert secret not in repr(dict(browser.session)) + repr(browser.cookies)


def test_a_key_is_made_with_every_bound(browser: Client, organization: Organization, alice: User) -> None:
    response = add(
        browser,
        organization,
        personal="on",
        is_narrowed="on",
        permissions=["thread.read", "agent.read"],
        is_read_only="on",
        allowed_networks="127.0.0.1\r\n2001:DB8::/32\r\n",
        expires_at_0="2040-01-01",
        expires_at_1="12:00:00",
    )

    key = ApiKey.objects.get()
    assert response.status_code == 200
    assert (key.user, key.permissions, key.is_read_only) == (alice, ["agent.read", "thread.read"], True)
    assert key.allowed_networks == ["127.0.0.1/32", "2001:db8::/32"]
    assert key.expires_at is not None
    assert f"{key.expires_at:%Y-%m-%d %H:%M}" == "2040-01-01 12:00"


def test_making_a_key_is_audited_in_the_persons_name(browser: Client, organization: Organization) -> None:
    since = last_number(organization.pk)

    add(browser, organization)

    assert [(entry["action"], entry["actor"]) for entry in trail_of(organization.pk, since=since)] == [
        ("key.created", "user alice")
    ]


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"name": " "}, "name"),
        ({"allowed_networks": "10.0.0.1/8"}, "allowed_networks"),
        ({"allowed_networks": "\n".join(["10.0.0.0/8"] * 33)}, "allowed_networks"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "12:00:00"}, "expires_at"),
        ({"permissions": ["thread.read"]}, "is_narrowed"),
        ({"is_narrowed": "on", "permissions": ["organization.create"]}, "permissions"),
    ],
)
def test_what_is_no_key_is_told_by_field(
    browser: Client, organization: Organization, fields: dict[str, Any], at_fault: str
) -> None:
    before = snapshot()

    response = add(browser, organization, **fields)

    assert list(errors(response)) == [at_fault]
    assert snapshot() == before


def test_a_page_that_is_left_as_it_is_changes_nothing(browser: Client, organization: Organization) -> None:
    key = create_api_key(
        organization=organization,
        name="k",
        permissions=["thread.read"],
        allowed_networks=["127.0.0.0/8", "::1/128"],
        expires_at=timezone.now().replace(microsecond=0) + timedelta(days=1),
    )[0]
    since = last_number(organization.pk)

    response = browser.post(page(key), sent(browser, key))

    assert response.status_code == 302
    assert ApiKey.objects.get().version == 1
    assert trail_of(organization.pk, since=since) == []


def test_a_key_is_narrowed_and_widened_on_its_page(browser: Client, organization: Organization) -> None:
    key, text = create_api_key(organization=organization, name="k")
    found = []

    for bounds in ({"is_narrowed": "on", "permissions": ["agent.read"]}, {"is_narrowed": "", "permissions": []}):
        browser.post(page(key), {**sent(browser, key), **bounds})
        key.refresh_from_db()
        found.append((key.permissions, show(text).status_code))

    assert found == [(["agent.read"], 403), (None, 200)]


def test_selected_keys_are_revoked(browser: Client, organization: Organization) -> None:
    made = [create_api_key(organization=organization, name=name) for name in ("one", "two")]
    since = last_number(organization.pk)

    response = browser.post(
        reverse(LIST), {"action": "revoke", "index": "0", "_selected_action": [str(made[0][0].pk)]}, follow=True
    )

    assert notices(response) == ["Revoked 1 key."]
    assert [told(show(made[0][1])) == refused(), show(made[1][1]).status_code] == [True, 200]
    actions = [(entry["action"], entry["actor"]) for entry in trail_of(organization.pk, since=since)]
    assert actions[0] == ("key.revoked", "user alice")


def test_a_revoked_key_is_looked_at_and_not_changed(browser: Client, organization: Organization) -> None:
    key = create_api_key(organization=organization, name="k", permissions=["thread.read"])[0]
    ApiKey.objects.update(revoked_at=timezone.now())
    before = snapshot()

    shown = browser.get(page(key))
    changed = browser.post(page(key), {"name": "n"})

    assert (shown.status_code, changed.status_code) == (200, 403)
    assert "thread.read" in shown.content.decode()
    assert snapshot() == before


def test_a_key_is_never_deleted(browser: Client, organization: Organization) -> None:
    key = create_api_key(organization=organization, name="k")[0]

    response = browser.post(reverse("admin:accounts_apikey_delete", args=[key.pk]), {"post": "yes"})

    assert (response.status_code, ApiKey.objects.count()) == (403, 1)


def test_the_list_is_filtered_by_organization_kind_and_state(
    browser: Client, organization: Organization, other_organization: Organization, alice: User
) -> None:
    join(alice, other_organization)
    past = timezone.now() - timedelta(days=1)
    names = {
        "plain": create_api_key(organization=organization, name="plain")[0],
        "personal": create_api_key(organization=organization, name="personal", user=alice)[0],
        "expired": create_api_key(organization=organization, name="expired", expires_at=past)[0],
        "revoked": create_api_key(organization=organization, name="revoked")[0],
        "theirs": create_api_key(organization=other_organization, name="theirs")[0],
    }
    ApiKey.objects.filter(name="revoked").update(revoked_at=past)
    texts = {name: str(key) for name, key in names.items()}

    found = {
        query: listed(browser.get(f"{reverse(LIST)}?{query}&o=1"))
        for query in ("organization=rival", "kind=personal", "state=expired", "state=revoked", "q=plain")
    }

    assert found == {
        "organization=rival": [texts["theirs"]],
        "kind=personal": [texts["personal"]],
        "state=expired": [texts["expired"]],
        "state=revoked": [texts["revoked"]],
        "q=plain": [texts["plain"]],
    }


def test_the_list_costs_the_same_at_one_row_and_at_three(browser: Client, organization: Organization) -> None:
    counts = []
    for number in range(3):
        create_api_key(organization=organization, name=f"k{number}", user=User.objects.get(username="alice"))
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse(LIST))
        counts.append(len(captured))

    assert counts == [counts[0]] * 3


def test_the_staff_of_another_organization_sees_and_does_nothing(organization: Organization, charlie: User) -> None:
    key = create_api_key(organization=organization, name="k")[0]
    stranger = staff(charlie)
    nobodys = reverse("admin:accounts_apikey_change", args=["01890000-0000-7000-8000-000000000000"])
    before = snapshot()

    answers = [stranger.get(address).status_code for address in (page(key), nobodys)]
    stranger.post(page(key), {"name": "Mine"})
    stranger.post(reverse(LIST), {"action": "revoke", "index": "0", "_selected_action": [str(key.pk)]})
    made = add(stranger, organization)

    assert answers == [302, 302]
    assert listed(stranger.get(reverse(LIST))) == []
    assert list(errors(made)) == ["tenant"]
    assert snapshot() == before


@pytest.mark.parametrize(
    ("role", "statuses"), [("developer", (200, 200)), ("operator", (200, 403)), ("member", (403, 403))]
)
def test_staff_may_what_their_role_says(organization: Organization, role: str, statuses: tuple[int, int]) -> None:
    browser = staff(make_member("somebody", organization, role=role))

    assert (browser.get(reverse(LIST)).status_code, browser.get(reverse(ADD)).status_code) == statuses


def test_staff_makes_no_key_that_holds_more_than_they_do(organization: Organization) -> None:
    browser = staff(make_member("dora", organization, role="developer"))
    before = snapshot()

    refused_page = browser.post(
        reverse(ADD),
        {"tenant": str(organization.pk), "name": "n", "is_narrowed": "on", "permissions": ["role.update"]},
        follow=True,
    )

    assert notices(refused_page) == ["You do not hold role.update."]
    assert snapshot() == before
    add(browser, organization)
    assert "role.update" not in (ApiKey.objects.get().permissions or ["role.update"])


def test_a_platform_administrator_makes_keys_for_any_organization(
    organization: Organization, admin_client: Client
) -> None:
    text = add(admin_client, organization).context["text"]

    assert show(text).status_code == 200
