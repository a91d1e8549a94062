"""Checking a key: which one is meant, whether its secret is right, and whether it opens anything now."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from rest_framework.exceptions import Throttled

from accounts.actors import KeyActor
from accounts.key_lookup import FoundKey, find_imported_keys, find_key
from accounts.keys import NO_DIGEST, foreign_prefixes, is_hashed, is_signed, split_key
from accounts.models import ApiKey
from accounts.services.key_use import note_refusal, note_use
from core.logs import client_address
from core.networks import site_of
from core.throttling import Throttle

SLOW_CHECKS_PER_ADDRESS = 12
SLOW_CHECKS_PER_PROCESS = 120
"""bcrypt checks a minute: enough for keys that were just imported, too few to keep a processor busy."""

slow_checks = Throttle()


class Shown(NamedTuple):
    """A key whose secret is right, and the text that its digest is made of."""

    key: FoundKey
    signed_text: str


def actor_of_key(text: str, *, now: datetime) -> KeyActor | None:
    """Return who shows the key; None for what is no key, is wrong, or opens nothing now. One query, no write.

    Raises `Throttled` when an address sends too many texts that only a slow check can judge.
    """
    shown = _shown(text)
    if shown is None:
        return None
    cause = shown.key.refusal(address=client_address.get(), now=now)
    if cause is not None:
        note_refusal(shown.key, cause=cause)
        return None
    note_use(shown.key, signed_text=shown.signed_text, now=now)
    return shown.key.actor()


def _shown(text: str) -> Shown | None:
    parts = split_key(text)
    if parts is None:
        return _imported(text)
    prefix, secret = parts
    key = find_key(prefix)
    if not is_right(key, secret):
        return None
    return None if key is None else Shown(key, secret)


def is_right(key: FoundKey | None, secret: str) -> bool:
    """Whether the secret is the key's; a key that is not there costs as much as a wrong secret."""
    digest, pepper_id = (NO_DIGEST, "") if key is None else (key.digest, key.pepper_id)
    return is_signed(secret, digest=digest, pepper_id=pepper_id)


def _imported(text: str) -> Shown | None:
    """Keys that were upgraded are tried first: they cost nothing."""
    prefixes = foreign_prefixes(text)
    candidates = find_imported_keys(prefixes) if prefixes else []
    for key in candidates:
        if key.scheme == ApiKey.Scheme.HMAC and is_right(key, text):
            return Shown(key, text)
    for key in candidates:
        if key.scheme == ApiKey.Scheme.BCRYPT:
            _allow_slow_check()
            if is_hashed(text, digest=key.digest):
                return Shown(key, text)
    return None


def _allow_slow_check() -> None:
    address = site_of(client_address.get())
    seconds = slow_checks.wait(address, SLOW_CHECKS_PER_ADDRESS)
    seconds = seconds or slow_checks.wait(None, SLOW_CHECKS_PER_PROCESS)
    if seconds:
        raise Throttled(wait=seconds)
