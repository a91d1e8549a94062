"""What must hold after a fault: everything acknowledged is there, once, unaltered, in order, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from conversations.models import Message, Thread
from tests.concurrency.stage import Database
from tests.databases import connected
from tests.faults.recording import REPEATED_STATUSES, Operation, Record
from tests.faults.stage import Stage
from tests.faults.verdict import Verdict

Row = tuple[str, int, str | None]
"""Id, position and content of a message."""


def judge(
    stage: Stage,
    record: Record,
    *,
    fault: str,
    fault_ended: float | None = None,
    restarts: int = 0,
    notes: str = "",
    problems: tuple[str, ...] = (),
    database: Database | None = None,
    allow_unresolved: bool = False,
) -> Verdict:
    """Read everything back, over the API and from the database, and compare it with what was acknowledged.

    The server must be up. `fault` begins with its number in docs/faults.md: "1 kill -9 of the server". `fault_ended`
    is the moment (monotonic seconds) from which recovery counts; `restarts` how often the test itself was to start the
    server again; `problems` what the test found besides; `database` where to read instead of the stage's own.
    """
    found = _Found(stage, record, database or stage.database)
    return Verdict(
        fault=fault,
        database=stage.vendor,
        acknowledged=sum(len(each.rows) for each in record.acknowledgements),
        absent=len(found.absent),
        doubled=len(found.doubled),
        repeated=record.repeats,
        statuses=dict(sorted(record.statuses().items())),
        worst_wait_ms=round(record.worst_wait() * 1000),
        longest_stall_ms=round(record.longest_stall() * 1000),
        recovered_s=None if fault_ended is None else record.recovery_after(fault_ended),
        restarts=stage.restarts,
        notes=notes,
        problems=(
            *problems,
            *found.problems(),
            *_told_wrongly(record, allow_unresolved=allow_unresolved),
            *_restarted(stage, restarts),
            *(["nothing was acknowledged after the fault"] if _never_recovered(record, fault_ended) else []),
        ),
    )


class _Found:
    """What stands in the database, beside what was said to stand there."""

    def __init__(self, stage: Stage, record: Record, database: Database) -> None:
        told = record.acknowledged_messages()
        self.threads = sorted(
            {thread for thread, _row in told} | {str(each.thread) for each in _sent(record) if each.thread}
        )
        self.rows = {thread: _rows(database, thread) for thread in self.threads}
        self.counters = {thread: database.thread(thread) for thread in self.threads}
        self.over_api = {thread: _rows_over_api(stage, thread) for thread in self.threads}
        self.titles = _titles(database, [row["id"] for row in record.acknowledged_threads()], record.run)
        stored = {(thread, *row) for thread, rows in self.rows.items() for row in rows}
        self.absent = [
            row["content"] for thread, row in told if (thread, row["id"], row["position"], row["content"]) not in stored
        ] + [row["title"] for row in record.acknowledged_threads() if (row["id"], row["title"]) not in self.titles]
        tokens = [content for rows in self.rows.values() for _id, _position, content in rows]
        self.doubled = [each for each, times in Counter([*tokens, *(t for _i, t in self.titles)]).items() if times > 1]
        self.unknown = set(tokens) - {token for each in _sent(record) for token in each.tokens}

    def problems(self) -> Iterator[str]:
        yield from (f"acknowledged and absent, or altered: {each}" for each in self.absent)
        yield from (f"stored more than once: {each}" for each in self.doubled)
        yield from (f"stored and never sent: {each!r}" for each in sorted(map(str, self.unknown)))
        for thread in self.threads:
            count = len(self.rows[thread])
            if [position for _id, position, _content in self.rows[thread]] != list(range(1, count + 1)):
                yield f"positions of {thread} are not 1 to {count}"
            if self.counters[thread] != {"last_position": count, "message_count": count}:
                yield f"counters of {thread} are {self.counters[thread]} over {count} messages"
            if self.over_api[thread] != self.rows[thread]:
                yield f"the API tells {thread} otherwise than the database"


def _sent(record: Record) -> list[Operation]:
    answered = [each.operation for each in record.acknowledgements]
    return [*answered, *record.unresolved, *(operation for operation, _answer in record.refused)]


def _rows(database: Database, thread: str) -> list[Row]:
    with connected(database.url) as connection:
        messages = Message.objects.using(connection.alias).filter(thread_id=thread).order_by("position")
        return [
            (str(id_), position, content)
            for id_, position, content in messages.values_list("id", "position", "content")
        ]


def _rows_over_api(stage: Stage, thread: str) -> list[Row]:
    rows: list[dict[str, Any]] = stage.pages(f"/api/threads/{thread}/messages?branches=all")
    return [(row["id"], row["position"], row["content"]) for row in rows]


def _titles(database: Database, acknowledged: list[str], run: str) -> list[tuple[str, str]]:
    """Id and title of the threads that clients of this run created."""
    with connected(database.url) as connection:
        threads = Thread.objects.using(connection.alias)
        made = threads.filter(title__startswith=f"{run}-") | threads.filter(pk__in=acknowledged)
        return [(str(id_), title or "") for id_, title in made.values_list("id", "title")]


def _told_wrongly(record: Record, *, allow_unresolved: bool) -> Iterator[str]:
    for operation, answer in record.refused:
        yield f"{operation.kind} answered {answer.status}: {answer.text[:300]}"
    without = [each.status for each in record.answers if each.status in REPEATED_STATUSES and each.retry_after is None]
    yield from (f"{status} without Retry-After, {times} times" for status, times in Counter(without).items())
    if record.unresolved and not allow_unresolved:
        yield f"{len(record.unresolved)} operations were never answered"


def _restarted(stage: Stage, expected: int) -> Iterator[str]:
    if stage.restarts != expected:
        yield f"the server was started again {stage.restarts} times instead of {expected}"
    if not stage.server.is_running():
        yield "the server does not run"


def _never_recovered(record: Record, fault_ended: float | None) -> bool:
    return fault_ended is not None and record.recovery_after(fault_ended) is None
