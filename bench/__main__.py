"""Measure Parley: `python -m bench compare|depth|rates|startup [options]`, `compare` unless said.

compare   append, read, list, batch and key check beside the peer and the bare statements
depth     one thread of a million messages
rates     import and search indexing
startup   manage.py check, make run
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench import compare, depth, rates, report, results, startup
from bench.facts import facts
from bench.load import MissingProgram
from bench.operations import OPERATIONS, WrongAnswer
from bench.plan import Busy, Place, Plan, locked, opened
from bench.postgresql import NotDurable
from bench.seeds import ROOT
from bench.targets import MissingPeer, NotStarted
from bench.timings import Failed

DATABASES = ("sqlite", "postgresql")
PRODUCTS = ("parley", "peer")
TROUBLES = (Busy, Failed, MissingPeer, MissingProgram, NotDurable, NotStarted, WrongAnswer)


def words(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    """A reader of words separated by commas."""

    def read(text: str) -> list[str]:
        found = [word.strip() for word in text.split(",") if word.strip()]
        for word in found:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word!r} is not one of {', '.join(allowed)}")
        return found

    return read


def count(text: str) -> int:
    """A whole number from 1, also as 1e6 or 1_000_000."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number < 1 or not number.is_integer():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(number)


def counts(text: str) -> list[int]:
    return [count(word) for word in text.split(",")]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("kind", nargs="?", choices=list(KINDS), default="compare")
    made.add_argument("--database", type=words(DATABASES), default=list(DATABASES), dest="databases")
    made.add_argument("--operations", type=words(list(OPERATIONS)), default=list(OPERATIONS))
    made.add_argument("--products", type=words(PRODUCTS), default=list(PRODUCTS))
    made.add_argument("--size", type=counts, default=[10_000], dest="sizes", help="stored messages")
    made.add_argument("--clients", type=counts, default=[8])
    made.add_argument("--deep", type=count, default=1_000_000, help="messages of the long thread (depth)")
    made.add_argument("--rounds", type=count, default=2, help="starts of each server, by turns")
    made.add_argument("--windows", type=count, default=2, help="windows for each operation and start")
    made.add_argument("--seconds", type=count, default=1, help="length of a window")
    made.add_argument("--patience", type=float, default=0, help="seconds to wait for a quiet machine before a window")
    made.add_argument("--no-floor", action="store_false", dest="floor", help="leave the bare statements out")
    made.add_argument("--save", action="store_true", help="write the results to bench/results/")
    made.add_argument("--data", type=Path, default=ROOT / "var" / "bench", help="folder of the filled databases")
    made.add_argument("--peer-python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python")
    return made


class Found(Protocol):
    """A figure that can be kept."""

    def as_row(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured on each database, how it is shown, and whether clients and the peer take part."""

    source: Callable[[Plan, Place], Iterator[Any]]
    tables: Callable[[Sequence[Any]], str]
    has_clients: bool = False
    has_peer: bool = False


KINDS = {
    "compare": Kind(compare.windows, report.tables, has_clients=True, has_peer=True),
    "depth": Kind(depth.windows, report.tables, has_clients=True),
    "rates": Kind(rates.rates, rates.tables),
    "startup": Kind(startup.starts, startup.tables),
}


def run(kind: Kind, plan: Plan) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Measure on every database; return the facts, the rows and the tables."""
    has_peer = kind.has_peer and "peer" in plan.products
    known = facts(peer_python=plan.peer_python if has_peer else None, has_clients=kind.has_clients)
    known["settings"] = plan.described()
    found: list[Found] = []
    for database in plan.databases:
        with opened(plan, database) as place:
            known["versions"] |= {"PostgreSQL": place.version} if place.version else {}
            found += kind.source(plan, place)
    return known, [each.as_row() for each in found], kind.tables(found)


def main(arguments: Sequence[str] | None = None) -> int:
    options = vars(parser().parse_args(arguments))
    kind, saves = options.pop("kind"), options.pop("save")
    plan = Plan(**{**options, "data": options["data"].resolve()})
    try:
        with locked(plan.data):
            known, rows, text = run(KINDS[kind], plan)
    except TROUBLES as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    sys.stdout.write(f"{results.described(known)}\n\n{text}")
    if saves:
        sys.stdout.write(f"\nWritten to {results.store(kind, known, rows, text).relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
