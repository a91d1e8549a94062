"""The policies of the second wall: which there should be, and the statements that a database lacks.

What a table needs follows from its columns as the database has them, so that a new table joins by itself, whether it
is a model's or not. A table of none of these kinds can be read inside a scope and not written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError
from django.db import ProgrammingError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from core import row_search
from core.row_security import ORGANIZATIONS_SETTING

TENANT = "accounts.Organization"
MEMBERSHIP = "accounts.Membership"
SHARED = ("accounts.Role",)
"""Tables whose rows without an organization are everybody's to read."""

SESSION = "sessions.Session"
"""Belongs to nobody that the database knows; a changed password begins a new one in the middle of a request."""

PREFIX = "parley_"
ALL_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")

# A subquery is evaluated once a statement, not once a row; the outer cast makes `ANY` take it for an array.
IDS = f"(SELECT string_to_array(NULLIF(current_setting('{ORGANIZATIONS_SETTING}', true), ''), ',')::uuid[])::uuid[]"


class RoleRefused(CommandError):
    """The connection's role may not run the statements."""

    def __init__(self, error: Exception, statements: list[str]) -> None:
        said = str(error).strip().partition("\n")[0]
        super().__init__(
            f"{said}\nLet a superuser of the database run:\n" + "".join(f"  {each};\n" for each in statements)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of a table; `rows` and `new_rows` are conditions in SQL."""

    name: str
    command: str
    rows: str | None
    new_rows: str | None

    @property
    def fingerprint(self) -> str:
        """Kept as the policy's comment: PostgreSQL does not give the conditions back as they were written."""
        return hashlib.sha256(f"{self.command}|{self.rows}|{self.new_rows}".encode()).hexdigest()[:16]

    def statements(self, table: str) -> Iterator[str]:
        using = f" USING ({self.rows})" if self.rows else ""
        check = f" WITH CHECK ({self.new_rows})" if self.new_rows else ""
        yield f"CREATE POLICY {self.name} ON {table} FOR {self.command}{using}{check}"
        yield f"COMMENT ON POLICY {self.name} ON {table} IS '{self.fingerprint}'"


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it stands in the database."""

    name: str
    is_guarded: bool
    is_passable: bool
    """Whether the connection's own role passes the policies."""
    is_open_to_role: bool
    """Whether even the tenants' role passes them."""
    has_organization: bool
    person_column: str | None
    policies: dict[str, str]
    """The fingerprints of Parley's policies by name."""
    lacked_privileges: frozenset[str]


_TABLES = """
SELECT t.relname, t.relrowsecurity,
    pg_has_role(own.oid, t.relowner, 'USAGE') OR own.rolbypassrls,
    COALESCE(pg_has_role(tenant.oid, t.relowner, 'USAGE') OR tenant.rolbypassrls, false),
    EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'organization_id'
        AND NOT a.attisdropped),
    (SELECT a.attname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
        WHERE c.conrelid = t.oid AND c.contype = 'f' AND c.confrelid = to_regclass(%s) AND a.attnotnull
        ORDER BY a.attnum LIMIT 1),
    (SELECT COALESCE(array_agg(ARRAY[p.polname::text, COALESCE(obj_description(p.oid, 'pg_policy'), '')]), '{}')
        FROM pg_policy p WHERE p.polrelid = t.oid AND starts_with(p.polname, %s)),
    (SELECT COALESCE(array_agg(wanted), '{}') FROM unnest(%s::text[]) wanted
        WHERE NOT COALESCE(has_table_privilege(tenant.oid, t.oid, wanted), false))
FROM pg_class t
JOIN pg_roles own ON own.rolname = current_user
LEFT JOIN pg_roles tenant ON tenant.rolname = %s
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
ORDER BY t.relname
"""


def tables(connection: BaseDatabaseWrapper) -> list[Table]:
    """The tables of the schema that the connection works in."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        people = quote(_table_of(settings.AUTH_USER_MODEL))
        cursor.execute(_TABLES, (people, PREFIX, list(ALL_PRIVILEGES), settings.ROW_LEVEL_SECURITY_ROLE))
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Table(*(*row[:6], dict(row[6]), frozenset(row[7]))) for row in rows]


def policies_for(table: Table) -> list[Policy]:
    """The policies that a table needs, none for one that belongs to no organization and no person."""
    if table.has_organization:
        own = f"organization_id = ANY ({IDS})"
        shared = Policy("parley_shared_rows", "SELECT", "organization_id IS NULL", None)
        is_shared = table.name in map(_table_of, SHARED)
        return [Policy("parley_own_rows", "ALL", own, own), *([shared] if is_shared else [])]
    if table.name == _table_of(TENANT):
        own = f"id = ANY ({IDS})"
        return [Policy("parley_own_rows", "ALL", own, own)]
    if table.name == _table_of(settings.AUTH_USER_MODEL):
        members = f"id IN (SELECT user_id FROM {_table_of(MEMBERSHIP)} WHERE organization_id = ANY ({IDS}))"  # noqa: S608  names of our own
        # A person is there before their membership is.
        return [
            Policy("parley_own_rows", "ALL", members, members),
            Policy("parley_new_rows", "INSERT", None, "true"),
        ]
    if table.person_column:
        # The policy of the people's table chooses inside this one.
        own = f"{table.person_column} IN (SELECT id FROM {_table_of(settings.AUTH_USER_MODEL)})"  # noqa: S608  the same
        return [Policy("parley_own_rows", "ALL", own, own)]
    return []


def lacking(connection: BaseDatabaseWrapper) -> list[list[str]]:
    """The statements that a database lacks, in groups that belong into one transaction; none when it is complete."""
    found = [list(_for_role(connection))]
    found += [list(_for_table(connection, table)) for table in tables(connection)]
    found += row_search.lacking(connection, IDS, _quoted_role(connection))
    return [statements for statements in found if statements]


def faults(connection: BaseDatabaseWrapper) -> list[str]:
    """What keeps the wall from standing, in sentences; none when it stands."""
    found = []
    if missing := len(lacking(connection)):
        places = "1 place" if missing == 1 else f"{missing} places"
        found.append(f"Policies or privileges are missing at {places}: run manage.py row_security --enable.")
    role = settings.ROW_LEVEL_SECURITY_ROLE
    guarded = [table for table in tables(connection) if policies_for(table)]
    if not all(table.is_passable for table in guarded):
        found.append("The database user neither owns all tables nor has BYPASSRLS: outside of a scope it sees nothing.")
    if any(table.is_open_to_role for table in guarded):
        found.append(f"The role {role} is a superuser, has BYPASSRLS, or is a member of the tables' owner.")
    return found


def complete(connection: BaseDatabaseWrapper) -> list[str]:
    """Carry out what the database lacks and return the statements; raises `RoleRefused`."""
    return [statement for statements in lacking(connection) for statement in carry_out(connection, statements)]


def carry_out(connection: BaseDatabaseWrapper, statements: list[str]) -> list[str]:
    """Run a group of statements in one transaction and return them; raises `RoleRefused`."""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except ProgrammingError as error:
        raise RoleRefused(error, statements) from error
    return statements


def removing(connection: BaseDatabaseWrapper) -> list[list[str]]:
    """The statements that take the wall away again; the role stays, it belongs to the whole server."""
    quote, role = connection.ops.quote_name, _quoted_role(connection)
    groups = []
    for table in tables(connection):
        name = quote(table.name)
        dropped = [f"DROP POLICY {quote(policy)} ON {name}" for policy in table.policies]
        # Before the policies go, so that no moment shows rows to the role: then it has no privilege.
        revoked = [] if table.lacked_privileges == set(ALL_PRIVILEGES) else [f"REVOKE ALL ON {name} FROM {role}"]
        opened = [f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"] if dropped and table.is_guarded else []
        groups.append([*revoked, *dropped, *opened])
    groups.append(row_search.removing(connection, role))
    return [statements for statements in groups if statements]


def _for_table(connection: BaseDatabaseWrapper, table: Table) -> Iterator[str]:
    """Privileges come last: the role never gets at a table that no policy guards yet."""
    quote = connection.ops.quote_name
    name = quote(table.name)
    wanted = {policy.name: policy for policy in policies_for(table)}
    for policy_name, fingerprint in table.policies.items():
        if policy_name not in wanted or wanted[policy_name].fingerprint != fingerprint:
            yield f"DROP POLICY {quote(policy_name)} ON {name}"
    for policy in wanted.values():
        if table.policies.get(policy.name) != policy.fingerprint:
            yield from policy.statements(name)
    if wanted and not table.is_guarded:
        yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    needed = ALL_PRIVILEGES if wanted or table.name == _table_of(SESSION) else ("SELECT",)
    missing = [privilege for privilege in needed if privilege in table.lacked_privileges]
    if missing:
        yield f"GRANT {', '.join(missing)} ON {name} TO {_quoted_role(connection)}"


def _for_role(connection: BaseDatabaseWrapper) -> Iterator[str]:
    role = _quoted_role(connection)
    # Since PostgreSQL 16 a membership tells apart whether the role may be set; it is not meant to be inherited.
    knows_options = connection.pg_version >= 160000  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regrole(%s) IS NOT NULL, quote_ident(current_user), quote_ident(current_schema()), "
            "COALESCE(pg_has_role(current_user, to_regrole(%s), %s), "
            "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)), "
            "COALESCE(has_schema_privilege(to_regrole(%s), current_schema(), 'USAGE'), false)",
            [role, role, "SET" if knows_options else "MEMBER", role],
        )
        is_there, user, schema, may_set, may_use = cursor.fetchone()
    if not is_there:
        yield f"CREATE ROLE {role} NOLOGIN NOINHERIT"
    if not may_set:
        yield f"GRANT {role} TO {user}" + (" WITH INHERIT FALSE, SET TRUE" if knows_options else "")
    if not may_use:
        yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"


def _quoted_role(connection: BaseDatabaseWrapper) -> str:
    return connection.ops.quote_name(settings.ROW_LEVEL_SECURITY_ROLE)


def _table_of(label: str) -> str:
    return str(apps.get_model(label)._meta.db_table)
