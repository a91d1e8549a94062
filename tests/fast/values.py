"""Values that are easily spoiled on their way through a database, a cursor or JSON."""

from __future__ import annotations

from typing import Any

HARD_TEXTS: tuple[str | None, ...] = (
    None,
    "",
    " ",
    "plain",
    "quoted \"twice\" and 'once'",
    "back\\slash \\n \\u0041 \\",
    "tab\t line\nreturn\r bell\x07 unit\x1f delete\x7f",
    "separators \u2028 \u2029 \u0085",
    "🦜 👩‍👩‍👧 \U0010ffff",
    "\u05e9\u05dc\u05d5\u05dd \u202e\u0645\u0631\u062d\u0628\u0627\u202c",
    "100% %s %d %(name)s %% ? $1",
    "NULL",
    "{}",
    '{"a",NULL}',
    "</script><b>&amp;",
    "漢字 カナ 한국어",
)

HARD_DOCUMENTS: tuple[Any, ...] = (
    {},
    [],
    "",
    "text",
    'quote " backslash \\ percent % %s',
    0,
    -1,
    2**53 + 1,
    2**63,
    -(2**64),
    10**40,
    1e16,
    1e300,
    -1e300,
    1.5,
    1e-7,
    5e-324,
    True,
    False,
    [None, [], {}, [[["deep"]]]],
    {"": 1, 'a"b': 2, "c\\d": 3, "e\nf": 4, "%s": 5, "🦜": 6, "\u2028": 7},
    {"z": 1, "a": {"y": [1, 1.0, True, "1"], "b": None}},
    {"type": "text", "text": "null"},
)

HARD_MOMENTS = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T01:00:00.000001+01:00",
    "0999-12-31T23:59:59.100000Z",
    "1969-12-31T23:59:59.999999Z",
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.5Z",
    "2026-01-02T03:04:05.000001Z",
    "2026-06-15T12:00:00.678901+05:30",
    "2026-06-15T12:00-08:00",
    "2024-02-29 23:59:59.99z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T13:00:00.25-10:59",
)
