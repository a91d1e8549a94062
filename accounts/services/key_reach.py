"""How far a key reaches, and that nobody makes a key reach further than they do themselves."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from accounts.actors import held
from accounts.models import ApiKey, Membership
from accounts.permissions import ORGANIZATION_PERMISSIONS
from accounts.services.roles import SHOWN_CODES, GrantsTooMuch
from core.access import Actor
from core.errors import DomainError
from core.networks import is_within, parse_network

Errors = dict[str, list[str]]


class NoMember(DomainError):
    """A personal key is wanted for somebody who does not belong to the organization."""

    code = "not_a_member"
    title = "A personal key acts for a member of the organization."

    def __init__(self) -> None:
        message = "A key of one's own needs a membership of the organization."
        super().__init__("See errors for the reason.", errors={"personal": [message]})


class Reach(NamedTuple):
    """What can be done, from where and until when. No networks: from anywhere; no end: for ever."""

    codes: frozenset[str]
    networks: tuple[str, ...] = ()
    expires_at: datetime | None = None
    domain_id: UUID | None = None

    def excess_over(self, other: Reach) -> Errors:
        """In what this goes beyond the other, as messages by field; nothing when it stays within."""
        errors: Errors = {}
        if surplus := sorted(self.codes - other.codes):
            more = f" and {len(surplus) - SHOWN_CODES} more" if len(surplus) > SHOWN_CODES else ""
            errors["permissions"] = [f"You do not hold {', '.join(surplus[:SHOWN_CODES])}{more}."]
        if not _are_within(self.networks, other.networks):
            errors["allowed_networks"] = [f"You are bound to {', '.join(other.networks)}."]
        if other.expires_at is not None and (self.expires_at is None or self.expires_at > other.expires_at):
            errors["expires_at"] = ["Your own key expires before that."]
        if other.domain_id not in (None, self.domain_id):
            errors["personal"] = ["You are narrowed to a domain and can make keys for yourself alone."]
        return errors


def reach_of(key: ApiKey) -> Reach:
    """Return how far a key reaches; of a personal key this is read from its owner's role. Raises `NoMember`."""
    codes, domain_id = (ORGANIZATION_PERMISSIONS, None) if key.user_id is None else _role_of(key)
    narrowed_to = None if key.permissions is None else frozenset(key.permissions)
    codes = held(codes, domain_id=domain_id, narrowed_to=narrowed_to, is_read_only=key.is_read_only)
    return Reach(codes, tuple(key.allowed_networks), key.expires_at, domain_id)


def reach_of_actor(actor: Actor) -> Reach:
    """Return how far the actor reaches; one who shows a key is bound by that key's networks and its end too."""
    codes = frozenset(code for code in ORGANIZATION_PERMISSIONS if actor.can(code))
    shown = ApiKey.objects.filter(organization_id=actor.organization_id, pk=actor.key_id) if actor.key_id else None
    bounds = None if shown is None else shown.values_list("allowed_networks", "expires_at").first()
    networks, expires_at = bounds or ([], None)
    return Reach(codes, tuple(networks), expires_at, actor.domain_id)


def check_reach(actor: Actor, reach: Reach) -> None:
    """Raise `GrantsTooMuch` where the reach goes beyond the actor's own."""
    if errors := reach.excess_over(reach_of_actor(actor)):
        raise GrantsTooMuch("See errors for what is too much.", errors=errors)


def _role_of(key: ApiKey) -> tuple[frozenset[str], UUID | None]:
    memberships = Membership.objects.filter(organization_id=key.organization_id, user_id=key.user_id)
    found = memberships.values_list("role__permissions", "domain_id").first()
    if found is None:
        raise NoMember
    return frozenset(found[0]), found[1]


def _are_within(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    if not outer:
        return True
    bounds = [parse_network(each) for each in outer]
    return bool(inner) and all(any(is_within(parse_network(each), bound) for bound in bounds) for each in inner)
