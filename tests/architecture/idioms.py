"""Habits of the code that a reader may rely on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import APPS, ENTRY_POINTS, Module, Project

EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|misc|common)($|_)")
EMPTY_SUFFIXES = ("Manager", "Helper", "Helpers", "Util", "Utils", "Data")

ENVIRONMENT_READERS = frozenset({"config/settings.py", "config/env.py"})
NAMING_THE_SETTINGS = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')"
STARTING = frozenset({*ENTRY_POINTS, "config/wsgi.py", "config/asgi.py", "config/rsgi.py"})

AFTER_MIGRATE = frozenset({"accounts/apps.py"})
"""Apps that keep rows in step with the code: Django offers `post_migrate` for that, after `flush` as well."""

DATABASE_DRIVERS = frozenset({"psycopg", "sqlite3"})
"""Modules whose `connect()` has nothing to do with signals."""


def empty_names(project: Project) -> list[str]:
    """A module is named by what it holds, a class by what it is."""
    complaints = [
        f"{module.place} is named by nothing that it holds"
        for module in project.modules.values()
        if any(EMPTY_NAMES.search(part) for part in module.parts)
    ]
    return complaints + [
        f"{module.at(node)} {node.name} ends in an empty word"
        for module in project.product
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(EMPTY_SUFFIXES)
    ]


def environment_reads(project: Project) -> list[str]:
    """Only the settings read the environment; entry points may name the settings module, and nothing else."""
    return [
        f"{place} reads the environment"
        for module in project.product
        if module.place not in ENVIRONMENT_READERS
        for place in _environment_reads_of(module)
    ]


def _environment_reads_of(module: Module) -> Iterator[str]:
    names_settings = {
        id(node.func.value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and module.place in STARTING
        and ast.unparse(node) == NAMING_THE_SETTINGS
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and id(node) not in names_settings and _is_environment(ast.unparse(node)):
            yield module.at(node)
    for found in module.imports:
        if _is_environment(found.target):
            yield module.at(found)


def _is_environment(name: str) -> bool:
    return name in ("os.environ", "os.environb", "os.getenv", "os.getenvb")


OPERATIONS_OF_MIGRATIONS = "core.online_migrations"
"""What migrations are written in, like Django's own operations: what one does stays as it is."""


def project_imports_in_migrations(project: Project) -> list[str]:
    """A migration describes a moment of the past; code that goes on changing is no part of it."""
    return [
        f"{module.at(found)} imports {found.target}"
        for module in project.product
        if module.is_migration
        for found in module.imports
        if found.owner in APPS and not f"{found.target}.".startswith(f"{OPERATIONS_OF_MIGRATIONS}.")
    ]


def signals(project: Project) -> list[str]:
    """The project's own logic is called by name: nothing connects to a signal."""
    complaints: list[str] = []
    for module in project.product:
        if module.place in AFTER_MIGRATE:
            continue
        complaints += [
            f"{module.at(found)} imports {found.target}"
            for found in module.imports
            if found.target.startswith("django.dispatch") or ".signals" in found.target
        ]
        complaints += [f"{module.at(call)} connects a receiver" for call in _signal_connections(module)]
    return complaints


def _signal_connections(module: Module) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            if name == "connect" and owner not in DATABASE_DRIVERS:
                yield node


def all_fields(project: Project) -> list[str]:
    """Whoever shows or edits a row names its fields, so that a new column is not shown by accident."""
    return [
        f"{module.at(node)} names no fields"
        for module in project.product
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and node.value.value == "__all__"
    ]
