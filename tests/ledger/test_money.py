"""Amounts of money: whole units in, ten places out, nothing between."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import EXACT_NUMBERS_BELOW, UNITS_PER_DOLLAR, divide_half_even, dollars, rounded_units, units_of


@pytest.mark.parametrize(
    ("value", "units"),
    [
        ("0", 0),
        ("0.0000000001", 1),
        ("0.0000000375", 375),
        ("0.0375", 375_000_000),
        ("1", 10_000_000_000),
        ("007.50", 75_000_000_000),
        ("999999.9999999999", 9_999_999_999_999_999),
        (0, 0),
        (3, 30_000_000_000),
        (0.1, 1_000_000_000),
        (1e-7, 1_000),
        (37.5e-9, 375),
        (99_999.999999999, 999_999_999_999_990),
        (2.0, 20_000_000_000),
    ],
)
def test_amount_is_read_exactly(value: Any, units: int) -> None:
    assert units_of(value) == units


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-1",
        "+1",
        "1.",
        ".5",
        "1,5",
        "1_000",
        "1e3",
        "1e999999999",
        "1E-5",
        "NaN",
        "Infinity",
        "0x10",
        "١.٢",
        "０.１",
        " 1",
        "1\n",
        "0.00000000001",
        "0.00000000000",
        "1" * 13,
        "1" * 100_000,
        -1,
        10**12,
        10**4000,
        -0.0,
        -0.1,
        1e-11,
        0.12345678901,
        float(EXACT_NUMBERS_BELOW),
        1e300,
        float("nan"),
        float("inf"),
        True,
        False,
        None,
        [1],
        {"amount": "1"},
        Decimal(1),
    ],
)
def test_amount_that_is_not_exact_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="Give"):
        units_of(value)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0.0000000000"),
        (1, "0.0000000001"),
        (375_000, "0.0000375000"),
        (12_345_678_901_234_567_890_123, "1234567890123.4567890123"),
        (-1, "-0.0000000001"),
    ],
)
def test_amount_is_shown_with_ten_places(units: int, text: str) -> None:
    assert dollars(units) == text


@given(st.integers(min_value=0, max_value=10**22 - 1))
def test_amount_that_is_shown_reads_back(units: int) -> None:
    assert units_of(dollars(units)) == units
    assert Decimal(dollars(units)) * UNITS_PER_DOLLAR == units


@given(st.integers(min_value=0, max_value=EXACT_NUMBERS_BELOW * UNITS_PER_DOLLAR - 1))
def test_number_below_the_bound_is_what_its_text_is(units: int) -> None:
    assert units_of(float(dollars(units))) == units


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        ("0.00000000005", 0),
        ("0.00000000015", 2),
        ("0.00000000025", 2),
        ("0.000000000250000000000000000000000000000000001", 3),
        ("0.0000000375", 375),
    ],
)
def test_amount_that_is_finer_is_rounded_half_to_even(amount: str, units: int) -> None:
    assert rounded_units(Decimal(amount)) == units


@given(st.integers(min_value=0, max_value=10**30), st.integers(min_value=1, max_value=10**9))
def test_quotient_is_the_nearest_whole_number(numerator: int, denominator: int) -> None:
    found = divide_half_even(numerator, denominator)

    assert abs(2 * (numerator - found * denominator)) <= denominator
    if abs(2 * (numerator - found * denominator)) == denominator:
        assert found % 2 == 0


@pytest.mark.parametrize(("numerator", "nearest"), [(5, 0), (15, 2), (25, 2), (26, 3), (24, 2), (35, 4)])
def test_halves_go_to_the_even_neighbour(numerator: int, nearest: int) -> None:
    assert divide_half_even(numerator, 10) == nearest
    assert Decimal(numerator).scaleb(-1).to_integral_value(ROUND_HALF_EVEN) == nearest
