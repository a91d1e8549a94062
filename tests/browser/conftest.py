"""A real browser before a real server.

Playwright's synchronous interface keeps an event loop running in the thread of the tests, which Django takes for
asynchronous code. As long as the tests of this package run, and no longer, the browser is open and Django is told that
the database may be used all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

from accounts.actors import SystemActor
from accounts.models import Organization, User
from accounts.services import create_organization
from tests.conftest import join

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PASSWORD = "correct horse battery"


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"There is no Chromium at {CHROMIUM}.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS, headless=True)
        yield browser
        browser.close()


class Window:
    """A window of the browser that remembers what must not happen in it."""

    def __init__(self, page: Page, server: str) -> None:
        self.page = page
        self.server = server
        self.dialogs: list[str] = []
        self.complaints: list[str] = []
        self.requests_elsewhere: list[str] = []
        page.on("dialog", self._note_dialog)
        page.on("console", self._note_complaint)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note_request)

    @property
    def misdeeds(self) -> list[str]:
        return self.dialogs + self.complaints + self.requests_elsewhere

    def open(self, path: str) -> Page:
        response = self.page.goto(self.server + path)
        assert response is not None
        assert response.status == 200, path
        return self.page

    def follow(self, selector: str, *, key: str = "") -> None:
        """Click, or press a key there, and wait for the page this leads to."""
        with self.page.expect_navigation():
            if key:
                self.page.press(selector, key)
            else:
                self.page.click(selector)

    def log_in(self, name: str) -> None:
        self.open("/admin/login/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", PASSWORD)
        self.follow("input[type=submit]")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note_complaint(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.server).netloc and not request.url.startswith("data:"):
            self.requests_elsewhere.append(request.url)


@pytest.fixture
def tenant(chromium: Browser, transactional_db: None) -> Organization:
    """An organization whose owner, `root`, administers the installation as well; `operator` is no member."""
    organization = create_organization(slug="acme", name="Acme")
    join(User.objects.create_superuser("root", "root@example.org", PASSWORD), organization)
    User.objects.create_superuser("operator", "operator@example.org", PASSWORD)
    return organization


@pytest.fixture
def author(tenant: Organization) -> SystemActor:
    return SystemActor(tenant.pk)


@pytest.fixture
def window(chromium: Browser, live_server: Any, tenant: Organization) -> Iterator[Window]:
    """A window in which the owner of the organization is logged in."""
    with _opened(chromium, live_server.url, "root") as opened:
        yield opened


@pytest.fixture
def office(chromium: Browser, live_server: Any, tenant: Organization) -> Iterator[Window]:
    """A window in which a platform administrator is logged in who is no member."""
    with _opened(chromium, live_server.url, "operator") as opened:
        yield opened


@contextmanager
def _opened(chromium: Browser, server: str, name: str) -> Iterator[Window]:
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    opened = Window(context.new_page(), server)
    opened.log_in(name)
    yield opened
    context.close()
