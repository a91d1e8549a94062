"""The project as it is written: every module, and what it imports."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

APPS = ("core", "ledger", "accounts", "agents_app", "conversations", "transfer", "runtime", "interop", "config")
"""The folders that make up the product."""

BESIDE = ("tests", "bench", "docs", "examples", "clients", "templates")
"""Folders that may hold Python but are no part of the product; nothing of the product imports them."""

ENTRY_POINTS = ("manage.py",)

NOT_OURS = frozenset({"node_modules", "staticfiles", "venv", "var", "build", "dist", "__pycache__"})

_IMPORTING_CALLS = frozenset({"import_module", "import_string", "__import__"})


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name. `target` may end in the name of a class or function of a module."""

    target: str
    line: int
    is_for_typing: bool

    @property
    def owner(self) -> str:
        """The top-level package."""
        return self.target.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """A parsed file. `name` is its import path; a package's `__init__` has the package's."""

    name: str
    place: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.place)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, self.package, is_for_typing=False))

    @property
    def parts(self) -> list[str]:
        return self.name.split(".")

    @property
    def app(self) -> str:
        return self.parts[0]

    @property
    def package(self) -> list[str]:
        return self.parts if self.place.endswith("__init__.py") else self.parts[:-1]

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.parts

    def at(self, node: ast.expr | ast.stmt | Import) -> str:
        """`folder/file.py:12`, for complaints."""
        return f"{self.place}:{node.line if isinstance(node, Import) else node.lineno}"


class Project:
    """All modules below a folder."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.modules = {module.name: module for module in _modules(root)}

    @property
    def product(self) -> list[Module]:
        """What is shipped: the apps and the entry points."""
        entry_names = [name.removesuffix(".py") for name in ENTRY_POINTS]
        return [module for module in self.modules.values() if module.app in (*APPS, *entry_names)]

    def module_of(self, target: str) -> Module | None:
        """The module that an import reaches: `a.b.C` is found in `a.b`."""
        name = target
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return self.modules.get(name)


def _modules(root: Path) -> Iterator[Module]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in NOT_OURS and not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                yield _module(root, Path(folder) / name)


def _module(root: Path, path: Path) -> Module:
    parts = path.relative_to(root).parts
    names = parts[:-1] if path.stem == "__init__" else (*parts[:-1], path.stem)
    return Module(".".join(names), "/".join(parts), path.read_text(encoding="utf-8"))


def _imports(node: ast.AST, package: Sequence[str], *, is_for_typing: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and _asks_for_typing(child.test):
            for statement in child.body:
                yield from _imports(ast.Module([statement], []), package, is_for_typing=True)
            for statement in child.orelse:
                yield from _imports(ast.Module([statement], []), package, is_for_typing=is_for_typing)
            continue
        for target in _targets(child, package):
            yield Import(target, getattr(child, "lineno", 0), is_for_typing)
        yield from _imports(child, package, is_for_typing=is_for_typing)


def _asks_for_typing(test: ast.expr) -> bool:
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _targets(node: ast.AST, package: Sequence[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = list(package[: len(package) - node.level + 1]) if node.level else []
        source = ".".join([*base, node.module] if node.module else base)
        return [source if alias.name == "*" else f"{source}.{alias.name}" for alias in node.names]
    return _called_targets(node) if isinstance(node, ast.Call) else []


def _called_targets(call: ast.Call) -> list[str]:
    """The module that `import_module("…")` and its like name."""
    if ast.unparse(call.func).rpartition(".")[2] not in _IMPORTING_CALLS or not call.args:
        return []
    first = call.args[0]
    return [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
