"""The shared collection of hostile inputs, read and expanded.

The file's own header explains its form. A payload stays JSON text, so that what a parser must refuse can be sent.
Where the file is not at hand there are no cases, and pytest skips what is parametrized by them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[3] / "shared" / "bad_inputs.json"


@dataclass(frozen=True)
class Case:
    """One input: where it goes, and what must become of it."""

    id: str
    group: str
    fields: tuple[str, ...]
    kind: str
    payload: Any
    expect: str
    statuses: tuple[int | str, ...]

    @property
    def text(self) -> str:
        """The payload as JSON text, generators expanded."""
        return json_text(self.payload)

    @property
    def value(self) -> Any:
        """The payload as Python has it; raises ValueError where the text is not JSON."""
        return json.loads(self.text)

    @property
    def is_json(self) -> bool:
        """Whether the text is JSON at all, whatever it holds."""
        try:
            json.loads(self.text)
        except json.JSONDecodeError:
            return False
        except (ValueError, RecursionError):
            return True
        return True

    @property
    def raw(self) -> bytes:
        """The payload of kind `body`."""
        return base64.b64decode(self.payload["b64"])


GENERATORS: dict[str, Callable[[Any], str]] = {
    "$repeat": lambda given: json.dumps(given[0] * given[1], ensure_ascii=False),
    "$nest_list": lambda depth: "[" * depth + "]" * depth,
    "$nest_dict": lambda depth: '{"a":' * depth + "1" + "}" * depth,
    "$wide_list": lambda count: json.dumps(list(range(count))),
    "$wide_dict": lambda count: json.dumps({f"k{index}": index for index in range(count)}),
    "$raw_json": str,
    "$raw_json_gen": lambda given: given[0] + given[1] * given[2] + given[3],
}


def json_text(payload: Any) -> str:
    """Return a payload as JSON text."""
    if isinstance(payload, dict) and len(payload) == 1:
        [(name, given)] = payload.items()
        if name in GENERATORS:
            return GENERATORS[name](given)
    return json.dumps(payload, ensure_ascii=False)


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case of the file, none where the file is absent."""
    if not PATH.is_file():
        return ()
    found = json.loads(PATH.read_text(encoding="utf-8"))["cases"]
    return tuple(
        Case(
            id=case["id"],
            group=case["group"],
            fields=tuple(case["fields"]),
            kind=case["kind"],
            payload=case["payload"],
            expect=case["expect"],
            statuses=tuple(case["status"]),
        )
        for case in found
    )


def cases_of(field: str) -> list[Case]:
    """The cases that apply to one field."""
    return [case for case in all_cases() if field in case.fields]


def case_id(value: object) -> str | None:
    """How pytest names a case."""
    return value.id if isinstance(value, Case) else None
