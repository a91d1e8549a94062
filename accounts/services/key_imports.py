"""Keys of another system, taken over as bcrypt hashes: their owners go on using them as they are."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.key_lookup import MAX_CANDIDATES
from accounts.keys import FOREIGN_PATTERN, MAX_FOREIGN_PREFIX, MIN_FOREIGN_PREFIX, OWN_BEGINNING, is_bcrypt_hash
from accounts.models import ApiKey
from core.access import Actor
from core.json_gate import RefusedJSON, check_value
from ledger.services import record, subject_of

MAX_NAME = 255


class UnusableKey(Exception):
    """The key cannot be taken over; the text says why and never holds the hash."""


class ForeignKey(NamedTuple):
    """A key as another system knew it: `prefix` is the beginning of its text, `hash` is bcrypt over all of it."""

    name: str
    prefix: str
    hash: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    is_revoked: bool = False


@transaction.atomic
def import_key(*, actor: Actor, foreign: ForeignKey, now: datetime | None = None) -> ApiKey | None:
    """Create a key that works with its old text; None when it was imported before.

    Its id follows from organization and hash, so that it is known again after its hash was replaced. Raises
    `UnusableKey`.
    """
    _check(foreign)
    moment = now or timezone.now()
    key_id = _id_of(actor.organization_id, foreign.hash)
    if ApiKey.objects.filter(organization_id=actor.organization_id, pk=key_id).exists():
        return None
    _check_place(foreign)
    key = ApiKey(
        id=key_id,
        organization_id=actor.organization_id,
        name=foreign.name,
        prefix=foreign.prefix,
        scheme=ApiKey.Scheme.BCRYPT,
        digest=foreign.hash,
        is_imported=True,
        created_at=foreign.created_at or moment,
        updated_at=moment,
        expires_at=foreign.expires_at,
        revoked_at=moment if foreign.is_revoked else None,
    )
    key.save(force_insert=True)
    after = {"name": key.name, "prefix": key.prefix, "is_imported": True, "expires_at": key.expires_at}
    record(actor=actor, action="key.created", subject=subject_of(key), after=after, now=moment)
    return key


def _check(foreign: ForeignKey) -> None:
    if not foreign.name.strip() or len(foreign.name) > MAX_NAME:
        raise UnusableKey(f"A name has 1 to {MAX_NAME} characters.")
    try:
        check_value(foreign.name)
    except RefusedJSON as error:
        raise UnusableKey(f"The name cannot be stored: {error.message}") from None
    is_of_length = MIN_FOREIGN_PREFIX <= len(foreign.prefix) <= MAX_FOREIGN_PREFIX
    if not is_of_length or not FOREIGN_PATTERN.fullmatch(foreign.prefix.ljust(MAX_FOREIGN_PREFIX, "x")):
        raise UnusableKey(
            f"A prefix is the first {MIN_FOREIGN_PREFIX} to {MAX_FOREIGN_PREFIX} characters of the key, "
            "printable ASCII without blanks."
        )
    if foreign.prefix.startswith(OWN_BEGINNING):
        raise UnusableKey(f"Keys that start with {OWN_BEGINNING} are Parley's own; make a new one.")
    if not is_bcrypt_hash(foreign.hash):
        raise UnusableKey("The hash is not bcrypt ($2a$, $2b$ or $2y$) of a cost from 4 to 14.")


def _check_place(foreign: ForeignKey) -> None:
    """A text is tried against few keys: more of them with one beginning would leave some unreachable."""
    beginnings = [foreign.prefix[:length] for length in range(MIN_FOREIGN_PREFIX, len(foreign.prefix) + 1)]
    is_near = Q(prefix__in=beginnings) | Q(prefix__startswith=foreign.prefix)
    near = ApiKey.objects.filter(is_near, is_imported=True, revoked_at=None)
    if ApiKey.objects.filter(digest=foreign.hash, is_imported=True).exists():
        raise UnusableKey("Another organization has this key.")
    if near.count() >= MAX_CANDIDATES:
        raise UnusableKey(f"{MAX_CANDIDATES} keys begin like this already; give a longer prefix.")


def _id_of(organization_id: UUID, text: str) -> UUID:
    seed = hashlib.sha256(b"parley.imported-key" + organization_id.bytes + text.encode()).digest()
    return UUID(bytes=seed[:16], version=5)
