"""Where and with what a run was made: versions, commit, machine. No names of hosts, people or folders."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.load import wrk
from bench.processes import cores
from bench.seeds import ROOT
from bench.targets import MissingPeer

OURS = ("Django", "djangorestframework", "granian", "psycopg", "psycopg-binary", "psycopg-pool")
OF_PEER = ("fastapi", "pydantic", "sqlalchemy", "asyncpg", "aiosqlite", "uvicorn", "uvloop", "httptools")


def facts(*, peer_python: Path | None, has_clients: bool) -> dict[str, Any]:
    """Everything that a reader needs to judge or repeat the figures."""
    found: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "versions": {
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
            **{name: version(name) for name in OURS},
            **({"wrk": wrk_version()} if has_clients else {}),
        },
    }
    if peer_python is not None:
        if not peer_python.is_file():
            raise MissingPeer("The peer's environment is not there: make .venv-bench/.requirements")
        found["peer"] = versions_of(peer_python, OF_PEER)
    return found


def commit() -> str:
    """The commit, with a plus sign where files differ from it."""
    name = _output(["git", "rev-parse", "--short=10", "HEAD"])
    if not name:
        return "unknown"
    return f"{name}+" if _output(["git", "status", "--porcelain", "--untracked-files=no"]) else name


def machine() -> dict[str, Any]:
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"))
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": model[1] if model else "unknown",
        "cores": len(cores()),
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "load_before": [round(each, 2) for each in os.getloadavg()],
    }


def versions_of(python: Path, names: Sequence[str]) -> dict[str, str]:
    """The versions of packages in another environment."""
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {list(names)!r}}}))"
    run = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, str] = json.loads(run.stdout)
    return found


def wrk_version() -> str:
    run = subprocess.run([wrk(), "-v"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"wrk (\S+)", run.stdout)
    return found[1] if found else "unknown"


def _output(command: list[str]) -> str:
    """What a command says, nothing where it is not there: a copy of the sources need not be a checkout."""
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
