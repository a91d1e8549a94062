"""What the use of a key leaves behind: when it was last used, a newer signature, and its refusals.

None of it may fail or hold up the request that shows the key: what cannot be written now is written at a later use.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q

from accounts.key_lookup import FoundKey
from accounts.keys import peppers, sign
from accounts.models import ApiKey
from core.sqlite.patience import impatient
from ledger.services import record, record_refusal
from ledger.services.audit import Subject
from ledger.services.refusals import Recently

log = logging.getLogger(__name__)

STAMP_INTERVAL = timedelta(minutes=1)
PATIENCE_MILLISECONDS = 200

_recently = Recently(seconds=STAMP_INTERVAL.total_seconds())
"""Keys that this process wrote about just now: of many requests at once, one writes."""


def note_use(key: FoundKey, *, signed_text: str, now: datetime) -> None:
    """Stamp the use, at most once a minute, and sign anew what was signed with a former pepper.

    `signed_text` is what the digest is made of: the secret, of an imported key the whole text.
    """
    if key.scheme == ApiKey.Scheme.BCRYPT:
        _upgrade(key, text=signed_text, now=now)
        return
    is_outdated = key.pepper_id != peppers().first_id
    last = key.last_used_at
    if not is_outdated and last is not None and now - last < STAMP_INTERVAL:
        return
    if _recently.has_seen((key.id, is_outdated), now=now.timestamp()):
        return
    try:
        with impatient(milliseconds=PATIENCE_MILLISECONDS):
            _sign_anew(key, signed_text, now) if is_outdated else _stamp(key, now)
    except DatabaseError:
        log.warning("The use of key %s could not be stamped.", key.shown_prefix, exc_info=True)


def note_refusal(key: FoundKey, *, cause: str) -> None:
    """Write down that a key was shown whose secret is right and which opens nothing; once a minute for each cause."""
    record_refusal(
        organization_id=key.organization_id,
        kind="key",
        actor_id=key.id,
        label=key.shown_prefix,
        action="key.refused",
        subject=Subject("api_key", key.id, key.shown_prefix),
        after={"cause": cause},
        once_per=cause,
    )


def _stamp(key: FoundKey, now: datetime) -> None:
    is_due = Q(last_used_at=None) | Q(last_used_at__lt=now - STAMP_INTERVAL)
    ApiKey.objects.filter(is_due, pk=key.id, organization_id=key.organization_id).update(last_used_at=now)


def _sign_anew(key: FoundKey, text: str, now: datetime) -> None:
    """One of several requests at once wins; the others find another digest and change nothing."""
    digest, pepper_id = sign(text)
    rows = ApiKey.objects.filter(pk=key.id, organization_id=key.organization_id, digest=key.digest)
    rows.update(digest=digest, pepper_id=pepper_id, last_used_at=now)


def _upgrade(key: FoundKey, *, text: str, now: datetime) -> None:
    """Replace the bcrypt hash of an imported key; of several requests at once, one does."""
    digest, pepper_id = sign(text)
    rows = ApiKey.objects.filter(pk=key.id, organization_id=key.organization_id, digest=key.digest)
    values = {"scheme": ApiKey.Scheme.HMAC, "digest": digest, "pepper_id": pepper_id, "last_used_at": now}
    try:
        with transaction.atomic():
            if rows.update(**values):
                record(
                    actor=key.actor(),
                    action="key.upgraded",
                    subject=Subject("api_key", key.id, key.shown_prefix),
                    before={"scheme": ApiKey.Scheme.BCRYPT.value},
                    after={"scheme": ApiKey.Scheme.HMAC.value},
                    now=now,
                )
    except DatabaseError:
        log.warning("Imported key %s could not be upgraded.", key.shown_prefix, exc_info=True)
