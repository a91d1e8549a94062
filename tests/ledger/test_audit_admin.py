"""The audit trail in the admin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization, User
from ledger.models import PLATFORM, AuditEntry
from ledger.services import Subject, record
from tests.conftest import make_member
from tests.ledger.chains import write_entries

LIST = "admin:ledger_auditentry_changelist"


@pytest.fixture
def staff(organization: Organization) -> Callable[..., Client]:
    """A browser in which somebody of the organization is logged in who may use the admin."""

    def log_in(role: str = "owner") -> Client:
        user = make_member(f"staff-{role}", organization, role=role)
        User.objects.filter(pk=user.pk).update(is_staff=True)
        client = Client()
        client.force_login(user)
        return client

    return log_in


def rows(client: Client, query: str = "") -> list[AuditEntry]:
    response = client.get(f"{reverse(LIST)}{query}")
    assert response.status_code == 200, response
    return list(response.context["cl"].result_list)


def page(client: Client, entry: AuditEntry) -> Any:
    return client.get(reverse("admin:ledger_auditentry_change", args=[entry.pk]))


def test_list_shows_who_did_what(admin_client: Client, organization: Organization) -> None:
    actor = SystemActor(organization.pk, "nightly")
    record(actor=actor, action="thing.changed", subject=Subject("thing", None, "<b>bold</b>"))

    text = admin_client.get(f"{reverse(LIST)}?act=thing.changed").content.decode()

    assert "System nightly" in text
    assert "thing &lt;b&gt;bold&lt;/b&gt;" in text
    assert "<b>bold</b>" not in text
    assert ">acme<" in text


def test_platform_administrator_sees_every_chain(
    admin_client: Client, organization: Organization, other_organization: Organization
) -> None:
    entries = [write_entries(each, 1)[0] for each in (organization.pk, other_organization.pk, PLATFORM)]

    assert rows(admin_client, "?act=thing.changed") == entries[::-1]
    assert rows(admin_client, "?act=thing.changed&organization=acme") == entries[:1]


def test_staff_see_the_chain_of_their_organization_only(
    staff: Callable[..., Client], organization: Organization, other_organization: Organization
) -> None:
    [ours], [theirs] = write_entries(organization.pk, 1), write_entries(other_organization.pk, 1)
    client = staff("auditor")

    assert rows(client, "?act=thing.changed") == [ours]
    assert page(client, ours).status_code == 200
    assert page(client, theirs).status_code == 302  # to the start page, as for an id that is not there


def test_staff_without_the_permission_see_nothing(staff: Callable[..., Client], organization: Organization) -> None:
    [entry] = write_entries(organization.pk, 1)
    client = staff("viewer")

    assert client.get(reverse(LIST)).status_code == 403
    assert page(client, entry).status_code in (302, 403)


def test_page_shows_before_and_after_side_by_side(admin_client: Client, organization: Organization) -> None:
    entry = record(
        actor=SystemActor(organization.pk),
        action="thing.changed",
        subject=Subject("thing", None),
        before={"name": "<i>old</i>", "gone": True},
        after={"name": "new", "list": [1, None]},
        reason="asked for",
    )

    text = page(admin_client, entry).content.decode()

    assert "&lt;i&gt;old&lt;/i&gt;" in text
    assert "<i>old</i>" not in text
    assert [f'<th scope="row">{name}</th>' in text for name in ("gone", "list", "name")] == [True] * 3
    assert "asked for" in text
    assert entry.hash in text


@pytest.mark.parametrize("path", ["add/", "{id}/delete/", "{id}/change/"])
def test_nobody_changes_anything(admin_client: Client, organization: Organization, path: str) -> None:
    [entry] = write_entries(organization.pk, 1)
    before = list(AuditEntry.objects.values())

    address = reverse(LIST) + path.format(id=entry.pk)
    response = admin_client.post(address, {"action": "thing.forged", "post": "yes"})

    assert response.status_code == 403
    assert list(AuditEntry.objects.values()) == before


def test_entries_cannot_be_deleted_by_an_action(admin_client: Client, organization: Organization) -> None:
    [entry] = write_entries(organization.pk, 1)

    data = {"action": "delete_selected", "_selected_action": [str(entry.pk)], "post": "yes"}
    admin_client.post(reverse(LIST), data)

    assert AuditEntry.objects.filter(pk=entry.pk).exists()
    actions = admin_client.get(reverse(LIST)).context["action_form"].fields["action"].choices
    assert [name for name, _ in actions] == ["", "export_as_jsonl", "export_as_csv"]


def test_list_costs_the_same_at_any_length(admin_client: Client, organization: Organization) -> None:
    costs = []
    for count in (1, 2):
        write_entries(organization.pk, count)
        rows(admin_client, "?organization=acme")
        with CaptureQueriesContext(connection) as captured:
            rows(admin_client, "?organization=acme")
        costs.append(len(captured.captured_queries))
        assert [each["sql"] for each in captured.captured_queries if "COUNT(" in each["sql"]] == []

    assert costs[0] == costs[1]


def test_list_is_filtered_by_day(admin_client: Client, organization: Organization) -> None:
    [entry] = write_entries(organization.pk, 1)
    today = f"{entry.created_at:%Y-%m-%d}"

    assert rows(admin_client, f"?act=thing.changed&written_from={today}") == [entry]
    assert rows(admin_client, "?act=thing.changed&written_until=2020-01-01") == []


def export(client: Client, entries: list[AuditEntry], action: str = "export_as_jsonl") -> Any:
    data = {"action": action, "_selected_action": [str(entry.pk) for entry in entries]}
    return client.post(reverse(LIST), data)


def test_export_holds_the_selected_entries_and_is_one_itself(
    admin_client: Client, organization: Organization, other_organization: Organization
) -> None:
    ours, theirs = write_entries(organization.pk, 2), write_entries(other_organization.pk, 1)

    response = export(admin_client, [ours[0], *theirs])

    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(str(entry.pk) for entry in (ours[0], *theirs))
    told = AuditEntry.objects.filter(action="audit.exported")
    assert {entry.organization_id for entry in told} == {organization.pk, other_organization.pk}
    assert {(entry.actor_kind, entry.actor_label) for entry in told} == {("user", "root")}


def test_export_needs_its_own_permission(staff: Callable[..., Client], organization: Organization) -> None:
    entries = write_entries(organization.pk, 1)

    response = export(staff("auditor"), entries, "export_as_csv")

    assert b"thing.changed" in b"".join(response.streaming_content)
    assert AuditEntry.objects.filter(action="audit.exported").count() == 1
