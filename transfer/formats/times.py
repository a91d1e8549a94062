"""Times as foreign files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# 10^11 seconds lie in the year 5138 and 10^11 milliseconds in 1973: no chat was written in either range by mistake.
_FIRST_MILLISECONDS = 1e11


def parse_time(value: object) -> datetime | None:
    """Aware UTC at microsecond precision from epoch seconds, epoch milliseconds or an ISO 8601 string.

    Numbers of 10^11 and more count milliseconds, smaller ones seconds. A string without an offset is UTC; None stays
    None. Raises ValueError for a number or string that is no time, TypeError for a value of another type.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("a time is a number, an ISO 8601 string or null")
    try:
        return _from_iso(value) if isinstance(value, str) else _from_epoch(value)
    except OverflowError as error:
        raise ValueError("a time outside the years 1 to 9999") from error


def _from_iso(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _from_epoch(value: float) -> datetime:
    if abs(value) >= _FIRST_MILLISECONDS:
        return _EPOCH + timedelta(milliseconds=value)
    return _EPOCH + timedelta(seconds=value)
