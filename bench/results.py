"""Results on disk: for each run the raw windows as JSON lines and the tables as Markdown, never overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.seeds import ROOT

FOLDER = ROOT / "bench" / "results"


def store(
    kind: str, facts: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], text: str, *, folder: Path = FOLDER
) -> Path:
    """Write both files and return the Markdown one. The first JSON line holds the facts, each other one a row."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, f"{facts['measured_at'][:10]}-{facts['commit'].rstrip('+')}-{kind}")
    lines = [json.dumps({"kind": kind, **facts}), *(json.dumps(row) for row in rows)]
    path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.write_text(f"# {title(kind, facts)}\n\n{described(facts)}\n\n{text}", encoding="utf-8")
    return path


def title(kind: str, facts: Mapping[str, Any]) -> str:
    return f"{kind.capitalize()}, {facts['measured_at'][:10]}, commit {facts['commit']}"


def described(facts: Mapping[str, Any]) -> str:
    """The facts as a Markdown list; a commit with a plus sign had changes that are not in it."""
    machine = facts["machine"]
    load = " ".join(str(each) for each in machine["load_before"])
    built = f"{machine['cores']} cores, {machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}"
    lines = [f"- Machine: {built}; load before: {load}", f"- Versions: {_named(facts['versions'])}"]
    if "peer" in facts:
        lines.append(f"- Peer: {_named(facts['peer'])}")
    if "settings" in facts:
        lines.append(f"- Settings: {_named(facts['settings'])}")
    return "\n".join(lines)


def _named(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _free(folder: Path, stem: str) -> Path:
    path, number = folder / f"{stem}.md", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.md"
    return path
