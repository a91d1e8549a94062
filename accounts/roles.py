"""The ten roles that every organization has, and how the database is brought in step with them."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.apps import AppConfig, apps
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone

from accounts.permissions import ORGANIZATION_PERMISSIONS, PERMISSIONS, READ_PERMISSIONS, nouns, reading
from core.ids import uuid7


class BuiltInRole(NamedTuple):
    name: str
    description: str
    permissions: frozenset[str]


CONVERSATIONS = nouns("thread", "message", "feedback")
STRUCTURE = reading("organization", "domain", "instance", "agent", "role")

OWNER = "owner"

BUILT_IN_ROLES: dict[str, BuiltInRole] = {
    OWNER: BuiltInRole("Owner", "Everything in the organization.", ORGANIZATION_PERMISSIONS),
    "admin": BuiltInRole(
        "Administrator",
        "Everything but suspending the organization.",
        ORGANIZATION_PERMISSIONS - {"organization.delete"},
    ),
    "developer": BuiltInRole(
        "Developer",
        "Builds agents and works with conversations, keys and integrations.",
        CONVERSATIONS | STRUCTURE | nouns("agent", "instance", "integration", "key", "session", "usage"),
    ),
    "operator": BuiltInRole(
        "Operator",
        "Runs instances and agents that others built.",
        STRUCTURE
        | nouns("instance", "session")
        | reading("thread", "message", "feedback", "integration", "key", "usage", "budget")
        | {"agent.update", "integration.test", "key.delete", "usage.create"},
    ),
    "member": BuiltInRole(
        "Member",
        "Talks with agents.",
        STRUCTURE | nouns("session") | CONVERSATIONS - {"thread.export"},
    ),
    "reviewer": BuiltInRole(
        "Reviewer",
        "Reads conversations and gives feedback on them.",
        STRUCTURE | nouns("feedback") | reading("thread", "message", "session"),
    ),
    "analyst": BuiltInRole(
        "Analyst",
        "Reads and exports conversations and usage.",
        STRUCTURE
        | reading("thread", "message", "feedback", "session", "usage", "budget")
        | {"thread.export", "usage.export"},
    ),
    "auditor": BuiltInRole(
        "Auditor",
        "Reads the audit trail and everything but conversations.",
        READ_PERMISSIONS - CONVERSATIONS | {"audit.export"},
    ),
    "billing": BuiltInRole(
        "Billing",
        "Sees what was used and what it cost, and sets budgets.",
        reading("organization", "domain", "agent") | nouns("budget") | {"usage.read", "usage.export"},
    ),
    "viewer": BuiltInRole(
        "Viewer",
        "Reads conversations and agents.",
        STRUCTURE | reading("thread", "message", "feedback", "session"),
    ),
}


class Synced(NamedTuple):
    """Rows that a synchronization wrote; both 0 when all was in step."""

    permissions: int
    roles: int


def sync_roles(registry: Apps = apps, *, using: str = DEFAULT_DB_ALIAS) -> Synced:
    """Write the catalogue and the built-in roles into the database where it differs from them.

    Organizations' own roles are left alone, but for codes that have left the catalogue.
    """
    permissions: Any = registry.get_model("accounts", "Permission")
    roles: Any = registry.get_model("accounts", "Role")
    with transaction.atomic(using):
        return Synced(
            _sync_permissions(permissions._default_manager.using(using)), _sync(roles._default_manager.using(using))
        )


def _sync_permissions(rows: Any) -> int:
    known = dict(rows.values_list("code", "description"))
    model = rows.model
    missing = [
        model(id=uuid7(), code=code, description=text) for code, text in PERMISSIONS.items() if code not in known
    ]
    rows.bulk_create(missing, ignore_conflicts=True)
    changed = {code: text for code, text in PERMISSIONS.items() if known.get(code, text) != text}
    for code, text in changed.items():
        rows.filter(code=code).update(description=text)
    gone = set(known) - set(PERMISSIONS)
    if gone:
        rows.filter(code__in=gone).delete()
    return len(missing) + len(changed) + len(gone)


def _sync(rows: Any) -> int:
    known = {role.slug: role for role in rows.filter(organization=None)}
    written = 0
    for slug, role in BUILT_IN_ROLES.items():
        wanted = {"name": role.name, "description": role.description, "permissions": sorted(role.permissions)}
        row = known.get(slug)
        if row is None:
            rows.bulk_create([rows.model(id=uuid7(), slug=slug, **wanted)], ignore_conflicts=True)
        elif any(getattr(row, name) != value for name, value in wanted.items()):
            rows.filter(pk=row.pk).update(**wanted, version=row.version + 1, updated_at=timezone.now())
        else:
            continue
        written += 1
    return written + _drop_unknown_codes(rows)


def _drop_unknown_codes(rows: Any) -> int:
    written = 0
    for role in rows.exclude(organization=None):
        kept = [code for code in role.permissions if code in ORGANIZATION_PERMISSIONS]
        if kept != role.permissions:
            rows.filter(pk=role.pk).update(permissions=kept, version=role.version + 1)
            written += 1
    return written


def sync_after_migrate(sender: AppConfig, apps: Apps = apps, using: str = DEFAULT_DB_ALIAS, **_options: Any) -> None:
    """Django's hook after `migrate` and `flush`; does nothing while the tables are not there."""
    try:
        apps.get_model("accounts", "Role")
    except LookupError:
        return
    sync_roles(apps, using=using)
