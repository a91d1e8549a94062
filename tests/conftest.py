"""The cast and the stage: alice owns things, bob works with her, charlie is a stranger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts import key_checks
from accounts.actors import SystemActor
from accounts.models import Domain, Membership, Organization, Role, User
from accounts.services import create_api_key, create_organization
from conversations.models import Thread
from conversations.services import create_thread
from core import throttling
from tests.client import ApiClient
from tests.databases import fresh_connection, fresh_database

__all__ = ["fresh_connection", "fresh_database"]


@pytest.fixture(autouse=True, scope="session")
def quick_passwords() -> Iterator[None]:
    """Hashing that is slow on purpose would be most of what the tests do."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _rested_throttles() -> None:
    """What other tests asked for counts against nobody."""
    for throttle in (throttling.actors, throttling.strangers, key_checks.slow_checks):
        throttle.forget()


@pytest.fixture
def organization(db: None) -> Organization:
    return create_organization(slug="acme", name="Acme")


@pytest.fixture
def other_organization(db: None) -> Organization:
    return create_organization(slug="rival", name="Rival")


@pytest.fixture
def alice(organization: Organization) -> User:
    return make_member("alice", organization)


@pytest.fixture
def bob(organization: Organization) -> User:
    return make_member("bob", organization, role="member")


@pytest.fixture
def charlie(other_organization: Organization) -> User:
    return make_member("charlie", other_organization)


def make_member(name: str, organization: Organization, *, role: str = "owner", domain: Domain | None = None) -> User:
    user = User.objects.create_user(name, f"{name}@example.org", "correct horse battery")
    join(user, organization, role=role, domain=domain)
    return user


def join(user: User, organization: Organization, *, role: str = "owner", domain: Domain | None = None) -> Membership:
    held = Role.objects.built_in().get(slug=role)
    return Membership.objects.create(user=user, organization=organization, role=held, domain=domain)


@pytest.fixture
def actor(organization: Organization) -> SystemActor:
    return SystemActor(organization.pk)


@pytest.fixture
def api(organization: Organization) -> ApiClient:
    """A client with a key of the organization."""
    return ApiClient(create_api_key(organization=organization, name="tests")[1])


@pytest.fixture
def stranger(other_organization: Organization) -> ApiClient:
    """A client with a key of another organization."""
    return ApiClient(create_api_key(organization=other_organization, name="tests")[1])


@pytest.fixture
def anonymous(db: None) -> ApiClient:
    return ApiClient(None)


@pytest.fixture
def admin_client(db: None) -> Client:
    """A browser in which a platform administrator is logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("root", "root@example.org", "correct horse battery"))
    return client


@pytest.fixture
def make_thread(actor: SystemActor) -> Callable[..., Thread]:
    def make(**fields: Any) -> Thread:
        defaults = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}
        return create_thread(actor=actor, fields={**defaults, **fields})

    return make


@pytest.fixture
def thread(make_thread: Callable[..., Thread]) -> Thread:
    return make_thread(title="A thread")
