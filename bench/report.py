"""The figures as Markdown tables, with ratios against the goals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product as combinations

from bench import depth, floor
from bench.operations import OPERATIONS
from bench.windows import Case, Figures, Window, cases, figures

GOALS = {
    ("postgresql", "append"): (4.0, 3.5),
    ("postgresql", "read"): (4.0, 3.0),
    ("postgresql", "list"): (4.0, 3.0),
    ("postgresql", "batch"): (2.5, 2.5),
    ("sqlite", "append"): (5.0, 4.0),
    ("sqlite", "read"): (6.0, 5.0),
    ("sqlite", "list"): (5.0, 4.5),
    ("sqlite", "batch"): (5.0, 5.0),
}
"""Throughput and processor time a request that Parley has to reach, as multiples of the peer."""

FLOOR_GOALS = {"postgresql": 2.5, "sqlite": 3.5}
"""How many times the processor time of the bare statements a request may take."""

FEW_CLIENTS = 8
"""The number of clients for which the goal of the slowest answers is set."""

MEMORY_GOAL_MIB = 130
GROWTH_GOAL = 1.2
"""What an operation may cost with a hundred times the messages, or in a very long thread."""

TITLES = {name: operation.title for name, operation in OPERATIONS.items()} | {
    "append_short": "append to one short thread",
    "append_long": "append to the long thread",
    "read_short": "read the end of one short thread",
    "read_long": "read the end of the long thread",
    "page_shallow": "page near the beginning of the long thread",
    "page_deep": "page near the end of the long thread",
}

CASE = "| database | messages | clients | operation "
FIGURES = (
    f"{CASE}| target | req/s best | req/s median | p50 ms | p99 ms | server µs best | server µs median "
    "| PostgreSQL µs best | PostgreSQL µs median | total µs best | peak MiB | errors |"
)
RATIOS = f"{CASE}| throughput | goal | processor time | goal | p99 ms | peer's p50 ms | verdict |"
FLOOR = f"{CASE}| Parley µs | statements alone µs | ratio | goal | verdict |"
GROWTH = "| database | clients | cheaper | µs | dearer | µs | ratio | goal | verdict |"


def tables(windows: Sequence[Window]) -> str:
    """All tables that the windows allow."""
    every = [
        ("Figures", FIGURES, list(_figures(windows))),
        ("Parley against the peer", RATIOS, list(_ratios(windows))),
        ("Parley against its own statements in a bare loop", FLOOR, list(_floors(windows))),
        ("Growth", GROWTH, [*_growth(windows), *_depth(windows)]),
        ("Memory of the largest server process", "| target | peak MiB | goal | verdict |", list(_memory(windows))),
    ]
    return "\n\n".join(f"## {title}\n\n{table(head, rows)}" for title, head, rows in every if rows) + "\n"


def table(head: str, rows: Iterable[Sequence[str]]) -> str:
    line = "|" + "---|" * (head.count("|") - 1)
    return "\n".join([head, line, *(f"| {' | '.join(row)} |" for row in rows)])


def verdict(*reached: bool) -> str:
    return "met" if all(reached) else "missed"


def _figures(windows: Sequence[Window]) -> Iterable[list[str]]:
    for case, product in combinations(cases(windows), ("parley", "peer", floor.PRODUCT)):
        found = figures(windows, case, product)
        if found is not None:
            yield [*_labels(case), product, *_numbers(found)]


def _labels(case: Case) -> list[str]:
    return [case.database, f"{case.messages:,}", str(case.clients), TITLES[case.operation]]


def _numbers(found: Figures) -> list[str]:
    return [
        f"{found.most('requests_per_second'):,.0f}",
        f"{found.median('requests_per_second'):,.0f}",
        f"{found.median('p50_ms'):.2f}",
        f"{found.median('p99_ms'):.2f}",
        f"{found.best('server_us'):,.0f}",
        f"{found.median('server_us'):,.0f}",
        f"{found.best('database_us'):,.0f}",
        f"{found.median('database_us'):,.0f}",
        f"{found.best('total_us'):,.0f}",
        f"{found.most('peak_mib'):.0f}",
        str(found.errors()),
    ]


def _ratios(windows: Sequence[Window]) -> Iterable[list[str]]:
    for case in cases(windows):
        ours, peers = figures(windows, case, "parley"), figures(windows, case, "peer")
        if ours is not None and peers is not None:
            yield [*_labels(case), *_compared(case, ours, peers)]


def _compared(case: Case, ours: Figures, peers: Figures) -> list[str]:
    throughput = ours.most("requests_per_second") / peers.most("requests_per_second")
    processor = peers.best("total_us") / ours.best("total_us")
    goals = GOALS[case.database, case.operation]
    slowest, usual = ours.best("p99_ms"), peers.best("p50_ms")
    is_quick = case.clients != FEW_CLIENTS or slowest < usual
    return [
        f"{throughput:.2f}",
        f"≥ {goals[0]:g}",
        f"{processor:.2f}",
        f"≥ {goals[1]:g}",
        f"{slowest:.2f}",
        f"{usual:.2f}",
        verdict(throughput >= goals[0], processor >= goals[1], is_quick),
    ]


def _floors(windows: Sequence[Window]) -> Iterable[list[str]]:
    for case in cases(windows):
        ours, bare = figures(windows, case, "parley"), figures(windows, case._replace(clients=1), floor.PRODUCT)
        if ours is not None and bare is not None:
            cost, least = ours.best("total_us"), bare.best("total_us")
            goal = FLOOR_GOALS[case.database]
            judged = [f"{cost / least:.2f}", f"≤ {goal:g}", verdict(cost <= goal * least)]
            yield [*_labels(case), f"{cost:,.0f}", f"{least:,.0f}", *judged]


def _growth(windows: Sequence[Window]) -> Iterable[list[str]]:
    """The largest number of messages beside the smallest."""
    sizes = sorted({window.messages for window in windows})
    for case in cases(windows):
        if len(sizes) > 1 and case.messages == sizes[0]:
            cheap, dear = case, case._replace(messages=sizes[-1])
            names = [f"{TITLES[case.operation]}, {each.messages:,} messages" for each in (cheap, dear)]
            yield from _grown(windows, cheap, dear, names)


def _depth(windows: Sequence[Window]) -> Iterable[list[str]]:
    """The long thread beside the short ones, and its end beside its beginning."""
    for case in cases(windows):
        for cheap, dear in depth.PAIRS:
            if case.operation == cheap:
                yield from _grown(windows, case, case._replace(operation=dear), [TITLES[cheap], TITLES[dear]])


def _grown(windows: Sequence[Window], cheap: Case, dear: Case, names: Sequence[str]) -> Iterable[list[str]]:
    before, after = figures(windows, cheap, "parley"), figures(windows, dear, "parley")
    if before is None or after is None:
        return
    least, most = before.best("total_us"), after.best("total_us")
    costs = [names[0], f"{least:,.0f}", names[1], f"{most:,.0f}"]
    judged = [f"{most / least:.2f}", f"≤ {GROWTH_GOAL:g}", verdict(most <= GROWTH_GOAL * least)]
    yield [cheap.database, str(cheap.clients), *costs, *judged]


def _memory(windows: Sequence[Window]) -> Iterable[list[str]]:
    for product in ("parley", "peer"):
        peaks = [window.peak_mib for window in windows if window.product == product]
        if peaks:
            goal = ("", "") if product == "peer" else (f"< {MEMORY_GOAL_MIB}", verdict(max(peaks) < MEMORY_GOAL_MIB))
            yield [product, f"{max(peaks):.0f}", *goal]
