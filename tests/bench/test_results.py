"""Results are kept, each run in files of its own, and tell nothing about whose machine it was."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from bench import results
from bench.facts import facts
from bench.seeds import ROOT


def test_every_run_has_files_of_its_own(tmp_path: Path) -> None:
    known = facts(peer_python=None, has_clients=False) | {
        "measured_at": "2026-01-02T03:04:05+00:00",
        "commit": "0123456789+",
    }
    for _ in range(2):
        results.store("rates", known, [{"act": "import"}], "text\n", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-01-02-0123456789-rates-2.jsonl",
        "2026-01-02-0123456789-rates-2.md",
        "2026-01-02-0123456789-rates.jsonl",
        "2026-01-02-0123456789-rates.md",
    ]


def test_rows_follow_the_facts(tmp_path: Path) -> None:
    known = facts(peer_python=None, has_clients=False)
    path = results.store("rates", known, [{"act": "import"}, {"act": "copy"}], "text\n", folder=tmp_path)
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    assert lines == [{"kind": "rates", **known}, {"act": "import"}, {"act": "copy"}]
    assert path.read_text().endswith("\n\ntext\n")


def test_neither_host_nor_folder_is_told(tmp_path: Path) -> None:
    path = results.store("rates", facts(peer_python=None, has_clients=False), [], "", folder=tmp_path)
    told = path.read_text() + path.with_suffix(".jsonl").read_text()
    assert [secret for secret in (platform.node(), str(ROOT), str(Path.home())) if secret in told] == []
