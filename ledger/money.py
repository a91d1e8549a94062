"""Money as whole numbers of ten-billionths of a US dollar.

SQLite keeps decimals as floats and loses digits; whole numbers are exact on every database. Nano-dollars would be too
coarse: a token at 0.0375 dollars a million costs 37.5 of them. A price that is finer still is rounded once, where the
cost of one record is made, half to even.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

CURRENCY = "USD"
PLACES = 10
UNITS_PER_DOLLAR: int = 10**PLACES

MAX_COST_UNITS = 1_000_000 * UNITS_PER_DOLLAR - 1
"""What one record can cost at most: less than a million dollars."""

MAX_AMOUNT_UNITS = 100_000_000 * UNITS_PER_DOLLAR
"""The largest limit of a budget, and price of a million tokens; nine of it fit into 64 bits."""

EXACT_NUMBERS_BELOW = 100_000
"""Dollars up to which a double tells ten places apart: five and ten are the fifteen digits that it always keeps."""

_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]+))?")
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


def units_of(value: object) -> int:
    """Return the units of an amount in dollars: a text such as `"0.0375"`, or a JSON number.

    Raises ValueError with a reason for more than ten places, for signs, exponents and digits of other scripts in a
    text, and for a number with a fraction that a double does not keep exactly.
    """
    found = _AMOUNT.fullmatch(_written_out(value))
    if found is None:
        raise ValueError('Give an amount in dollars as digits, with a point at most, for instance "0.0375".')
    whole, fraction = str(found.group(1)), str(found.group(2) or "")
    if len(fraction) > PLACES:
        raise ValueError(f"Give {PLACES} decimal places at most.")
    return int(whole) * UNITS_PER_DOLLAR + int(fraction.ljust(PLACES, "0"))


def _written_out(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and 0 <= value < EXACT_NUMBERS_BELOW:
        return format(Decimal(repr(value)), "f")
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12:
        return str(value)
    raise ValueError(
        'Give an amount in dollars as a text, for instance "0.0375". A number is taken where it is exact: '
        f"a whole one, or one with a fraction below {EXACT_NUMBERS_BELOW}; none is negative."
    )


def dollars(units: int) -> str:
    """Return an amount in dollars with exactly ten places: `0.0000375000`."""
    sign = "-" if units < 0 else ""
    whole, fraction = divmod(abs(units), UNITS_PER_DOLLAR)
    return f"{sign}{whole}.{fraction:0{PLACES}}"


def rounded_units(amount: Decimal) -> int:
    """Return the units nearest to an amount in dollars, half to even."""
    return int(_EXACT.to_integral_value(_EXACT.multiply(amount, Decimal(UNITS_PER_DOLLAR))))


def divide_half_even(numerator: int, denominator: int) -> int:
    """Return the whole number nearest to a quotient, half to even; both are positive."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    return quotient + (doubled > denominator or (doubled == denominator and quotient % 2 == 1))
