"""The secrets in the addresses of invitations: 256 random bits, stored as a keyed hash alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from django.conf import settings

SECRET_BYTES = 32

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def make_secret() -> tuple[str, str]:
    """Return a new secret and its digest under the first pepper."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return secret, _digest(secret, settings.API_KEY_PEPPERS[0])


def digests_of(secret: str) -> list[str]:
    """Return what may be stored for the secret, one digest for each pepper in force; none for what is no secret."""
    return [_digest(secret, pepper) for pepper in settings.API_KEY_PEPPERS] if _SECRET.fullmatch(secret) else []


def _digest(secret: str, pepper: str) -> str:
    """A key and an invitation with the same secret have different digests."""
    return hmac.new(pepper.encode(), b"parley.invitation:" + secret.encode(), hashlib.sha256).hexdigest()
