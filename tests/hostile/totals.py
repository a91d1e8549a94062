"""Count what becomes of all hostile inputs, at every place, on both databases.

    python -m tests.hostile.totals                  every input at every place; takes an hour
    python -m tests.hostile.totals --sample         the part that the suite takes
    python -m tests.hostile.totals --sections admin imports

Exit code 1 where anything ended in a 5xx, was altered, was not judged as it must be, or differs between databases.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SAMPLE = {"members": 250, "requests": 60, "admin": 400, "imports": 500}
"""The sections of the walk; of each, the suite takes every so manieth input."""

ROOT = Path(__file__).resolve().parents[2]

Rows = dict[str, list[Any]]
"""Outcomes by place and case: what was told, and the fault."""


def rows_of(world: Any, *, sections: list[str], is_sample: bool) -> Rows:
    """Walk over the database at hand; the caller has made the world, and undoes it."""
    from tests.hostile.admin_pages import admin_outcomes
    from tests.hostile.imports import import_outcomes
    from tests.hostile.members import member_outcomes
    from tests.hostile.requests import request_outcomes

    walks: dict[str, Any] = {
        "members": member_outcomes,
        "requests": request_outcomes,
        "admin": admin_outcomes,
        "imports": import_outcomes,
    }
    found: Rows = {}
    for name in sections:
        for outcome in walks[name](world, share=SAMPLE[name] if is_sample else 1):
            found[f"{name}: {outcome.key}"] = [*outcome.told, outcome.fault]
            if outcome.fault:
                print(f"{name}: {outcome.key}: {outcome.fault}", file=sys.stderr, flush=True)
    return found


def totals(by_database: dict[str, Rows]) -> dict[str, Any]:
    """Count the inputs, the faults of each kind, and the differences between databases."""
    faults = {
        f"{database} {key}": row[-1] for database, rows in by_database.items() for key, row in rows.items() if row[-1]
    }
    return {
        "inputs at places": {database: len(rows) for database, rows in by_database.items()},
        "5xx": sum(fault.startswith("5xx") for fault in faults.values()),
        "altered": sum(fault.startswith("altered") for fault in faults.values()),
        "other faults": sum(not fault.startswith(("5xx", "altered")) for fault in faults.values()),
        "differences": len(differences(*by_database.values())) if len(by_database) > 1 else None,
    }


def differences(one: Rows, other: Rows) -> dict[str, list[Any]]:
    """What two databases did not do alike."""
    return {key: [one.get(key), other.get(key)] for key in sorted({*one, *other}) if one.get(key) != other.get(key)}


@contextmanager
def test_database() -> Iterator[None]:
    """A migrated database of its own on the server of `DATABASE_URL`, in a transaction that is undone."""
    import django

    django.setup()
    from django.db import transaction
    from django.test.runner import DiscoverRunner
    from django.test.utils import override_settings

    logging.disable(logging.CRITICAL)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    made = runner.setup_databases()
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    unlimited = {"THROTTLE_KEY_PER_MINUTE": 0, "THROTTLE_ADDRESS_PER_MINUTE": 0}
    try:
        with override_settings(PASSWORD_HASHERS=hashers, **unlimited), transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        runner.teardown_databases(made)


def walk_here(path: Path, *, sections: list[str], is_sample: bool) -> None:
    """Walk over the database of `DATABASE_URL` and write the outcomes as JSON."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with test_database():
        from tests.hostile.world import make_world

        path.write_text(json.dumps(rows_of(make_world(), sections=sections, is_sample=is_sample)), encoding="utf-8")


def start_walk(path: Path, *wrapper: str, sections: list[str], is_sample: bool, **env: str) -> subprocess.Popen[bytes]:
    """Walk in another process; `wrapper` are modules that set up its database."""
    command = [part for module in (*wrapper, "tests.hostile.totals") for part in (sys.executable, "-m", module)]
    options = ["--outcomes", str(path), "--sections", *sections, *(["--sample"] if is_sample else [])]
    return subprocess.Popen([*command, *options], cwd=ROOT, env={**os.environ, **env})


def start_sqlite_walk(path: Path, *, sections: list[str], is_sample: bool) -> subprocess.Popen[bytes]:
    return start_walk(path, sections=sections, is_sample=is_sample, DATABASE_URL="sqlite:///:memory:")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", action="store_true", help="Only the part that the suite takes.")
    parser.add_argument("--sections", nargs="+", choices=list(SAMPLE), default=list(SAMPLE))
    parser.add_argument("--outcomes", type=Path, help="Walk over the database of DATABASE_URL alone; write this file.")
    options = parser.parse_args()
    chosen: dict[str, Any] = {"sections": options.sections, "is_sample": options.sample}
    if options.outcomes:
        walk_here(options.outcomes, **chosen)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in ("SQLite", "PostgreSQL")}
        walks = [
            start_sqlite_walk(files["SQLite"], **chosen),
            start_walk(files["PostgreSQL"], "tests.with_postgresql", **chosen),
        ]
        codes = [walk.wait() for walk in walks]
        if any(codes):
            return 2
        found = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}
    for key, rows in differences(*found.values()).items():
        print(f"differs: {key}: {rows}")
    counted = totals(found)
    print(json.dumps(counted, indent=2))
    return int(any(counted[name] for name in ("5xx", "altered", "other faults", "differences")))


if __name__ == "__main__":
    raise SystemExit(main())
