"""The tables that a run ends with."""

from __future__ import annotations

import pytest

from bench import rates, report, startup
from bench.windows import Window
from tests.bench.windows import window


def rows(text: str, title: str) -> list[str]:
    """The rows of a table below its head, nothing where the table is left out."""
    _before, found, after = f"\n{text}".partition(f"\n## {title}\n\n")
    return after.partition("\n\n")[0].strip().splitlines()[2:] if found else []


def against_peer(*windows: Window) -> list[str]:
    return rows(report.tables(windows), "Parley against the peer")


def test_figures_show_best_and_median() -> None:
    found = [window("parley", server_us=80.0, requests_per_second=9000.0), window("parley", server_us=120.0, errors=1)]
    numbers = "9,000 | 5,000 | 8.00 | 20.00 | 80 | 100 | 0 | 0 | 80 | 100 | 1"
    assert rows(report.tables(found), "Figures") == [
        f"| sqlite | 10,000 | 8 | append one message | parley | {numbers} |"
    ]


def test_ratios_are_met_when_throughput_processor_time_and_slowest_answers_are() -> None:
    ours = window("parley", requests_per_second=5000.0, server_us=200.0, p99_ms=7.9)
    assert against_peer(ours, window("peer", server_us=800.0)) == [
        "| sqlite | 10,000 | 8 | append one message | 5.00 | ≥ 5 | 4.00 | ≥ 4 | 7.90 | 8.00 | met |"
    ]


@pytest.mark.parametrize(
    "short",
    [
        pytest.param({"requests_per_second": 4999.0}, id="throughput"),
        pytest.param({"server_us": 201.0}, id="processor"),
        pytest.param({"p99_ms": 8.0}, id="slowest"),
    ],
)
def test_ratios_are_missed_when_one_falls_short(short: dict[str, float]) -> None:
    values = {"requests_per_second": 5000.0, "server_us": 200.0, "p99_ms": 7.9, **short}
    [row] = against_peer(window("parley", **values), window("peer", server_us=800.0))
    assert row.endswith("| missed |")


def test_ratios_count_what_the_database_spends() -> None:
    ours = window("parley", database="postgresql", server_us=100.0, database_us=150.0)
    peer = window("peer", database="postgresql", server_us=600.0, database_us=150.0)
    [row] = against_peer(ours, peer)
    assert row.split(" | ")[6] == "3.00"


def test_slowest_answers_are_judged_at_eight_clients_alone() -> None:
    ours = window("parley", clients=64, requests_per_second=5000.0, server_us=200.0, p99_ms=90.0)
    [row] = against_peer(ours, window("peer", clients=64, server_us=800.0))
    assert row.endswith("| met |")


def test_floor_is_that_of_one_client_and_its_goal_that_of_the_database() -> None:
    found = [window("parley", server_us=1000.0), window("floor", clients=1, server_us=400.0)]
    assert rows(report.tables(found), "Parley against its own statements in a bare loop") == [
        "| sqlite | 10,000 | 8 | append one message | 1,000 | 400 | 2.50 | ≤ 3.5 | met |"
    ]


def test_growth_compares_the_largest_size_with_the_smallest() -> None:
    found = [window("parley", server_us=500.0), window("parley", messages=1_000_000, server_us=650.0)]
    few, many = "append one message, 10,000 messages | 500", "append one message, 1,000,000 messages | 650"
    assert rows(report.tables(found), "Growth") == [f"| sqlite | 8 | {few} | {many} | 1.30 | ≤ 1.2 | missed |"]


def test_growth_compares_the_long_thread_with_the_short_ones() -> None:
    found = [window("parley", operation=name) for name in ("append_short", "append_long", "page_shallow", "page_deep")]
    pages = [f"page near the {place} of the long thread | 900" for place in ("beginning", "end")]
    assert rows(report.tables(found), "Growth") == [
        "| sqlite | 8 | append to one short thread | 900 | append to the long thread | 900 | 1.00 | ≤ 1.2 | met |",
        f"| sqlite | 8 | {pages[0]} | {pages[1]} | 1.00 | ≤ 1.2 | met |",
    ]


def test_memory_is_that_of_the_largest_process() -> None:
    found = [window("parley", peak_mib=129.4), window("parley", peak_mib=90.0), window("peer", peak_mib=140.0)]
    assert rows(report.tables(found), "Memory of the largest server process") == [
        "| parley | 129 | < 130 | met |",
        "| peer | 140 |  |  |",
    ]


def test_tables_without_rows_are_left_out() -> None:
    assert report.tables([window("peer")]).count("## ") == 2


def test_rates_show_the_best_run() -> None:
    slow, quick = (rates.Rate("sqlite", "import", 10_000, speed, 1e6 / speed, 0.0) for speed in (1000.0, 2000.0))
    assert rates.tables([slow, quick]).splitlines()[-1] == "| sqlite | import | 10,000 | 2,000 | 1,500 | 500 | 0 |"


def test_starts_are_judged_by_the_best_run() -> None:
    found = [startup.Start("sqlite", "manage.py check", "processor s", seconds) for seconds in (0.9, 1.2)]
    assert startup.tables(found).splitlines()[-1] == (
        "| sqlite | manage.py check | processor s | 0.90 | 1.05 | < 1 | met |"
    )
