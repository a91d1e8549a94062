"""What must hold in the database beyond what it enforces itself.

A connection that did not switch foreign keys on, a copy of half a file, a hand that repaired a row: none of them is
stopped by a constraint. Apps register checks of their own tables; `manage.py check_integrity` runs them all. A check
yields what it finds row by row, so that its memory does not grow with the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Exists, ForeignKey, Model, OuterRef

from core.models import TenantModel


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that is not as it must be."""

    row: str
    message: str


Check = Callable[[str], Iterator[Finding]]
"""Takes the alias of a database."""

_checks: dict[str, Check] = {}


def register(name: str) -> Callable[[Check], Check]:
    """Add a check under its name; names are told before each finding."""

    def add(check: Check) -> Check:
        _checks[name] = check
        return check

    return add


def checks() -> dict[str, Check]:
    """Every check, in the order in which apps registered them."""
    return dict(_checks)


def row_name(model: type[Model], pk: object) -> str:
    return f"{model._meta.db_table} {pk}"


@register("file")
def check_file(using: str) -> Iterator[Finding]:
    """The pages of a SQLite file, its indexes, and its unique, CHECK and NOT NULL constraints."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        for (message,) in cursor:
            if message != "ok":
                yield Finding("database", message)


@register("foreign keys")
def check_foreign_keys(using: str) -> Iterator[Finding]:
    """Rows that point at nothing."""
    if connections[using].vendor == "sqlite":
        yield from _orphans_by_pragma(using)
        return
    for model, field in _foreign_keys():
        target = Exists(field.related_model._base_manager.filter(pk=OuterRef(field.attname)))
        orphans = model._base_manager.using(using).filter(~target, **{f"{field.attname}__isnull": False})
        for pk, value in orphans.values_list("pk", field.attname).iterator():
            yield Finding(row_name(model, pk), f"{field.attname} points at {value}, which is not there.")


def _orphans_by_pragma(using: str) -> Iterator[Finding]:
    with connections[using].cursor() as cursor:
        cursor.execute("PRAGMA foreign_key_check")
        for table, rowid, target, _number in cursor:
            yield Finding(f"{table} rowid {rowid}", f"It points at a row of {target} that is not there.")


@register("tenants")
def check_tenants(using: str) -> Iterator[Finding]:
    """Rows that point at a row of another organization."""
    for model, field in _foreign_keys():
        if not issubclass(model, TenantModel) or not _has_organization(field.related_model):
            continue
        # What belongs to nobody, such as a built-in role, serves everybody. A join would hide what is looked for: it
        # takes the organizations to be the same.
        targets = field.related_model._base_manager.filter(pk=OuterRef(field.attname), organization__isnull=False)
        strays = Exists(targets.exclude(organization_id=OuterRef("organization_id")))
        for pk, value in model._base_manager.using(using).filter(strays).values_list("pk", field.attname).iterator():
            yield Finding(row_name(model, pk), f"{field.attname} {value} belongs to another organization.")


def _has_organization(model: type[Model]) -> bool:
    return any(field.name == "organization" and field.is_relation for field in model._meta.concrete_fields)


def _foreign_keys() -> Iterator[tuple[type[Model], Any]]:
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, ForeignKey):
                yield model, field
