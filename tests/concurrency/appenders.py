"""Processes that append to one thread through the services; prints what came of it as JSON.

DATABASE_URL=… python -m tests.concurrency.appenders PROCESSES APPENDS [ORGANIZATION]
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import django

from tests.concurrency.forking import in_processes

if TYPE_CHECKING:
    from accounts.actors import SystemActor
    from conversations.models import Thread

BATCH = 3
"""Every fifth append is a batch of this many messages."""


def append_many(actor: SystemActor, thread: Thread, number: int, appends: int) -> dict[str, Any]:
    """Append one call after the other; return `{content: position}` and the longest call in seconds.

    Every second process takes the long way, the others the one that plain appends take.
    """
    positions: dict[str, int] = {}
    longest = 0.0
    for turn in range(appends):
        size = BATCH if turn % 5 == 4 else 1
        messages = [{"role": "user", "content": f"{number}-{turn}-{part}"} for part in range(size)]
        started = time.monotonic()
        placed = append(actor, thread, messages, is_plain=number % 2 == 1)
        longest = max(longest, time.monotonic() - started)
        positions |= placed
    return {"positions": positions, "longest": longest}


def append(actor: SystemActor, thread: Thread, messages: list[dict[str, Any]], *, is_plain: bool) -> dict[str, int]:
    from conversations.services import append_messages, append_plainly

    if not is_plain:
        rows = append_messages(actor=actor, thread_id=thread.pk, messages=messages)
        return {str(row.content): row.position for row in rows}
    stored = append_plainly(actor=actor, thread_id=thread.pk, messages=messages)
    assert stored is not None
    return {row["content"]: row["position"] for row in stored.rows}


def main(processes: int, appends: int, organization: str = "acme") -> None:
    from accounts.actors import SystemActor
    from accounts.services import create_organization
    from conversations.services import create_thread

    actor = SystemActor(create_organization(slug=organization).pk)
    thread = create_thread(actor=actor, fields={"agent_type": "chat", "model": "m", "provider": "p"})
    started = time.monotonic()
    results = in_processes(processes, lambda number: append_many(actor, thread, number, appends))
    seconds = time.monotonic() - started
    print(json.dumps({"thread": str(thread.pk), "results": results, "seconds": seconds}))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
