"""How fast conversations come in from files, and how fast the search index is filled."""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import corpus, processes
from bench.plan import Place, Plan, tell
from bench.report import table
from bench.seeds import Seed
from bench.targets import PRODUCTION
from bench.timings import Failed, Timing, timed

HEAD = "| database | act | messages | messages/s best | median | processor µs a message | PostgreSQL µs a message |"


@dataclass(frozen=True, slots=True)
class Rate:
    """One run of a command over so many messages; processor time in microseconds a message."""

    database: str
    act: str
    messages: int
    per_second: float
    server_us: float
    database_us: float

    def as_row(self) -> dict[str, Any]:
        return asdict(self)


def rates(plan: Plan, place: Place) -> Iterator[Rate]:
    size = plan.sizes[0]
    file = plan.data / f"import_{size}.jsonl"
    write_import(file, size)
    for seed in (Seed("parley", 0), Seed("parley", size)):
        place.store.prepare(seed)
    with processes.on_cores(plan.server_cores):
        for number in range(1, plan.rounds + 1):
            tell(f"{place.database}, import and indexing of {size:,} messages, round {number}")
            yield _rate(place, "import", size, _import(place, file))
            yield _rate(place, "search indexing", size, _index(place, size))


def write_import(path: Path, messages: int) -> None:
    """A file in OpenAI's chat format, with the texts that the databases are filled with."""
    texts = corpus.texts()
    with path.open("w", encoding="utf-8") as file:
        for number, thread in enumerate(corpus.thread_ids(messages)):
            said = [
                {"role": "assistant" if place % 2 else "user", "content": texts[(number * 50 + place) % len(texts)]}
                for place in range(corpus.MESSAGES_PER_THREAD)
            ]
            file.write(json.dumps({"id": str(thread), "title": f"Thread {number}", "messages": said}) + "\n")


def _import(place: Place, file: Path) -> Timing:
    database = place.store.fresh_copy(Seed("parley", 0))
    return _manage(place, database.url, "import_conversations", str(file), "--organization", "bench")


def _index(place: Place, size: int) -> Timing:
    """Fill an emptied index again."""
    database = place.store.fresh_copy(Seed("parley", size))
    if place.cluster is None:
        with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("DELETE FROM search_document")
    else:
        with psycopg.connect(database.url) as server:
            server.execute("TRUNCATE search_document")
    timing = _manage(place, database.url, "index_messages")
    if timing.output.startswith("0 "):
        raise Failed("index_messages found nothing to do.")
    return timing


def _manage(place: Place, url: str, *arguments: str) -> Timing:
    command = [sys.executable, "manage.py", *arguments]
    return timed(command, env={**PRODUCTION, "DATABASE_URL": url}, cluster=place.cluster)


def _rate(place: Place, act: str, messages: int, timing: Timing) -> Rate:
    return Rate(
        database=place.database,
        act=act,
        messages=messages,
        per_second=messages / timing.seconds,
        server_us=timing.cpu_seconds / messages * 1e6,
        database_us=timing.database_seconds / messages * 1e6,
    )


def tables(found: Sequence[Rate]) -> str:
    kinds = dict.fromkeys((rate.database, rate.act, rate.messages) for rate in found)
    rows = [_row(kind, [rate for rate in found if (rate.database, rate.act, rate.messages) == kind]) for kind in kinds]
    return f"## Rates, start of the command included\n\n{table(HEAD, rows)}\n"


def _row(kind: tuple[str, str, int], found: Sequence[Rate]) -> list[str]:
    speeds = [rate.per_second for rate in found]
    database, act, messages = kind
    costs = [min(rate.server_us for rate in found), min(rate.database_us for rate in found)]
    numbers = [f"{max(speeds):,.0f}", f"{statistics.median(speeds):,.0f}", *(f"{cost:,.0f}" for cost in costs)]
    return [database, act, f"{messages:,}", *numbers]
