"""What the tests of the admin share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actors import SystemActor
from accounts.models import Organization, User
from conversations.models import Message, Thread
from conversations.services import append_messages
from tests.conftest import join

Say = Callable[..., Message]

THREADS = "admin:conversations_thread_changelist"
MESSAGES = "admin:conversations_message_changelist"
FEEDBACK = "admin:conversations_feedback_changelist"
AGENTS = "admin:agents_app_agent_changelist"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create(username="admin", is_staff=True, is_superuser=True)


@pytest.fixture
def organization(organization: Organization, root: User) -> Organization:
    """The organization, with `root` among its members: what was said in it is not hidden from them."""
    join(root, organization)
    return organization


@pytest.fixture
def other_organization(other_organization: Organization, root: User) -> Organization:
    join(root, other_organization)
    return other_organization


@pytest.fixture
def browser(root: User) -> Client:
    """A browser in which `root` is logged in."""
    client = Client()
    client.force_login(root)
    return client


def staff(person: User) -> Client:
    """A browser in which the person is logged in, who may enter the admin."""
    User.objects.filter(pk=person.pk).update(is_staff=True)
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def operator(db: None) -> User:
    """A platform administrator who is a member nowhere."""
    return User.objects.create(username="operator", is_staff=True, is_superuser=True)


@pytest.fixture
def office(operator: User) -> Client:
    """A browser of the platform administrator."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def say(actor: SystemActor, thread: Thread) -> Say:
    """Append one message to a thread and return it."""

    def append(
        content: str | None = "hello", *, to: Thread | None = None, role: str = "user", **fields: Any
    ) -> Message:
        place = to or thread
        named = {"role": role, "content": content, **fields}
        author = SystemActor(place.organization_id)
        return append_messages(actor=author, thread_id=place.pk, messages=[named])[0]

    return append


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield a list that holds the statements of the block once it has ended."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [query["sql"] for query in captured.captured_queries]


def thread_page(thread: Thread, query: str = "") -> str:
    return reverse("admin:conversations_thread_change", args=[thread.pk]) + query


def message_page(message: Message) -> str:
    return reverse("admin:conversations_message_change", args=[message.pk])


def notices(response: Any) -> list[str]:
    """What the admin told at the top of the page."""
    return [str(message) for message in response.context["messages"]]


def listed(response: Any) -> list[str]:
    """The rows of a list, as text, in order."""
    return [str(row) for row in response.context["cl"].result_list]
