"""One thread of a million messages beside one of fifty in the same database."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bench import corpus
from bench.operations import OPERATIONS, READ, Client, Operation, WrongAnswer
from bench.plan import Place, Plan, tell
from bench.seeds import Seed
from bench.targets import Running
from bench.windows import Window, measure

SHALLOW_SHARE, DEEP_SHARE = 0.001, 0.9
"""Where the two pages lie in the long thread: behind message 1,000 and behind message 900,000 of a million."""

PAIRS = (("append_short", "append_long"), ("read_short", "read_long"), ("page_shallow", "page_deep"))
"""Each one and the one that may cost a fifth more at most."""


def windows(plan: Plan, place: Place) -> Iterator[Window]:
    """Parley alone: the peer is compared at the ordinary sizes."""
    seed = Seed("parley", plan.sizes[0], plan.deep)
    place.store.prepare(seed)
    # One thread against one thread: eight clients that append to the same one wait for each other in either case.
    short, long = plan.data / "short_thread.txt", plan.data / "long_thread.txt"
    short.write_text(f"{corpus.thread_id(0)}\n", encoding="utf-8")
    long.write_text(f"{corpus.DEEP}\n", encoding="utf-8")
    for number in range(1, plan.rounds + 1):
        tell(f"{place.database}, a thread of {plan.deep:,} messages, round {number}")
        with plan.servers().serving("parley", place.store.fresh_copy(seed)) as server:
            yield from _of_server(plan, place, server, short=short, long=long)


def _of_server(plan: Plan, place: Place, server: Running, *, short: Path, long: Path) -> Iterator[Window]:
    pages = _pages(server, plan.deep)
    append, read = OPERATIONS["append"], OPERATIONS["read"]
    every = [
        (replace(append, name="append_short"), short),
        (replace(append, name="append_long"), long),
        (replace(read, name="read_short"), short),
        (replace(read, name="read_long"), long),
        *((page, long) for page in pages),
    ]
    for clients in plan.clients:
        for operation, ids in [every[0], *every * plan.windows]:
            plan.wait_for_quiet()
            window = measure(
                server, operation, plan.connections(clients), ids=ids, cluster=place.cluster, messages=plan.deep
            )
            yield window


def _pages(server: Running, messages: int) -> list[Operation]:
    """Two pages of the long thread by the product's own cursors, looked at before they are measured."""
    with closing(Client(server.port, server.headers)) as client:
        cursor = _first_cursor(client)
        found = []
        for name, share in (("page_shallow", SHALLOW_SHARE), ("page_deep", DEEP_SHARE)):
            behind = int(messages * share)
            path = f"{_path()}&cursor={_moved(cursor, behind)}"
            _check_page(client, path, behind)
            found.append(Operation(name, f"page behind message {behind:,}", {"parley": path}))
        return found


def _path() -> str:
    return f"/api/threads/{corpus.DEEP}/messages?limit={READ}"


def _first_cursor(client: Client) -> str:
    _status, answer = client(_path())
    [cursor] = parse_qs(urlsplit(str(answer["next"])).query)["cursor"]
    return cursor


def _moved(cursor: str, behind: int) -> str:
    """The same cursor behind another position: walking there page by page would take a thousand requests."""
    members = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    text = json.dumps([*members[:-1], behind], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _check_page(client: Client, path: str, behind: int) -> None:
    status, answer = client(path)
    found = [row["position"] for row in answer["results"]] if status == 200 else answer
    if found != list(range(behind + 1, behind + READ + 1)):
        raise WrongAnswer(f"The page behind {behind:,} holds {found!r}")
