"""What a statement says about organizations, read from its text and its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps

from core.models import TenantModel

INDEX_TABLE = "search_document"
"""The one tenant table without a model."""

_TABLE = re.compile(r'(?:FROM|JOIN|UPDATE|INTO)\s+"?(\w+)"?', re.IGNORECASE)
_CONDITION = re.compile(
    r'organization_id"?\s*(?:=|IN\s*\()\s*(?:ANY\s*\()?(?:%s|\$\d|\(|"?\w+"?\."?organization_id)', re.IGNORECASE
)
_NAMED = re.compile(r'organization_id"?\s*=\s*$', re.IGNORECASE)
_INSERTED = re.compile(r'INSERT INTO "?\w+"?\s*\(([^)]*)\)', re.IGNORECASE)
_PLACE = re.compile(r"%s|%\((\w+)\)s")


@cache
def tenant_tables() -> frozenset[str]:
    """The names of the tables whose rows belong to an organization."""
    models = (model._meta.db_table for model in apps.get_models() if issubclass(model, TenantModel))
    return frozenset({*models, INDEX_TABLE})


@cache
def tables_of(sql: str) -> frozenset[str]:
    """The tenant tables that a statement reads or changes."""
    return frozenset(_TABLE.findall(sql)) & tenant_tables()


@cache
def names_organization(sql: str) -> bool:
    """Whether rows are chosen by their organization, or new ones are given theirs."""
    return bool(_CONDITION.search(sql)) or (is_insert(sql) and "organization_id" in sql)


def is_insert(sql: str) -> bool:
    return sql.lstrip().upper().startswith("INSERT")


def organizations_in(sql: str, parameters: Any) -> Iterator[UUID]:
    """The organizations that a statement is about."""
    if not isinstance(parameters, Sequence):
        yield from _uuids([parameters["organization_id"]] if "organization_id" in (parameters or {}) else [])
        return
    places = _places(sql)
    yield from _uuids(parameters[index] for index in places if index < len(parameters))


@cache
def _places(sql: str) -> tuple[int, ...]:
    """Which of the parameters are ids of organizations."""
    found = [match.start() for match in _PLACE.finditer(sql)]
    conditions = tuple(index for index, at in enumerate(found) if _NAMED.search(sql[:at]))
    inserted = _INSERTED.search(sql)
    if inserted is None:
        return conditions
    columns = [column.strip().strip('"') for column in inserted[1].split(",")]
    if "organization_id" not in columns:
        return conditions
    first = columns.index("organization_id")
    return tuple(range(first, len(found), len(columns)))


def _uuids(values: Any) -> Iterator[UUID]:
    for value in values:
        try:
            yield value if isinstance(value, UUID) else UUID(str(value))
        except ValueError:
            continue


def shape_of(sql: str) -> str:
    """A statement without its columns and values, short enough to be listed: what, on which table, chosen by what."""
    text = re.sub(r'"|\s+', lambda match: "" if match[0] == '"' else " ", sql).strip()
    text = re.sub(r"%s(?:, %s)+", "%s", text)
    text = re.sub(r"^SELECT .*? FROM ", "SELECT FROM ", text)
    return re.sub(r"^(UPDATE \w+) SET .* WHERE ", r"\1 WHERE ", text)


def parameters_of(sql: str, parameters: Any, *, many: bool) -> Iterator[Sequence[Any] | Mapping[str, Any]]:
    if many:
        yield from parameters
    else:
        yield parameters or ()
