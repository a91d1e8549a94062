"""One answer for all processes of a server, those that have died included."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from config.server import metrics_directory
from core import metrics
from core.metrics import store as stores
from core.metrics.declared import DECLARED, Counter, Gauge, Histogram
from core.metrics.page import numbers
from tests.processes import ROOT
from tests.telemetry.conftest import Numbers, parsed

database_free = pytest.mark.skipif(connection.vendor == "postgresql", reason="has nothing to do with the database")


@pytest.fixture
def declared() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    before = dict(DECLARED)
    yield
    DECLARED.clear()
    DECLARED.update(before)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The metrics of this process are on."""
    metrics.start(tmp_path)
    return tmp_path


@pytest.fixture
def child(directory: Path) -> Iterator[Callable[[Callable[[], None]], int]]:
    """Run a function in a forked process, which then waits; return its id."""
    children: list[int] = []

    def fork(act: Callable[[], None]) -> int:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            act()
            os.write(writing, b"!")
            signal.pause()
        children.append(process)
        assert os.read(reading, 1) == b"!"
        os.close(reading)
        os.close(writing)
        return process

    yield fork
    for process in children:
        end(process)


def end(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def shown() -> Numbers:
    return parsed(numbers().decode())


@database_free
def test_processes_are_added_up_and_the_dead_stay_counted(
    declared: None, directory: Path, child: Callable[[Callable[[], None]], int], db: None
) -> None:
    things, open_things = Counter("test_things_total", "Things.", ("kind",)), Gauge("test_open", "Open things.")
    sizes = Histogram("test_sizes", "Sizes.", bounds=(1.0, 10.0))

    def act() -> None:
        things.add(5, "a")
        open_things.put(7)
        sizes.observe(5.0)

    things.add(2, "a")
    open_things.put(1)
    sizes.observe(0.5)
    first, second = child(act), child(act)
    alive = shown()
    end(first)
    half = shown()
    end(second)
    dead = [shown(), shown()]

    counted = {("test_things_total", (("kind", "a"),)): 12, ("test_sizes_sum", ()): 10.5, ("test_sizes_count", ()): 3}
    counted[("test_sizes_bucket", (("le", "1.0"),))] = 1
    for found in (alive, half, *dead):
        assert {key: found[key] for key in counted} == counted
    assert [found["test_open", ()] for found in (alive, half, *dead)] == [15, 8, 1, 1]
    assert [found["parley_workers", ()] for found in (alive, half, *dead)] == [3, 2, 1, 1]
    left = {path.name for path in directory.iterdir()}
    assert {"counter_dead.db", "histogram_dead.db"} <= left
    assert [name for name in left if str(first) in name or str(second) in name] == []


@database_free
def test_a_process_with_the_id_of_a_dead_one_goes_on_counting(declared: None, tmp_path: Path) -> None:
    things = Counter("test_things_total", "Things.")
    for _ in range(2):
        metrics.start(tmp_path)
        things.add(3)
        metrics.stop()
    metrics.start(tmp_path)

    with stores.exclusive(tmp_path):
        assert stores.living(tmp_path) == [os.getpid()]
    things.add(1)
    assert shown()["test_things_total", ()] == 7


@database_free
def test_threads_lose_nothing(declared: None, directory: Path, db: None) -> None:
    things = Counter("test_things_total", "Things.")

    def act() -> None:
        for _ in range(2000):
            things.add(1)

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shown()["test_things_total", ()] == 8000


@database_free
def test_label_values_beyond_the_limit_are_counted_together(
    declared: None, directory: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.metrics.declared.MAX_SERIES", 20)
    things, sizes = (
        Counter("test_things_total", "Things.", ("name",)),
        Histogram("test_sizes", "Sizes.", ("name",), bounds=(1.0,)),
    )
    for number in range(70):
        things.add(1, str(number))
        sizes.observe(0.5, str(number))

    found = shown()

    assert found["test_things_total", (("name", "other"),)] == 50
    assert found["test_sizes_count", (("name", "other"),)] == 50
    assert len([key for key in found if key[0] == "test_things_total"]) == 21


@database_free
def test_a_metric_that_is_off_is_nothing(declared: None) -> None:
    for metric in (Counter("test_a_total", "A."), Counter("test_b_total", "B.", ("kind",))):
        metric.add(1)
        metric.take_over(2)
    Gauge("test_c", "C.").put(1)
    Histogram("test_d", "D.", bounds=(1.0,)).observe(1.0)

    assert metrics.Counter.store is None


@database_free
def test_a_name_or_label_that_does_not_fit_is_refused(declared: None, directory: Path) -> None:
    things = Counter("test_things_total", "Things.", ("kind",))

    with pytest.raises(ValueError, match="test_things_total is declared twice"):
        Counter("test_things_total", "Other things.")
    with pytest.raises(ValueError, match="has the labels"):
        things.add(1)


@database_free
def test_metrics_are_not_loaded_while_they_are_off() -> None:
    optional = {"prometheus_client", "sentry_sdk", "opentelemetry"}
    code = f"import config.wsgi, sys; print(sorted({optional} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (run.returncode, run.stdout) == (0, "[]\n"), run.stderr


def test_pool_is_measured_on_postgresql(directory: Path, db: None) -> None:
    found = shown()

    label = (("database", "default"),)
    if connection.vendor != "postgresql":
        assert ("parley_pool_connections", label) not in found
        return
    assert found["parley_pool_connections_limit", label] >= found["parley_pool_connections", label] >= 1
    assert found["parley_pool_connections_in_use", label] >= 1
    assert found["parley_pool_requests_waiting", label] == 0
    assert found["parley_pool_timeouts_total", label] == 0


@database_free
def test_files_grow_with_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    file = stores.NumberFile(path)
    keys = [f"{number:>10}" * 100 for number in range(3000)]
    for key in keys:
        file.cells.write_value(key, file.first(key) + 1.0, 0.0)
    file.cells.close()

    again = stores.NumberFile(path)

    assert [again.first(key) for key in keys] == [1.0] * 3000
    again.cells.close()
    blocks = path.stat().st_blocks * 512
    assert blocks >= path.stat().st_size == 4 * stores.FIRST_BYTES


@database_free
def test_without_room_nothing_is_counted_and_nothing_breaks(
    declared: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = Counter("test_things_total", "Things.", ("kind",))
    metrics.start(tmp_path)
    things.add(1, "old")

    def full(self: stores.NumberFile, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stores.NumberFile, "_reserve", full)
    monkeypatch.setattr(stores, "MOST_BESIDE_A_KEY", stores.FIRST_BYTES)
    things.add(1, "new")
    things.add(1, "old")
    monkeypatch.undo()

    shown_things = {labels: number for (name, labels), number in shown().items() if name == "test_things_total"}
    assert shown_things == {(("kind", "old"),): 2}


@database_free
def test_a_server_empties_the_directory_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "metrics"
    directory.mkdir()
    for name in ("counter_7.db", "process_7.alive", "notes.txt"):
        (directory / name).touch()
    monkeypatch.setattr("config.settings.METRICS_TOKEN", "x" * 16)
    monkeypatch.setattr("config.settings.METRICS_DIRECTORY", str(directory))

    with metrics_directory() as given:
        left = sorted(path.name for path in directory.iterdir())

    assert (given, left) == (str(directory), ["notes.txt"])


@database_free
def test_a_server_without_metrics_makes_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.settings.METRICS_TOKEN", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with metrics_directory() as given:
        assert (given, list(tmp_path.iterdir())) == ("", [])
