"""API keys: `parley_<prefix>_<secret>`, and keys that another system made.

The prefix is public and finds the row; the secret has 256 random bits. Stored is HMAC-SHA-256 of the secret under a
pepper of the deployment, so that a copy of the database opens nothing. Several peppers may be in force: the first one
signs, all are accepted, and a key names the one it was made with.

A key of another system arrives as a bcrypt hash of its whole text. bcrypt is slow on purpose, so the first use replaces
the hash with the HMAC of the whole text, and from then on such a key is as cheap as any other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

KEY_PATTERN = re.compile(r"parley_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PREFIX_LENGTH = 12
SECRET_BYTES = 32

FOREIGN_PATTERN = re.compile(r"[\x21-\x7e]{8,256}")
"""The text of a key that another system made: printable ASCII without blanks."""

OWN_BEGINNING = "parley_"
MIN_FOREIGN_PREFIX = 6
MAX_FOREIGN_PREFIX = 16

BCRYPT_PATTERN = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
MIN_BCRYPT_COST = 4
MAX_BCRYPT_COST = 14
"""A check at this cost takes about a second; a higher one would let a single request take minutes."""

BCRYPT_BYTES = 72
"""What bcrypt looks at; implementations differ in whether they cut the rest off or refuse it."""

NO_DIGEST = "0" * 64
"""Stands for the digest of a key that is not there, so that its check costs what another costs."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `text` is what its owner sees, once."""

    prefix: str
    text: str
    digest: str
    pepper_id: str


@dataclass(frozen=True, slots=True)
class Peppers:
    """The peppers in force, by their names; `first` signs."""

    first_id: str
    first: bytes
    by_id: Mapping[str, bytes]


def make_key() -> NewKey:
    """Return a new key signed with the first pepper."""
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    digest, pepper_id = sign(secret)
    return NewKey(prefix, f"{OWN_BEGINNING}{prefix}_{secret}", digest, pepper_id)


def split_key(text: str) -> tuple[str, str] | None:
    """Return prefix and secret, None when the text has not the form of Parley's keys."""
    match = KEY_PATTERN.fullmatch(text)
    return (match[1], match[2]) if match else None


def foreign_prefixes(text: str) -> list[str]:
    """Return the beginnings under which a key of another system may be stored; none when it cannot be one."""
    if not FOREIGN_PATTERN.fullmatch(text):
        return []
    return [text[:length] for length in range(MIN_FOREIGN_PREFIX, min(len(text), MAX_FOREIGN_PREFIX) + 1)]


def sign(text: str) -> tuple[str, str]:
    """Return the digest under the first pepper, and the name of that pepper."""
    known = peppers()
    return _digest(text, known.first), known.first_id


def is_signed(text: str, *, digest: str, pepper_id: str) -> bool:
    """Compare in constant time with the stored digest, under the pepper it names; without that pepper never true."""
    known = peppers()
    pepper = known.by_id.get(pepper_id)
    is_equal = hmac.compare_digest(_digest(text, pepper or known.first), digest)
    return is_equal and pepper is not None


def is_hashed(text: str, *, digest: str) -> bool:
    """Compare with a bcrypt hash; takes a tenth of a second and more."""
    import bcrypt  # noqa: PLC0415  most servers never meet a key of another system

    return bcrypt.checkpw(text.encode()[:BCRYPT_BYTES], digest.encode())


def is_bcrypt_hash(text: str) -> bool:
    """Whether the text is a bcrypt hash of a cost that a request can afford."""
    match = BCRYPT_PATTERN.fullmatch(text)
    return match is not None and MIN_BCRYPT_COST <= int(match[1]) <= MAX_BCRYPT_COST


def peppers() -> Peppers:
    """Return the peppers of the settings; names are computed once."""
    return _parsed(tuple(settings.API_KEY_PEPPERS))


@lru_cache(maxsize=8)
def _parsed(texts: tuple[str, ...]) -> Peppers:
    named = {_pepper_id(text): text.encode() for text in texts}
    first_id = _pepper_id(texts[0])
    return Peppers(first_id, named[first_id], named)


def _pepper_id(pepper: str) -> str:
    """A name for a pepper that tells nothing about it."""
    return hashlib.sha256(b"parley.pepper-id" + pepper.encode()).hexdigest()[:16]


def _digest(text: str, pepper: bytes) -> str:
    return hmac.digest(pepper, text.encode(), "sha256").hex()
