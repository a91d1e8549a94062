"""An invitation, from the admin to the newcomer, as both of them see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from accounts.actors import SystemActor
from accounts.models import Organization, User
from accounts.services.invitations import create_invitation
from tests.accounts.people import place_of
from tests.browser.conftest import PASSWORD, Window

pytestmark = pytest.mark.browser

NEW_PASSWORD = "a long walk home 17"


@pytest.fixture
def guest(chromium: Browser, live_server: Any, tenant: Organization) -> Iterator[Window]:
    """A window in which nobody is logged in."""
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    yield Window(context.new_page(), live_server.url)
    context.close()


@pytest.fixture
def path(tenant: Organization) -> str:
    actor = SystemActor(tenant.pk)
    return f"/invitations/{create_invitation(actor=actor, email='eve@example.org', role='member')[1]}/"


def test_newcomer_makes_an_account(window: Window, guest: Window) -> None:
    page = window.open("/admin/accounts/invitation/add/")
    page.click(".field-tenant .select2-selection")
    page.click(".select2-results__option >> text=Acme")
    page.fill("#id_email", "eve@example.org")
    page.select_option("#id_role", label="Member")
    window.follow("input[name=_save]")
    address = page.input_value("#new-invitation")

    newcomer = guest.open(address.removeprefix(guest.server))
    email = (newcomer.input_value("#id_email"), newcomer.is_disabled("#id_email"))
    newcomer.fill("#id_username", "eve")
    newcomer.fill("#id_password1", NEW_PASSWORD)
    newcomer.fill("#id_password2", NEW_PASSWORD)
    guest.follow("input[type=submit]")

    assert email == ("eve@example.org", True)
    assert newcomer.inner_text("h1 >> text=Welcome") == "Welcome to Acme"
    assert place_of(User.objects.get(username="eve")) == ("member", None)
    assert (window.misdeeds, guest.misdeeds) == ([], [])


def test_person_with_an_account_logs_in_and_joins(guest: Window, path: str) -> None:
    eve = User.objects.create_user("eve", "eve@example.org", PASSWORD)
    page = guest.open(path)

    guest.follow("text=I have an account: log in")
    page.fill("#id_username", "EVE@example.org")
    page.fill("#id_password", PASSWORD)
    guest.follow("input[type=submit]")
    guest.follow("input[value='Join Acme as Member']")

    assert "You are now in Acme as Member" in page.inner_text("#content")
    assert place_of(eve) == ("member", None)
    assert guest.misdeeds == []
