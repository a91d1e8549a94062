"""How long and how tangled code may be."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.architecture.source import Project

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_COMPLEXITY = 8


def long_files(project: Project) -> list[str]:
    counted = ((module.place, len(module.text.splitlines())) for module in project.modules.values())
    return [f"{place} has {lines} lines" for place, lines in counted if lines > MAX_FILE_LINES]


def long_functions(project: Project) -> list[str]:
    """A function is counted from its `def` to its last line, docstring included, decorators not."""
    complaints: list[str] = []
    for module in project.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    complaints.append(f"{module.at(node)} {node.name} has {lines} lines")
    return complaints


def tangled_functions(project: Project) -> list[str]:
    """McCabe's number as ruff counts it; no `noqa` buys a way out."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--select", "C901"]
    limit = ["--config", f"lint.mccabe.max-complexity={MAX_COMPLEXITY}", "--output-format", "concise"]
    places = [module.place for module in project.modules.values()]
    run = subprocess.run([*command, *limit, *places], cwd=project.root, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(run.stderr)
    return [line for line in run.stdout.splitlines() if "C901" in line]
