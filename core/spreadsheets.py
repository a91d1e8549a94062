"""CSV for spreadsheets: every cell is text, and none starts a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core.renderers import format_datetime

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """The text of a cell. A spreadsheet would run one that starts like a formula, an apostrophe keeps it from it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return format_datetime(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows of values as lines in UTF-8."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()
