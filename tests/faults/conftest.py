"""Fixtures of the fault harness, and what keeps its full form out of the ordinary suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from tests.databases import new_database
from tests.faults.stage import Stage, found
from tests.faults.table import keep, line
from tests.faults.verdict import Verdict, assert_passed

SERVER = ("-m", "config.server")
"""What `manage.py serve` turns into, a second earlier."""

MakeStage = Callable[..., Stage]
Report = Callable[[Verdict], None]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Faults in full take minutes: they run where a marker expression names them (`-m faults`), and nowhere else."""
    if "faults" in config.option.markexpr:
        return
    full = [item for item in items if item.get_closest_marker("faults") is not None]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]


@pytest.fixture(autouse=True)
def _databases_may_be_read(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def _founded(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[str, str]]:
    """Address and key of a prepared database, of which stages get copies: migrating takes most of a start."""
    with django_db_blocker.unblock(), new_database(tmp_path_factory.mktemp("founded")) as url:
        yield url, found(url)


@pytest.fixture
def make_stage(tmp_path: Path, _founded: tuple[str, str]) -> Iterator[MakeStage]:
    """`make_stage(workers=4, env={…})`: a running stage over a database of its own; ended after the test.

    With a `url` it is the empty database there that is prepared.
    """
    prepared, key = _founded
    with ExitStack() as stack:

        def make(**options: Any) -> Stage:
            folder = tmp_path / f"stage-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            if "url" not in options:
                options |= {"url": stack.enter_context(new_database(folder, like=prepared)), "key": key}
            return stack.enter_context(Stage(folder=folder, **options))

        yield make


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    """A running stage of two workers, for the full form of a fault."""
    return make_stage()


@pytest.fixture(scope="session")
def _shared(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker, _founded: tuple[str, str]
) -> Iterator[Stage]:
    prepared, key = _founded
    folder = tmp_path_factory.mktemp("faults")
    with django_db_blocker.unblock(), ExitStack() as stack:
        url = stack.enter_context(new_database(folder, like=prepared))
        yield stack.enter_context(Stage(url, folder, command=SERVER, key=key))


@pytest.fixture
def shared_stage(_shared: Stage) -> Stage:
    """The one stage that the fast subset shares; leave it running. Its count of restarts begins anew."""
    if not _shared.server.is_running():
        _shared.start()
    _shared.restarts = 0
    return _shared


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Print the row of a verdict, keep it for the table when the faults run in full, and fail unless it passed."""

    def tell(verdict: Verdict) -> None:
        print("\n" + line(verdict))
        if request.node.get_closest_marker("faults") is not None:
            keep(verdict)
        assert_passed(verdict)

    return tell
