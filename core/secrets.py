"""Secrets at rest: encrypted with the first of `settings.SECRETS_KEYS`, readable with any of them.

Fernet is AES-128-CBC with HMAC-SHA-256. Beside a ciphertext stands the id of its key, a public hash, so that rows under
an old key can be found and a key that nothing needs any more can be told. The id of the row is encrypted with its
secrets: a ciphertext that was copied to another row is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from core.errors import DomainError

KEY_ID_LENGTH = 16


class SecretText(str):
    """A text that does not show itself where values are printed for people: error pages, consoles."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'••••'"


class UnreadableSecrets(DomainError):
    """The key of these secrets is not among `settings.SECRETS_KEYS`, or the ciphertext is damaged. Nothing is lost."""

    status = 503
    code = "secrets_unreadable"
    title = "The secrets cannot be read."


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext, and the id of the key it was made with."""

    text: str
    key_id: str


@sensitive_variables()
def key_id(key: str) -> str:
    """Return the public id of a key: the beginning of a hash, in hex."""
    return hashlib.sha256(b"parley.secrets-key-id\n" + key.encode()).hexdigest()[:KEY_ID_LENGTH]


def is_well_formed(key: str) -> bool:
    """Whether it is 32 bytes in URL-safe base64, as `Fernet.generate_key()` makes them."""
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def known_key_ids() -> list[str]:
    """The ids of the configured keys; the first one encrypts."""
    return list(_ring().key_ids)


def seal(secrets: Mapping[str, str], *, owner: UUID) -> Sealed:
    """Encrypt named texts for the row that owns them."""
    ring = _ring()
    plain = json.dumps({"owner": str(owner), "secrets": dict(secrets)}, ensure_ascii=False)
    return Sealed(ring.fernet.encrypt(plain.encode()).decode("ascii"), ring.key_ids[0])


@sensitive_variables()
def unseal(sealed: Sealed, *, owner: UUID) -> dict[str, SecretText]:
    """Return the named texts; raises `UnreadableSecrets`."""
    ring = _ring()
    try:
        found = json.loads(ring.fernet.decrypt(sealed.text.encode()))
    except InvalidToken:
        raise _unreadable(sealed, ring) from None
    if found["owner"] != str(owner):
        raise UnreadableSecrets("The ciphertext was made for another row.")
    return {name: SecretText(text) for name, text in found["secrets"].items()}


def _unreadable(sealed: Sealed, ring: _Ring) -> UnreadableSecrets:
    if sealed.key_id in ring.key_ids:
        return UnreadableSecrets("The ciphertext is damaged.")
    return UnreadableSecrets(f"They need the key {sealed.key_id}, which SECRETS_KEYS does not hold.")


@dataclass(frozen=True, slots=True)
class _Ring:
    key_ids: tuple[str, ...]
    fernet: MultiFernet


def _ring() -> _Ring:
    return _ring_of(tuple(settings.SECRETS_KEYS))


@lru_cache(maxsize=8)
@sensitive_variables()
def _ring_of(keys: Sequence[str]) -> _Ring:
    return _Ring(tuple(key_id(key) for key in keys), MultiFernet([Fernet(key) for key in keys]))
