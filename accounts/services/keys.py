"""API keys: made, shown once, changed, renewed, revoked."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import SystemActor
from accounts.keys import make_key
from accounts.models import ApiKey, Organization, User
from accounts.permissions import ORGANIZATION_PERMISSIONS
from accounts.services.key_reach import NoMember, check_reach, reach_of, reach_of_actor
from accounts.services.roles import GrantsTooMuch
from core.access import Actor
from core.changes import lock_row, save_changes
from core.errors import Conflict
from core.preconditions import ANY_VERSION, Precondition
from ledger.services import change_of, record, subject_of

LIMITS = ("permissions", "is_read_only", "allowed_networks", "expires_at")
"""What bounds a key."""

DEFAULT_OVERLAP = timedelta(hours=24)
"""For how long an old key goes on working beside its successor, unless it is said."""


class KeyRevoked(Conflict):
    """A revoked key stays as it is, for the record."""

    code = "key_revoked"
    title = "The key is revoked."

    def __init__(self) -> None:
        super().__init__("A revoked key cannot be changed or renewed; make a new one.")


@transaction.atomic
def issue_key(
    *, actor: Actor, fields: dict[str, Any], owner_id: UUID | None = None, now: datetime | None = None
) -> tuple[ApiKey, str]:
    """Create a key and return it with its text, which is stored nowhere and cannot be shown again.

    With an owner it is a personal key. `fields` hold `name` and what bounds the key; without `permissions` it gets all
    that the actor may give. Raises `GrantsTooMuch`, `NoMember`.
    """
    moment = now or timezone.now()
    new = make_key()
    key = ApiKey(
        organization_id=actor.organization_id,
        user_id=owner_id,
        created_by_id=actor.user_id,
        prefix=new.prefix,
        digest=new.digest,
        pepper_id=new.pepper_id,
        created_at=moment,
        updated_at=moment,
        **fields,
    )
    if "permissions" not in fields:
        key.permissions = _default_permissions(actor, key)
    _check_owner(actor, key)
    check_reach(actor, reach_of(key))
    key.save(force_insert=True)
    record(actor=actor, action="key.created", subject=subject_of(key), after=_described(key), now=moment)
    return key, new.text


@transaction.atomic
def change_key(
    *,
    actor: Actor,
    key_id: UUID,
    changes: dict[str, Any],
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> ApiKey:
    """Change the name and the bounds of a key. Narrowing is free; a key that is widened stays within the actor's reach.

    Raises `NotFound`, `VersionMismatch`, `KeyRevoked`, `GrantsTooMuch`, and `NoMember` for the bounds of a key whose
    owner has left.
    """
    moment = now or timezone.now()
    key = _locked(actor, key_id, precondition)
    before, after = change_of(key, changes)
    if after.keys() & {*LIMITS}:
        _check_widening(actor, key, after)
    save_changes(key, changes, now=moment)
    record(actor=actor, action="key.updated", subject=subject_of(key), before=before, after=after, now=moment)
    return key


@transaction.atomic
def rotate_key(
    *,
    actor: Actor,
    key_id: UUID,
    overlap: timedelta = DEFAULT_OVERLAP,
    precondition: Precondition = ANY_VERSION,
    now: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create the successor of a key, with the same bounds and lifetime, and return it with its text.

    The old key goes on working for the overlap and expires then. Raises `NotFound`, `VersionMismatch`, `KeyRevoked`,
    `GrantsTooMuch` (also for a personal key of somebody else) and `NoMember`.
    """
    moment = now or timezone.now()
    old = _locked(actor, key_id, precondition)
    lifetime = None if old.expires_at is None else old.expires_at - old.created_at
    fields = {
        "name": old.name,
        **{name: getattr(old, name) for name in LIMITS},
        "expires_at": None if lifetime is None else moment + lifetime,
    }
    new, text = issue_key(actor=actor, fields=fields, owner_id=old.user_id, now=moment)
    end = moment + overlap
    if old.expires_at is None or old.expires_at > end:
        before, after = {"expires_at": old.expires_at}, {"expires_at": end, "successor": new.pk}
        save_changes(old, {"expires_at": end}, now=moment)
    else:
        before, after = {}, {"successor": new.pk}
    record(actor=actor, action="key.rotated", subject=subject_of(old), before=before, after=after, now=moment)
    return new, text


@transaction.atomic
def revoke_key(
    *, actor: Actor, key_id: UUID, precondition: Precondition = ANY_VERSION, now: datetime | None = None
) -> ApiKey:
    """Refuse the key from now on; revoking it again keeps the first time. Raises `NotFound`, `VersionMismatch`."""
    moment = now or timezone.now()
    key = lock_row(ApiKey.objects.visible_to(actor), key_id, precondition)
    if key.revoked_at is None:
        save_changes(key, {"revoked_at": moment}, now=moment)
        record(actor=actor, action="key.revoked", subject=subject_of(key), after={"revoked_at": moment}, now=moment)
    return key


def create_api_key(
    *,
    organization: Organization,
    name: str,
    user: User | None = None,
    permissions: Iterable[str] | None = None,
    is_read_only: bool = False,
    allowed_networks: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key as the operator of the installation; see `issue_key`. Raises `NoMember`."""
    fields = {
        "name": name,
        "permissions": None if permissions is None else sorted(set(permissions)),
        "is_read_only": is_read_only,
        "allowed_networks": list(allowed_networks),
        "expires_at": expires_at,
    }
    owner_id = None if user is None else user.pk
    return issue_key(actor=SystemActor(organization.pk), fields=fields, owner_id=owner_id)


def revoke_api_key(*, key: ApiKey, now: datetime | None = None) -> None:
    """Refuse a key from now on, as the operator of the installation."""
    revoke_key(actor=SystemActor(key.organization_id), key_id=key.pk, now=now)


def _locked(actor: Actor, key_id: UUID, precondition: Precondition) -> ApiKey:
    key = lock_row(ApiKey.objects.visible_to(actor), key_id, precondition)
    if key.revoked_at is not None:
        raise KeyRevoked
    return key


def _check_owner(actor: Actor, key: ApiKey) -> None:
    """Only the person themselves makes, renews or widens a key that acts in their name."""
    if key.user_id is None or key.user_id == actor.user_id or actor.kind == "system":
        return
    message = "Only the person that a personal key acts for can make, renew or widen it."
    raise GrantsTooMuch("See errors for what is too much.", errors={"personal": [message]})


def _check_widening(actor: Actor, key: ApiKey, changes: dict[str, Any]) -> None:
    """Judged before anything is saved: the actor may be this very key, whose bounds are those it has now."""
    changed = copy(key)
    for name, value in changes.items():
        setattr(changed, name, value)
    new = reach_of(changed)
    if new.excess_over(reach_of(key)):
        _check_owner(actor, key)
        check_reach(actor, new)


def _default_permissions(actor: Actor, key: ApiKey) -> list[str] | None:
    """All that the actor may give: null, which grows with the product, only where that is everything there is."""
    given = reach_of_actor(actor).codes
    owners = ORGANIZATION_PERMISSIONS if key.user_id is None else reach_of(key).codes
    return None if owners <= given else sorted(owners & given)


def _described(key: ApiKey) -> dict[str, Any]:
    named = {name: getattr(key, name) for name in ("name", "prefix", *LIMITS)}
    return {**named, "user_id": key.user_id}


__all__ = [
    "KeyRevoked",
    "NoMember",
    "change_key",
    "create_api_key",
    "issue_key",
    "revoke_api_key",
    "revoke_key",
    "rotate_key",
]
