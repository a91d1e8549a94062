"""The rows that hostile inputs refer to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.test import Client

from accounts.actors import SystemActor
from accounts.models import Organization, User
from conversations.services import append_messages, create_thread
from tests.hostile.adapters import THREAD


@dataclass(frozen=True)
class Target:
    """Ids of an organization, of a thread, and of a message in it."""

    organization: str

    thread: str
    message: str


@pytest.fixture
def target(organization: Organization) -> Target:
    """A conversation of the organization that is attacked."""
    return make_target(organization)


@pytest.fixture
def other_target(other_organization: Organization) -> Target:
    """A conversation of another organization."""
    return make_target(other_organization)


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def make_target(organization: Organization) -> Target:
    actor = SystemActor(organization.pk)
    thread = create_thread(actor=actor, fields={**THREAD, "title": "Before"})
    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "said before"}])
    return Target(str(organization.pk), str(thread.pk), str(message.pk))
