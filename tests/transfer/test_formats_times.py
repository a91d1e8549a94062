"""Times as foreign files write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from transfer.formats.times import parse_time


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1700000000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1704629915.775304, datetime(2024, 1, 7, 12, 18, 35, 775304, tzinfo=UTC)),
        (1700000000123, datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1.5, datetime(1969, 12, 31, 23, 59, 58, 500000, tzinfo=UTC)),
        ("2024-05-01T10:00:00.000001+02:00", datetime(2024, 5, 1, 8, 0, 0, 1, tzinfo=UTC)),
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00.25", datetime(2024, 5, 1, 10, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_time_is_read_as_aware_utc(value: object, moment: datetime) -> None:
    read = parse_time(value)

    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


def test_time_null_stays_none() -> None:
    assert parse_time(None) is None


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2024-13-01", float("nan"), float("inf"), 10**400, "0001-01-01T00:00+05"]
)
def test_time_that_is_none_raises_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(value)


@pytest.mark.parametrize("value", [True, [], {"seconds": 1}])
def test_time_of_another_type_raises_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        parse_time(value)
