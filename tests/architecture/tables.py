"""What holds for every table: its tenant, and the names of its constraints and indexes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db.models import AutoField, ForeignKey, Index, Model, UniqueConstraint
from django.db.models.expressions import F

from core.fields import TenantForeignKey, UUID7Field
from core.models import TenantModel
from tests.architecture.source import APPS

Table = type[Model]

WITHOUT_TENANT = {
    "accounts.Organization": "It is the tenant.",
    "accounts.User": "A person may belong to several organizations.",
    "accounts.Permission": "The catalogue is the product's.",
    "accounts.Role": "The built-in roles serve every organization; the others name theirs.",
    "ledger.AuditEntry": "It outlives the organization, which it names by a soft id.",
    "ledger.AuditChain": "It outlives the organization, which it names by a soft id.",
    "ledger.ChainErasure": "It outlives the organization, which it names by a soft id.",
}
"""Tables that are no `TenantModel`, with the reason."""

WITHOUT_ORGANIZATION = {
    "api_key_prefix_unique": "A key is looked up by its prefix before the organization is known.",
    "invitation_digest_unique": "An invitation is looked up by its secret before the organization is known.",
}
"""Unique constraints that do not hold the organization, with the reason."""

ORGANIZATION_NOT_FIRST = {
    "api_key_prefix_unique": "A key is looked up by its prefix before the organization is known.",
    "api_key_by_imported_prefix": "A key is looked up by its prefix before the organization is known.",
    "invitation_digest_unique": "An invitation is looked up by its secret before the organization is known.",
    "message_position_unique": "The thread leads: it lies in one organization, and its foreign key is served too.",
}
"""Indexes and unique constraints that start with another column, with the reason."""

INDEXED_FIELDS = {
    "accounts.Membership.user": "Deleting a person looks for memberships in every organization.",
    "accounts.ApiKey.user": "Deleting a person looks for keys in every organization.",
    "accounts.ApiKey.created_by": "Deleting a person looks for keys in every organization.",
    "accounts.Invitation.created_by": "Deleting a person looks for invitations in every organization.",
    "accounts.AgentSession.user": "Deleting a person looks for sessions in every organization.",
    "accounts.InstanceAgent.agent": "Erasing an agent looks for its deployments by the agent alone.",
    "conversations.Feedback.message": "Purging a message looks for its feedback by the message alone.",
}
"""Fields with an index of their own, which Django names and which does not start with the organization."""

REFERENCES_OUTSIDE = {
    "accounts.Organization": "It is the tenant.",
    "accounts.User": "A person may belong to several organizations.",
    "accounts.Role": "The built-in roles serve every organization.",
}
"""Tables without a tenant that tenant rows refer to, with the reason."""

OTHER_KEYS = {
    "ledger.AuditChain": "There is one for each organization, and it bears the id of the organization.",
    "ledger.ChainErasure": "There is one for each organization, and it bears the id of the organization.",
}
"""Tables whose primary key is no UUIDv7 of their own, with the reason."""

GENERATED_NAME = re.compile(r"_[0-9a-f]{6,8}(_\w{1,5})?$")
"""How Django ends the names that it makes up."""


def project_tables() -> list[Table]:
    return [model for model in apps.get_models() if model._meta.app_label in APPS]


def tables_without_tenant(tables: Iterable[Table]) -> list[str]:
    return [
        f"{table._meta.label} belongs to no organization"
        for table in tables
        if not issubclass(table, TenantModel) and table._meta.label not in WITHOUT_TENANT
    ]


def changeable_tenants(tables: Iterable[Table]) -> list[str]:
    """The organization is NOT NULL, not edited, and has no index of its own."""
    complaints: list[str] = []
    for table in _tenant_tables(tables):
        field: Any = table._meta.get_field("organization")
        if field.null or field.editable or field.db_index:
            complaints.append(f"{table._meta.label}.organization is nullable, editable or indexed alone")
    return complaints


def constraints_without_organization(tables: Iterable[Table]) -> list[str]:
    return [
        f"{constraint.name} does not hold the organization"
        for table in _tenant_tables(tables)
        for constraint in _unique_constraints(table)
        if "organization" not in _columns(constraint) and constraint.name not in WITHOUT_ORGANIZATION
    ]


def organization_not_first(tables: Iterable[Table]) -> list[str]:
    return [
        f"{found.name} does not start with the organization"
        for table in _tenant_tables(tables)
        for found in [*_unique_constraints(table), *table._meta.indexes]
        if _columns(found)[:1] != ["organization"] and found.name not in ORGANIZATION_NOT_FIRST
    ]


def fields_with_own_index(tables: Iterable[Table]) -> list[str]:
    """`unique=True` and `db_index=True` make indexes without the organization and without a chosen name."""
    return [
        f"{table._meta.label}.{field.name} has an index of its own"
        for table in _tenant_tables(tables)
        for field in table._meta.local_fields
        if _has_own_index(field) and f"{table._meta.label}.{field.name}" not in INDEXED_FIELDS
    ]


def other_keys(tables: Iterable[Table]) -> list[str]:
    """A row has one UUIDv7 and nothing that the database counts: counters meet at one place, shards do not."""
    complaints: list[str] = []
    for table in tables:
        counted = [field.name for field in table._meta.local_fields if isinstance(field, AutoField)]
        if not isinstance(table._meta.pk, UUID7Field) and table._meta.label not in OTHER_KEYS:
            counted.append("its key")
        complaints += [f"{table._meta.label}: {name} is no UUIDv7" for name in counted]
    return complaints


def references_to_other_tenants(tables: Iterable[Table]) -> list[str]:
    """A tenant row refers to rows of its own organization, and every join says so."""
    return [
        f"{table._meta.label}.{field.name} is not kept within the organization"
        for table in _tenant_tables(tables)
        for field in table._meta.local_fields
        if isinstance(field, ForeignKey) and not _stays_inside(field)
    ]


def _stays_inside(field: Any) -> bool:
    target = field.related_model
    if isinstance(target, type) and issubclass(target, TenantModel):
        return isinstance(field, TenantForeignKey)
    return (target if isinstance(target, str) else target._meta.label) in REFERENCES_OUTSIDE


def generated_names(tables: Iterable[Table]) -> list[str]:
    """Constraints and indexes bear names that somebody chose, so that errors and migrations can speak of them."""
    return [
        f"{table._meta.label}: {found.name} is a made-up name"
        for table in tables
        for found in [*table._meta.constraints, *table._meta.indexes]
        if GENERATED_NAME.search(found.name)
    ]


def sorted_by_default(tables: Iterable[Table]) -> list[str]:
    return [f"{table._meta.label} has Meta.ordering" for table in tables if table._meta.ordering]


def saving_otherwise(tables: Iterable[Table]) -> list[str]:
    """`save()` and `delete()` are Django's: what a change entails is written in a service."""
    complaints: list[str] = []
    for table in tables:
        for name in ("save", "asave", "delete", "adelete", "save_base"):
            owner = next(base for base in table.__mro__ if name in base.__dict__)
            if not owner.__module__.startswith("django."):
                complaints.append(f"{table._meta.label} overrides {name}()")
    return complaints


def stale_exceptions(tables: Iterable[Table]) -> list[str]:
    """An exception that nothing needs any more is taken out of its table."""
    labels, names, fields = set(), set(), set()
    for table in tables:
        labels.add(table._meta.label)
        names |= {found.name for found in [*table._meta.constraints, *table._meta.indexes]}
        fields |= {f"{table._meta.label}.{field.name}" for field in table._meta.local_fields if _has_own_index(field)}
    used = labels | names | fields
    excepted = {*WITHOUT_TENANT, *WITHOUT_ORGANIZATION, *ORGANIZATION_NOT_FIRST, *INDEXED_FIELDS}
    excepted |= {*REFERENCES_OUTSIDE, *OTHER_KEYS}
    return [f"{name} is not there any more" for name in sorted(excepted - used)]


def _tenant_tables(tables: Iterable[Table]) -> Iterator[Table]:
    return (table for table in tables if issubclass(table, TenantModel))


def _unique_constraints(table: Table) -> list[UniqueConstraint]:
    return [found for found in table._meta.constraints if isinstance(found, UniqueConstraint)]


def _columns(found: UniqueConstraint | Index) -> list[str]:
    """The columns in order, without their directions; an expression stands for the columns it reads."""
    if found.fields:
        return [name.removeprefix("-") for name in found.fields]
    return [name for expression in found.expressions for name in _names_in(expression)]


def _names_in(expression: Any) -> Iterator[str]:
    if isinstance(expression, F):
        yield str(expression.name)  # type: ignore[attr-defined]
        return
    for part in expression.get_source_expressions():
        yield from _names_in(part)


def _has_own_index(field: Any) -> bool:
    return not field.primary_key and (field.db_index or field.unique)
