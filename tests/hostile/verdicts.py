"""Was it refused as it must be, or kept as it came?"""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.api.problems import problem_of
from tests.hostile.cases import Case


def assert_refused(response: Any, case: Case, *, member: str | None = None) -> None:
    """Fail unless the answer is a problem with an expected status that names the member at fault."""
    assert response.status_code in case.statuses, response.content[:500]
    problem = problem_of(response)
    assert b"Traceback" not in response.content
    if member is not None and response.status_code == 400:
        assert names(problem.get("errors", {}), member, is_json=case.is_json), problem


def names(errors: dict[str, list[str]], member: str, *, is_json: bool) -> bool:
    """Whether `errors` speaks of the member and of nothing else; of text that is no JSON nothing can be named."""
    if not is_json:
        return list(errors) == [""]
    paths = [path.replace("/", ".").lstrip(".") for path in errors]
    return bool(paths) and all(path == member or path.startswith(f"{member}.") for path in paths)


def same_value(sent: str, stored: Any) -> bool:
    """Whether a value is what the JSON text said: exact integers, doubles, code points, sets of keys."""
    return _same(json.loads(sent), stored)


def same_instant(sent: str, stored: str) -> bool:
    """Whether a time in UTC with `Z` is the moment that another text names."""
    return stored.endswith("Z") and datetime.fromisoformat(sent) == datetime.fromisoformat(stored)


def same_amount(sent: str, stored: str) -> bool:
    """Whether an amount of money with ten places is what the JSON text said, a number or a text, to the last digit."""
    value = json.loads(sent, parse_float=Decimal, parse_int=Decimal)
    return re.fullmatch(r"[0-9]+\.[0-9]{10}", stored) is not None and Decimal(value) == Decimal(stored)


def _same(sent: Any, stored: Any) -> bool:
    if isinstance(sent, float):
        return isinstance(stored, int | float) and not isinstance(stored, bool) and sent == float(stored)
    if type(sent) is not type(stored):
        return False
    if isinstance(sent, dict):
        return sent.keys() == stored.keys() and all(_same(sent[key], stored[key]) for key in sent)
    if isinstance(sent, list):
        return len(sent) == len(stored) and all(map(_same, sent, stored))
    return bool(sent == stored)
