"""The rows and the callers of the walk through all hostile inputs, and what of an answer is the same on every run."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from accounts.actors import SystemActor
from accounts.models import User
from accounts.services import create_api_key, create_organization
from accounts.services.domains import create_domain
from agents_app.services import create_agent
from conversations.services import append_messages, create_thread
from ledger.models import AuditEntry
from tests.api.conftest import Shelf, make_shelf, row_for
from tests.api.routes import HOUSE, PLATFORM_ONLY, THREAD, Route
from tests.client import ApiClient
from tests.conftest import join

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|parley_[A-Za-z0-9_-]+|(?<=cursor=)[^&\"]+|\"hash\": ?\"[0-9a-f]+\""
)


@dataclass(frozen=True)
class World:
    """An organization with a row of every kind, another one, and somebody who may do everything in both ways."""

    api: ApiClient
    root: ApiClient
    browser: Client
    shelf: Shelf
    other: Shelf
    names: dict[str, str] = field(default_factory=dict)
    """What the rows are called in outcomes, by their ids."""

    def row(self, route: Route) -> str:
        if route.name.startswith("audit"):
            return str(AuditEntry.objects.filter(organization_id=self.shelf.organization).earliest("sequence").pk)
        return row_for(route, self.shelf)

    def client(self, method: str, route: Route) -> ApiClient:
        """Who may make the request: the key, or for what keys may not do, the platform's administrator."""
        return self.root if (method, route.name) in PLATFORM_ONLY else self.api

    def canonical(self, answer: bytes) -> str:
        """The text of an answer, with names for ids and without times and secrets."""
        text = answer.decode("utf-8", "replace")
        named = _ID.sub(lambda found: self.names.get(found[0], "an id"), text)
        return _VOLATILE.sub("something", named)


class LoggedIn(ApiClient):
    """A client that speaks the API with a log-in."""

    def __init__(self, browser: Client) -> None:
        super().__init__(None)
        self._client = browser

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return super().send(method, path, body, **{"parley_organization": "acme", **headers})


def make_world() -> World:
    """Make the rows; the caller rolls them back."""
    organization = create_organization(slug="acme", name="Acme")
    other = create_organization(slug="rival", name="Rival")
    root = User.objects.create_superuser("root", "root@example.org", "correct horse battery")
    join(root, organization)
    browser = Client()
    browser.force_login(root)
    shelf = make_shelf(SystemActor(organization.pk))
    theirs = make_their_shelf(SystemActor(other.pk))
    api = ApiClient(create_api_key(organization=organization, name="walk")[1])
    names = {pk: f"their {kind}" for kind, pk in vars(theirs).items()} | {pk: kind for kind, pk in vars(shelf).items()}
    return World(api, LoggedIn(browser), browser, shelf, theirs, {**names, HOUSE: "house"})


def make_their_shelf(actor: SystemActor) -> Shelf:
    """The rows of the other organization that a request may name."""
    thread = create_thread(actor=actor, fields=THREAD)
    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "theirs"}])
    rows: dict[str, Any] = dict.fromkeys(Shelf.__annotations__, "")
    rows |= {"thread": str(thread.pk), "message": str(message.pk), "organization": str(actor.organization_id)}
    rows["agent"] = str(create_agent(actor=actor, fields={"name": "Theirs"}).pk)
    rows["domain"] = str(create_domain(actor=actor, fields={"name": "Theirs"}).pk)
    return Shelf(**rows)


def digest(value: Any) -> str:
    """A short name of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
