"""Rows for lists and appends that are compared, made by the long way alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from accounts.actors import SystemActor
from accounts.models import Domain, Organization
from accounts.services import create_api_key
from conversations.models import Message, Thread
from conversations.services import append_messages
from tests.client import ApiClient
from tests.conftest import make_member

Append = Callable[..., list[Message]]


@pytest.fixture
def append(actor: SystemActor) -> Append:
    """Append messages with the given fields to a thread; `role` is `user` unless given."""

    def to(thread: Thread, messages: Sequence[dict[str, Any]]) -> list[Message]:
        rows = [{"role": "user", **fields} for fields in messages]
        return append_messages(actor=actor, thread_id=thread.pk, messages=rows)

    return to


@pytest.fixture
def house(organization: Organization) -> Domain:
    return Domain.objects.create(organization=organization, name="House", slug="house")


@pytest.fixture
def narrowed(organization: Organization, house: Domain) -> ApiClient:
    """A client with the key of somebody who sees one domain alone."""
    dan = make_member("dan", organization, domain=house)
    return ApiClient(create_api_key(organization=organization, name="house", user=dan)[1])
