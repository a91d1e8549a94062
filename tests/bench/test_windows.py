"""What several windows say together."""

from __future__ import annotations

from bench.load import Load, judged
from bench.windows import Case, Figures, cases, figures
from tests.bench.windows import window


def test_best_is_the_least_and_the_median_lies_in_the_middle() -> None:
    found = Figures([window("parley", server_us=each) for each in (400.0, 100.0, 160.0)])
    assert (found.best("server_us"), found.median("server_us"), found.most("server_us")) == (100.0, 160.0, 400.0)


def test_total_is_taken_window_by_window() -> None:
    found = Figures(
        [window("parley", server_us=300.0, database_us=100.0), window("parley", server_us=200.0, database_us=300.0)]
    )
    assert found.best("total_us") == 400.0


def test_errors_are_added_up() -> None:
    assert Figures([window("parley", errors=2), window("parley", errors=3)]).errors() == 5


def test_cases_come_once_and_in_order() -> None:
    found = [window("parley", operation="list"), window("peer", operation="list"), window("peer", clients=64)]
    assert cases(found) == [Case("sqlite", 10_000, 8, "list"), Case("sqlite", 10_000, 64, "append")]


def test_figures_take_the_windows_of_one_product_and_case() -> None:
    mine = window("parley", clients=64)
    found = [window("parley"), mine, window("peer", clients=64)]
    assert figures(found, Case("sqlite", 10_000, 64, "append"), "parley") == Figures([mine])
    assert figures(found, Case("sqlite", 10_000, 64, "list"), "parley") is None


def test_window_without_answers_is_no_quick_one() -> None:
    silent = Load(requests=0, seconds=8.0, p50_ms=0.0, p99_ms=0.0, bytes=0, errors=0)
    assert (judged(silent).p50_ms, judged(silent).p99_ms) == (8000.0, 8000.0)


def test_window_with_answers_is_taken_as_it_is() -> None:
    found = Load(requests=1, seconds=1.0, p50_ms=2.0, p99_ms=3.0, bytes=4, errors=0)
    assert judged(found) == found
