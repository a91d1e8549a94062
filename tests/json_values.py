"""JSON values of every kind, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
"""Text that both databases hold."""

ANY_TEXTS = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff\\u0"), max_size=20)
"""Text with NULs and surrogates in it."""

HARD_FLOATS = (-0.0, 5e-324, 1e16, 1e15, 9007199254740993.0, 1e22, 1e23, 1.7976931348623157e308, 1e-5, 0.1, 123456.0)
HARD_INTEGERS = (2**53 + 1, 2**63, -(2**64), 10**40, 10**4299, 0)

FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(HARD_FLOATS)
INTEGERS = st.integers() | st.integers(-(10**60), 10**60) | st.sampled_from(HARD_INTEGERS)


def json_values(texts: st.SearchStrategy[str] = TEXTS) -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | INTEGERS | FLOATS | texts
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5), max_leaves=25
    )


def same_json(left: Any, right: Any) -> bool:
    """Equality that tells 1, 1.0 and True apart, as JSON and its readers do; -0.0 and 0.0 are apart too."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return repr(left) == repr(right) if isinstance(left, float) else bool(left == right)
