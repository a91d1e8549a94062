"""What is asked for wrongly, or cannot be had, is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main, parser
from bench.facts import facts
from bench.load import MissingProgram
from bench.plan import Busy, locked
from bench.targets import MissingPeer


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--operations", "append,delete"], "'delete' is not one of append, read, list, batch, key"),
        (["--database", "mysql"], "'mysql' is not one of sqlite, postgresql"),
        (["--clients", "8,0"], "'0' is no whole number from 1"),
        (["--size", "many"], "'many' is no whole number from 1"),
        (["--size", "nan"], "'nan' is no whole number from 1"),
        (["--rounds", "1.5"], "'1.5' is no whole number from 1"),
    ],
)
def test_wrong_argument_is_named(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(arguments)
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"python -m bench: error: argument {arguments[0]}: {complaint}"


def test_lists_are_read() -> None:
    found = parser().parse_args(["depth", "--size", "1e4,1000000", "--clients", "8,64", "--database", "sqlite"])
    assert (found.kind, found.databases) == ("depth", ["sqlite"])
    assert (found.sizes, found.clients) == ([10_000, 1_000_000], [8, 64])


def test_missing_wrk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingProgram, match=r"^wrk is not installed: apt-get install wrk"):
        facts(peer_python=None, has_clients=True)


def test_missing_environment_of_the_peer_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingPeer, match="environment is not there"):
        facts(peer_python=tmp_path / "python", has_clients=False)


def test_folder_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path):
        with pytest.raises(Busy), locked(tmp_path):
            pass
        assert main(["--data", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"Another bench works in {tmp_path.name}/; wait for it or name another --data.\n"
