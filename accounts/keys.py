"""API keys: `parley_<prefix>_<secret>`.

The prefix is public and finds the row; the secret has 256 random bits. Stored is HMAC-SHA-256 of the secret under a
pepper of the deployment, so that a copy of the database opens nothing. Several peppers may be in force: the first one
signs, all are accepted, and a key names the one it was made with.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from django.conf import settings

KEY_PATTERN = re.compile(r"parley_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
PREFIX_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
PREFIX_LENGTH = 12
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `text` is what its owner sees, once."""

    prefix: str
    text: str
    digest: str
    pepper_id: str


def make_key() -> NewKey:
    """Return a new key signed with the first pepper."""
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    pepper: str = settings.API_KEY_PEPPERS[0]
    return NewKey(prefix, f"parley_{prefix}_{secret}", _digest(secret, pepper), pepper_id(pepper))


def split_key(text: str) -> tuple[str, str] | None:
    """Return prefix and secret, None when the text has not the form of a key."""
    match = KEY_PATTERN.fullmatch(text)
    return (match[1], match[2]) if match else None


def is_valid_secret(secret: str, *, digest: str, pepper_id: str) -> bool:
    """Compare in constant time with the stored digest, under the pepper it names."""
    pepper = _peppers().get(pepper_id)
    return pepper is not None and hmac.compare_digest(_digest(secret, pepper), digest)


def pepper_id(pepper: str) -> str:
    """A name for a pepper that tells nothing about it."""
    return hashlib.sha256(b"parley.pepper-id" + pepper.encode()).hexdigest()[:16]


def _peppers() -> dict[str, str]:
    return {pepper_id(pepper): pepper for pepper in settings.API_KEY_PEPPERS}


def _digest(secret: str, pepper: str) -> str:
    return hmac.new(pepper.encode(), secret.encode(), hashlib.sha256).hexdigest()
