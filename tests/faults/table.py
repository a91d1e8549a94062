"""The table fault × database × figures.

    python -m tests.faults.table [FILE]

prints what `make faults` found, from `var/faults/`, and writes it to FILE, by default `var/faults.md`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.verdict import Verdict
from tests.processes import ROOT

ROWS = ROOT / "var" / "faults"
FILE = ROOT / "var" / "faults.md"
HEAD = (
    "| fault | database | acknowledged | absent | doubled | repeated | answers | worst wait ms | longest stall ms "
    "| recovered s | notes | verdict |\n|---|---|--:|--:|--:|--:|---|--:|--:|--:|---|---|"
)


def line(verdict: Verdict) -> str:
    """One row of the table, in Markdown."""
    answers = ", ".join(f"{status} × {times}" for status, times in verdict.statuses.items())
    cells = [
        verdict.fault,
        verdict.database,
        verdict.acknowledged,
        verdict.absent,
        verdict.doubled,
        verdict.repeated,
        answers,
        verdict.worst_wait_ms,
        verdict.longest_stall_ms,
        "" if verdict.recovered_s is None else f"{verdict.recovered_s:.1f}",
        verdict.notes,
        "passed" if not verdict.problems else f"**{len(verdict.problems)} problems**: {verdict.problems[0]}",
    ]
    return "| " + " | ".join(str(cell).replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def keep(verdict: Verdict, folder: Path = ROWS) -> None:
    """Store a row for the table, in place of an earlier one of the same fault and database."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", f"{verdict.fault} {verdict.database}".lower())
    (folder / f"{name}.json").write_text(json.dumps(asdict(verdict), ensure_ascii=False), encoding="utf-8")


def kept(folder: Path = ROWS) -> list[Verdict]:
    """The stored rows by number of the fault, name and database."""
    found = [_read(json.loads(path.read_text(encoding="utf-8"))) for path in folder.glob("*.json")]
    return sorted(found, key=lambda verdict: (_number(verdict.fault), verdict.fault, verdict.database != "SQLite"))


def table(verdicts: Iterable[Verdict]) -> str:
    return "\n".join([HEAD, *map(line, verdicts)]) + "\n"


def _number(fault: str) -> int:
    found = re.match(r"\d+", fault)
    return int(found[0]) if found else 1_000


def _read(stored: Mapping[str, Any]) -> Verdict:
    statuses = {int(status): times for status, times in stored["statuses"].items()}
    return Verdict(**{**stored, "statuses": statuses, "problems": tuple(stored["problems"])})


def main(file: str = str(FILE)) -> None:
    text = table(kept())
    Path(file).write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
