"""Finding a key: all that decides about it, read by one statement.

Nothing of it is kept from one request to the next, but on SQLite, which tells at once that anything in its file was
changed by anybody: as long as nothing was, what was read is used again.

What a role or a key holds is stored as JSON text. Equal texts mean equal sets, so the sets are kept by their text: a
change makes another text and is in force with the next request.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from accounts.actors import KeyActor, held
from accounts.keys import OWN_BEGINNING
from accounts.permissions import ORGANIZATION_PERMISSIONS
from core.fast.statements import Statement, connection_of
from core.networks import is_inside, parse_network

MAX_CANDIDATES = 5
"""Keys of other systems that are tried for one text; each may cost a bcrypt check."""

_CACHED_TEXTS = 1024

_SELECT = """
SELECT k.id, k.organization_id, k.user_id, k.prefix, k.scheme, k.digest, k.pepper_id, k.is_imported,
       k.permissions, k.is_read_only, k.allowed_networks, k.expires_at, k.revoked_at, k.last_used_at,
       o.suspended_at, u.is_active, m.domain_id, r.permissions
FROM accounts_apikey k
JOIN accounts_organization o ON o.id = k.organization_id
LEFT JOIN accounts_user u ON u.id = k.user_id
LEFT JOIN accounts_membership m ON m.organization_id = k.organization_id AND m.user_id = k.user_id
LEFT JOIN accounts_role r ON r.id = m.role_id
"""
_OWN = Statement(_SELECT + "WHERE k.prefix = %s AND NOT k.is_imported")
_IMPORTED_SQL = (
    _SELECT
    + "WHERE k.is_imported AND k.prefix IN (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
    + f"ORDER BY k.revoked_at IS NOT NULL, LENGTH(k.prefix) DESC, k.id LIMIT {MAX_CANDIDATES}"
)
_IMPORTED = Statement(_IMPORTED_SQL)
_IMPORTED_PREFIXES = _IMPORTED_SQL.count("%s")


class FoundKey(NamedTuple):
    """A key as the database holds it. `role` is None where the owner of a personal key is no member any more."""

    raw_id: Any
    raw_organization_id: Any
    raw_user_id: Any
    prefix: str
    scheme: str
    digest: str
    pepper_id: str
    is_imported: bool
    permissions: str | None
    is_read_only: bool
    allowed_networks: str
    raw_expires_at: datetime | None
    revoked_at: datetime | None
    raw_last_used_at: datetime | None
    suspended_at: datetime | None
    is_owner_active: bool | None
    raw_domain_id: Any
    role: str | None

    @property
    def id(self) -> UUID:
        return _uuid(self.raw_id)

    @property
    def organization_id(self) -> UUID:
        return _uuid(self.raw_organization_id)

    @property
    def shown_prefix(self) -> str:
        return f"{self.prefix}…" if self.is_imported else f"{OWN_BEGINNING}{self.prefix}_…"

    @property
    def last_used_at(self) -> datetime | None:
        return _moment(self.raw_last_used_at)

    def refusal(self, *, address: str, now: datetime) -> str | None:
        """Why the key opens nothing for a caller at the address, None when it does."""
        expires_at = _moment(self.raw_expires_at)
        if self.revoked_at is not None:
            return "revoked"
        if expires_at is not None and expires_at <= now:
            return "expired"
        if self.suspended_at is not None:
            return "organization_suspended"
        if self.raw_user_id is not None and (not self.is_owner_active or self.role is None):
            return "owner_inactive" if not self.is_owner_active else "owner_not_a_member"
        return None if _is_allowed(self.allowed_networks, address) else "network"

    def actor(self) -> KeyActor:
        """Who shows the key: a service within the organization, or a person's program within the person's role."""
        domain_id = None if self.raw_domain_id is None else _uuid(self.raw_domain_id)
        return KeyActor(
            organization_id=self.organization_id,
            key_id=self.id,
            label=self.shown_prefix,
            permissions=_held(
                None if self.raw_user_id is None else self.role,
                self.permissions,
                is_read_only=bool(self.is_read_only),
                domain_id=domain_id,
            ),
            user_id=None if self.raw_user_id is None else _uuid(self.raw_user_id),
            domain_id=domain_id,
        )


def find_key(prefix: str) -> FoundKey | None:
    """Return Parley's own key with this prefix, whatever its state."""
    state = connection_of().state()
    if state is None:
        return _find_own(prefix)
    if _memory.state != state:
        _memory.state = state
        _memory.keys.clear()
    if prefix not in _memory.keys and len(_memory.keys) < _CACHED_TEXTS:
        _memory.keys[prefix] = _find_own(prefix)
    return _memory.keys[prefix] if prefix in _memory.keys else _find_own(prefix)


class _Memory(threading.local):
    """The keys that one thread read from a database in one state."""

    def __init__(self) -> None:
        self.state: Any = None
        self.keys: dict[str, FoundKey | None] = {}


_memory = _Memory()


def _find_own(prefix: str) -> FoundKey | None:
    rows = _read(_OWN, [prefix])
    return rows[0] if rows else None


def find_imported_keys(prefixes: Sequence[str]) -> list[FoundKey]:
    """Return the keys of other systems that may be meant, usable ones first, then by the length of their prefix."""
    filled = [*prefixes, *[prefixes[0]] * (_IMPORTED_PREFIXES - len(prefixes))]
    return _read(_IMPORTED, filled)


def _read(statement: Statement, parameters: Sequence[str]) -> list[FoundKey]:
    return [FoundKey._make(row) for row in statement.rows(parameters)]


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: datetime | None) -> datetime | None:
    """SQLite hands out times without their zone, which is UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


@lru_cache(maxsize=_CACHED_TEXTS)
def _held(role: str | None, narrowed_to: str | None, *, is_read_only: bool, domain_id: UUID | None) -> frozenset[str]:
    codes = None if narrowed_to is None else json.loads(narrowed_to)
    return held(
        ORGANIZATION_PERMISSIONS if role is None else frozenset(json.loads(role)),
        domain_id=domain_id,
        narrowed_to=None if codes is None else frozenset(codes),
        is_read_only=is_read_only,
    )


@lru_cache(maxsize=_CACHED_TEXTS)
def _is_allowed(networks: str, address: str) -> bool:
    allowed = json.loads(networks)
    return not allowed or is_inside(address, [parse_network(each) for each in allowed])
