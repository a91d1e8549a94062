"""The peer stays outside: neither the product nor the bench needs its packages."""

from __future__ import annotations

import ast
from pathlib import Path

from bench.seeds import ROOT

PEERS_OWN = {"fastapi", "sqlalchemy", "asyncpg", "aiosqlite", "uvicorn"}


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, and `bench.peer` by its full name."""
    found: set[str] = set()
    text = path.read_text(encoding="utf-8")
    if not any(name in text for name in (*PEERS_OWN, "peer")):
        return found
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    return {name if name.startswith("bench.peer") else name.partition(".")[0] for name in found}


def test_nothing_but_the_peer_imports_what_the_peer_needs() -> None:
    paths = [
        path
        for folder in sorted(each.parent for each in ROOT.glob("*/__init__.py"))
        for path in folder.rglob("*.py")
        if not path.is_relative_to(ROOT / "bench" / "peer")
    ]
    peers = {str(path.relative_to(ROOT)) for path in paths if imported(path) & {*PEERS_OWN, "bench.peer"}}
    assert peers == set()
    assert imported(ROOT / "bench" / "peer" / "app.py") & PEERS_OWN == {"fastapi", "sqlalchemy"}
