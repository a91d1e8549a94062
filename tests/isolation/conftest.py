"""Two organizations, full of things, and everybody who may knock."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pytest_django import Settings

from accounts.models import Organization
from tests.api.stored_rows import ids_of_rows
from tests.conftest import make_member
from tests.isolation.answers import Answer
from tests.isolation.identities import Identity, cast, key_of
from tests.isolation.world import Ids, make_world

CANARY = "canary"
"""Stands in every row of acme that holds words, and must never reach anybody outside."""


@dataclass(frozen=True)
class Stage:
    """`acme` and `rival` hold the ids of what is there."""

    acme: Ids
    rival: Ids
    identities: dict[str, Identity]
    secrets: tuple[bytes, ...]

    def ids_of(self, identity: Identity) -> Ids:
        """The things that the identity may speak of in a body."""
        return self.rival if identity.is_outside else self.acme

    def leaks(self, answer: Answer) -> bool:
        """Whether an answer tells any word or id of acme."""
        return any(secret in answer.body for secret in self.secrets)


@pytest.fixture
def stage(organization: Organization, other_organization: Organization, settings: Settings) -> Stage:
    """Throttles are off: the same caller knocks at every address."""
    settings.THROTTLE_ADDRESS_PER_MINUTE = settings.THROTTLE_KEY_PER_MINUTE = 0
    identities = cast(organization, other_organization)
    make_member("ruth", other_organization, role="viewer")
    make_member("sam", organization, role="viewer")
    rival = make_world(key_of(other_organization), other_organization, "sparrow")
    acme = make_world(key_of(organization), organization, CANARY)
    ids = [str(each).encode() for each in [organization.pk, *ids_of_rows(organization.pk)]]
    assert len(ids) > len(acme)
    return Stage(acme, rival, identities, (CANARY.encode(), *ids))
