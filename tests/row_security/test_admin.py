"""The admin of staff runs in a scope, that of platform administrators outside of any."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Organization, User
from conversations.models import Thread
from core import row_security
from core.grants import AdminScope
from tests.admin.conftest import staff
from tests.api.conftest import Shelf
from tests.row_security.stage import ids_by_table, on_postgresql

pytestmark = [on_postgresql, pytest.mark.usefixtures("wall")]

PAGES = {f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry} - {
    "admin:auth_group_changelist"
}

STAGED = {f"admin:{name}_changelist" for name in ("agents_app_agent", "conversations_thread", "conversations_message")}
"""Lists of which the stage holds rows that nothing but the filter keeps from staff of others."""


@pytest.fixture
def no_admin_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch off what keeps staff to their organizations in the admin's own queries."""
    monkeypatch.setattr(AdminScope, "restrict", lambda _scope, rows, _code: rows)
    monkeypatch.setattr(AdminScope, "organization_ids", lambda _scope, _code: list(_organization_ids()))


def _organization_ids() -> Any:
    return Organization.objects.values_list("pk", flat=True)


def ids_in(response: Any, ids: list[object]) -> list[object]:
    text = response.content.decode()
    return [each for each in ids if str(each) in text]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_list_of_staff_shows_no_foreign_row(
    organization: Organization,
    shelf: Shelf,
    alice: User,
    charlie: User,
    no_admin_filter: None,
    settings: Settings,
    page: str,
) -> None:
    ids = [*ids_by_table(organization).values(), alice.pk]
    browser = staff(charlie)

    response = browser.get(reverse(page))

    assert response.status_code in (200, 403)
    assert ids_in(response, ids) == []
    settings.ROW_LEVEL_SECURITY = False
    assert ids_in(browser.get(reverse(page)), ids) or page not in STAGED, "there was nothing to leak"


def test_row_of_another_organization_is_not_there(
    shelf: Shelf, charlie: User, no_admin_filter: None, settings: Settings
) -> None:
    browser, page = staff(charlie), reverse("admin:conversations_thread_change", args=[shelf.thread])

    answer = browser.get(page)

    settings.ROW_LEVEL_SECURITY = False
    assert (answer.status_code, browser.get(page).status_code) != (200, 200)
    assert shelf.thread not in answer.content.decode()


def test_platform_administrator_sees_all_organizations(
    admin_client: Client, organization: Organization, other_organization: Organization
) -> None:
    page = admin_client.get(reverse("admin:accounts_organization_changelist")).content.decode()

    assert all(str(each.pk) in page for each in (organization, other_organization))


def test_page_is_rendered_in_the_scope(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def short_name(_user: User) -> str:
        seen.append(row_security.is_scoped())
        return "alice"

    monkeypatch.setattr(User, "get_short_name", short_name)

    response = staff(alice).get(reverse("admin:index"))

    assert response.status_code == 200
    assert set(seen) == {True}


def test_staff_change_rows_of_their_own(alice: User, shelf: Shelf) -> None:
    browser = staff(alice)
    page = reverse("admin:conversations_thread_changelist")
    chosen = {"action": "move_to_trash", "_selected_action": [shelf.thread]}

    assert browser.get(page).status_code == 200
    assert browser.post(page, chosen).status_code == 302
    assert Thread.objects.get(pk=shelf.thread).trashed_at is not None
    assert browser.get(reverse("admin:password_change")).status_code == 200
