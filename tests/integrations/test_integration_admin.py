"""Integrations in the admin: masked secrets, the scope of staff, and the test of a connection."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from agents_app.models import IntegrationConfig
from ledger.models import AuditEntry
from tests.admin.conftest import listed, notices, statements
from tests.conftest import make_member
from tests.integrations.conftest import CANARY, Make, OtherServer

LIST = "admin:agents_app_integrationconfig_changelist"
FORM = {"name": "Named", "slug": "named", "kind": "openai", "base_url": "", "settings": "{}", "is_active": "on"}


def change_page(row: IntegrationConfig) -> str:
    return reverse("admin:agents_app_integrationconfig_change", args=[row.pk])


def stored(row: IntegrationConfig) -> dict[str, str]:
    return dict(IntegrationConfig.objects.get(pk=row.pk).open_secrets())


def staff(organization: Organization, role: str) -> Client:
    user = make_member(f"staff-{role}", organization, role=role)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"api_key": CANARY, "other": "x"}),
        ({"secret_texts-api_key": ""}, {"api_key": CANARY, "other": "x"}),
        ({"secret_texts-api_key": "new"}, {"api_key": "new", "other": "x"}),
        ({"secret_texts-remove-other": "on"}, {"api_key": CANARY}),
        ({"secret_texts:new": "url", "secret_texts:value": "https://a.example/"}, {"url": "https://a.example/"}),
    ],
)
def test_form_keeps_replaces_removes_and_adds_secrets(
    admin_client: Client, make: Make, fields: dict[str, str], expected: dict[str, str]
) -> None:
    row = make(secrets={"api_key": CANARY, "other": "x"})

    response = admin_client.post(change_page(row), {**FORM, **fields})

    assert response.status_code == 302
    kept = {"api_key": CANARY, "other": "x"} if "url" in expected else {}
    assert stored(row) == {**kept, **expected}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"secret_texts:new": "a b", "secret_texts:value": CANARY}, "secret_texts"),
        ({"secret_texts:new": "", "secret_texts:value": CANARY}, "secret_texts"),
        ({"secret_texts:new": "k", "secret_texts:value": ""}, "secret_texts"),
        ({"settings": f'{{"password": "{CANARY[:-1]}"}}'}, "settings"),
        ({"base_url": "http://127.0.0.1/"}, "base_url"),
        ({"base_url": "javascript:alert(1)"}, "base_url"),
        ({"slug": "taken"}, "slug"),
    ],
)
def test_form_refuses_what_the_api_refuses(
    admin_client: Client, make: Make, fields: dict[str, str], field: str
) -> None:
    make(slug="taken")
    row = make(slug="mine")
    before = IntegrationConfig.objects.values().get(pk=row.pk)

    response = admin_client.post(change_page(row), {**FORM, **fields})

    assert list(response.context["adminform"].form.errors) == [field]
    assert CANARY not in response.content.decode()
    assert IntegrationConfig.objects.values().get(pk=row.pk) == before


def test_form_makes_an_integration(admin_client: Client, organization: Organization) -> None:
    new = {"tenant": str(organization.pk), "secret_texts:new": "api_key", "secret_texts:value": CANARY}

    response = admin_client.post(reverse("admin:agents_app_integrationconfig_add"), {**FORM, **new})

    assert response.status_code == 302
    row = IntegrationConfig.objects.get()
    assert (row.organization, row.slug, row.secret_names) == (organization, "named", ["api_key"])
    assert stored(row) == {"api_key": CANARY}
    assert [entry.action for entry in AuditEntry.objects.filter(subject_id=row.pk)] == ["integration.created"]


def test_list_reads_no_ciphertext_and_costs_the_same_at_three_rows(admin_client: Client, make: Make) -> None:
    make(slug="a")
    admin_client.get(reverse(LIST))
    with statements() as at_one:
        admin_client.get(reverse(LIST))
    make(slug="b")
    make(slug="c")

    with statements() as at_three:
        response = admin_client.get(reverse(LIST))

    assert len(listed(response)) == 3
    assert len(at_one) == len(at_three)
    assert [sql for sql in at_three if '"secrets"' in sql.partition(" FROM ")[0]] == []


def test_action_tests_the_connection(admin_client: Client, make: Make, server: OtherServer) -> None:
    row = make(base_url=server.url)

    response = admin_client.post(reverse(LIST), {"action": "test", "_selected_action": [str(row.pk)]}, follow=True)

    assert notices(response) == ["OpenAI: ok. HTTP 200 OK"]
    assert len(server.received) == 1


@pytest.mark.parametrize("action", ["move_to_trash", "restore"])
def test_actions_move_and_restore(admin_client: Client, make: Make, action: str) -> None:
    row = make()
    chosen = {"_selected_action": [str(row.pk)]}
    admin_client.post(reverse(LIST), {"action": "move_to_trash", **chosen})
    if action == "restore":
        admin_client.post(reverse(LIST) + "?trash=only", {"action": "restore", **chosen})

    stored_row = IntegrationConfig.objects.get()
    assert (stored_row.trashed_at is None) == (action == "restore")


@pytest.mark.parametrize(("role", "statuses"), [("owner", (200, 302)), ("viewer", (403, 403)), ("member", (403, 403))])
def test_staff_of_another_organization_sees_nothing(
    other_organization: Organization, make: Make, server: OtherServer, role: str, statuses: tuple[int, int]
) -> None:
    row = make(base_url=server.url)
    client = staff(other_organization, role)
    before = IntegrationConfig.objects.values().get()

    page = client.get(reverse(LIST))
    changed = client.post(change_page(row), {**FORM, "secret_texts-api_key": "new"})
    for action in ("test", "move_to_trash"):
        client.post(reverse(LIST), {"action": action, "_selected_action": [str(row.pk)]})

    assert (page.status_code, changed.status_code) == statuses
    assert row.name not in page.content.decode()
    assert IntegrationConfig.objects.values().get() == before
    assert server.received == []


def test_staff_who_may_read_and_test_sees_names_and_no_field_for_secrets(
    organization: Organization, make: Make, server: OtherServer
) -> None:
    row = make(base_url=server.url)
    client = staff(organization, "operator")

    page = client.get(change_page(row)).content.decode()
    refused = client.post(change_page(row), {**FORM, "secret_texts-api_key": "new"})
    client.post(reverse(LIST), {"action": "test", "_selected_action": [str(row.pk)]})
    client.post(reverse(LIST), {"action": "move_to_trash", "_selected_action": [str(row.pk)]})

    assert "api_key: ••••" in page
    assert "secret_texts" not in page
    assert CANARY not in page
    assert refused.status_code == 403
    after = IntegrationConfig.objects.get()
    assert (after.last_test_status, after.trashed_at, stored(after)) == ("ok", None, {"api_key": CANARY})
