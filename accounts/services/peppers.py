"""Which peppers the stored keys depend on, so that a former one can be taken out of force."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max
from django.utils import timezone

from accounts.keys import peppers
from accounts.models import ApiKey


class PepperUse(NamedTuple):
    """Usable keys that were signed with a pepper. `state` is `signs`, `accepted` or `missing` from the settings."""

    pepper_id: str
    state: str
    keys: int
    last_used_at: datetime | None


def pepper_use(*, now: datetime | None = None) -> list[PepperUse]:
    """Return a line for each pepper in force, in order, and for each that usable keys need and that is missing."""
    usable = ApiKey.objects.usable_at(now or timezone.now()).filter(scheme=ApiKey.Scheme.HMAC)
    counted = {
        found: (keys, used)
        for found, keys, used in usable.values("pepper_id")
        .annotate(keys=Count("pk"), used=Max("last_used_at"))
        .values_list("pepper_id", "keys", "used")
    }
    known = peppers()
    states = {found: "signs" if found == known.first_id else "accepted" for found in known.by_id}
    states |= {found: "missing" for found in sorted(counted) if found not in states}
    return [PepperUse(found, state, *counted.get(found, (0, None))) for found, state in states.items()]


def keys_under_bcrypt(*, now: datetime | None = None) -> int:
    """Return how many usable imported keys wait for their first use; they depend on no pepper yet."""
    return ApiKey.objects.usable_at(now or timezone.now()).filter(scheme=ApiKey.Scheme.BCRYPT).count()
