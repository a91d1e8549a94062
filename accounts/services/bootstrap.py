"""The first way into a new installation: one administrator and one API key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from accounts.actors import SystemActor
from accounts.models import ApiKey, Organization, User
from accounts.roles import OWNER
from accounts.services.keys import create_api_key
from accounts.services.memberships import add_membership
from accounts.services.organizations import SlugTaken, found_organization
from accounts.services.users import create_user, make_password
from ledger.models import PLATFORM


@dataclass(frozen=True, slots=True)
class FirstAccess:
    """Secrets that were made just now, to be shown once; None where the account was there before."""

    password: str | None
    api_key: str | None


@transaction.atomic
def create_first_access(*, slug: str, username: str, key_name: str) -> FirstAccess:
    """Create what is missing of: the organization, a superuser who is its member, an API key of that name.

    What is there already is left as it is, whatever its state. Raises `InvalidSlug`,
    `InvalidUser`, `UserConflict`.
    """
    organization = _locked_organization(slug)
    return FirstAccess(
        password=_create_administrator(organization, username), api_key=_create_key(organization, key_name)
    )


def _locked_organization(slug: str) -> Organization:
    """A second process waits here and then finds the accounts of the first."""
    if not Organization.objects.filter(slug=slug).exists():
        with suppress(SlugTaken):
            found_organization(actor=SystemActor(PLATFORM), fields={"slug": slug, "name": slug})
    return Organization.objects.select_for_update().get(slug=slug)


def _create_administrator(organization: Organization, username: str) -> str | None:
    if User.objects.filter(username=username).exists():
        return None
    password, actor = make_password(), SystemActor(organization.pk)
    user = create_user(actor=actor, username=username, password=password, is_staff=True, is_superuser=True)
    add_membership(actor=actor, user=user, role=OWNER)
    return password


def _create_key(organization: Organization, name: str) -> str | None:
    if ApiKey.objects.filter(organization=organization, name=name).exists():
        return None
    return create_api_key(organization=organization, name=name)[1]
