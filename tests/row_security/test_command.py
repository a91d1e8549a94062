"""`manage.py row_security`, what `migrate` and `/readyz` do with it, and who may run it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings as suite_settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from core import row_policies
from tests.databases import connected, new_database
from tests.processes import manage
from tests.row_security.stage import on_postgresql
from tests.test_env import production

CATALOG = """
SELECT 'policy', polrelid::regclass::text, polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    FROM pg_policy
UNION ALL SELECT 'guarded', oid::regclass::text, relrowsecurity::text, NULL, NULL FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT 'privilege', oid::regclass::text, privilege_type, grantee::regrole::text, NULL
    FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'public'::regnamespace AND grantee <> relowner
UNION ALL SELECT 'function', oid::regprocedure::text, prosecdef::text, NULL, NULL FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of a migrated database that the tests of this module share."""
    with django_db_blocker.unblock(), new_database(tmp_path_factory.mktemp("migrated")) as url:
        with connected(url):
            call_command("migrate", database="fresh", verbosity=0)
        yield url


@pytest.fixture
def migrated(database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """A connection to it, with nothing of the wall left."""
    with django_db_blocker.unblock(), connected(database) as found:
        execute(found, "DROP TABLE IF EXISTS added")
        run("--disable")
        yield found


def run(*arguments: str, database: str = "fresh") -> str:
    out = StringIO()
    call_command("row_security", *arguments, "--database", database, stdout=out)
    return out.getvalue()


def catalog(found: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    with found.cursor() as cursor:
        cursor.execute(CATALOG)
        return list(cursor.fetchall())


def execute(found: BaseDatabaseWrapper, statement: str) -> None:
    with found.cursor() as cursor:
        cursor.execute(statement)


def policies_in(found: BaseDatabaseWrapper) -> int:
    return sum(row[0] == "policy" for row in catalog(found))


@on_postgresql
def test_enabling_twice_changes_nothing(migrated: BaseDatabaseWrapper) -> None:
    said = run("--enable")
    once = catalog(migrated)

    assert run("--enable") == "There is nothing to do.\n"
    assert catalog(migrated) == once
    assert said.count("CREATE POLICY") == policies_in(migrated) > 20
    assert run("--check") == "Every table has its policies.\n"


@on_postgresql
def test_disabling_restores_what_was_there(migrated: BaseDatabaseWrapper) -> None:
    before = catalog(migrated)
    run("--enable")
    assert catalog(migrated) != before

    run("--disable")

    assert catalog(migrated) == before
    assert run("--disable") == "There is nothing to do.\n"


@on_postgresql
@pytest.mark.parametrize("act", ["--enable", "--disable"])
def test_dry_run_changes_nothing(migrated: BaseDatabaseWrapper, act: str) -> None:
    if act == "--disable":
        run("--enable")
    before = catalog(migrated)

    said = run(act, "--dry-run")

    assert catalog(migrated) == before
    assert said == run(act) != "There is nothing to do.\n"


@on_postgresql
@pytest.mark.parametrize(
    "damage",
    [
        "DROP POLICY parley_own_rows ON conversations_thread",
        "ALTER TABLE conversations_thread DISABLE ROW LEVEL SECURITY",
        "COMMENT ON POLICY parley_own_rows ON conversations_thread IS 'of another version'",
        "REVOKE INSERT ON conversations_thread FROM parley_tenant",
        "CREATE POLICY parley_former ON conversations_thread",
        "DROP FUNCTION search_document_in_scope(tsquery)",
        "REVOKE ALL ON FUNCTION search_document_in_scope(tsquery) FROM parley_tenant",
        "CREATE TABLE added (id uuid PRIMARY KEY, organization_id uuid NOT NULL)",
    ],
)
def test_check_finds_what_is_missing_and_enabling_mends_it(migrated: BaseDatabaseWrapper, damage: str) -> None:
    run("--enable")
    execute(migrated, damage)

    with pytest.raises(CommandError, match=r"missing at 1 place: run manage\.py row_security --enable\.$"):
        run("--check")

    run("--enable")
    assert run("--check") == "Every table has its policies.\n"


@on_postgresql
def test_migrate_keeps_the_policies_where_they_are_wanted(
    fresh_connection: BaseDatabaseWrapper, settings: Settings
) -> None:
    settings.ROW_LEVEL_SECURITY = True
    call_command("migrate", "accounts", "0001", database="fresh", verbosity=0)
    few = policies_in(fresh_connection)
    assert row_policies.faults(fresh_connection) == []

    call_command("migrate", database="fresh", verbosity=0)
    all_of_them = policies_in(fresh_connection)
    assert row_policies.faults(fresh_connection) == []

    call_command("migrate", "conversations", "zero", database="fresh", verbosity=0)
    assert row_policies.faults(fresh_connection) == []
    assert 0 < few < policies_in(fresh_connection) < all_of_them


@on_postgresql
def test_migrate_leaves_policies_alone_where_they_are_not_wanted(migrated: BaseDatabaseWrapper) -> None:
    assert policies_in(migrated) == 0


@on_postgresql
def test_table_can_be_dropped_while_it_is_guarded(migrated: BaseDatabaseWrapper) -> None:
    run("--enable")

    with transaction.atomic(using="fresh"):
        execute(migrated, "DROP TABLE search_document")
        assert row_policies.faults(migrated) == []
        transaction.set_rollback(True, using="fresh")


@on_postgresql
def test_readiness_tells_what_is_missing(wall: None, transactional_db: None) -> None:
    assert Client().get("/readyz").json()["checks"]["row_security"] == "ok"
    execute(connection, "ALTER TABLE conversations_thread DISABLE ROW LEVEL SECURITY")
    try:
        response = Client().get("/readyz")
    finally:
        row_policies.complete(connection)

    assert response.status_code == 503
    told = "Policies or privileges are missing at 1 place: run manage.py row_security --enable."
    assert response.json()["checks"]["row_security"] == told


def test_readiness_says_nothing_of_a_wall_that_is_not_wanted(db: None) -> None:
    assert "row_security" not in json.loads(Client().get("/readyz").content)["checks"]


@pytest.fixture
def owned_by(
    database: str, migrated: BaseDatabaseWrapper, settings: Settings
) -> Iterator[Callable[[str], AbstractContextManager[BaseDatabaseWrapper]]]:
    """Connect to the database as an ordinary user who owns its tables; the role of tenants is not there yet."""
    owner, settings.ROW_LEVEL_SECURITY_ROLE = (f"{word}_{uuid4().hex[:12]}" for word in ("owner", "tenant"))
    name = database.rpartition("/")[2]
    tables = [table.name for table in row_policies.tables(migrated)]

    def connect(attributes: str) -> AbstractContextManager[BaseDatabaseWrapper]:
        execute(migrated, f"CREATE ROLE {owner} LOGIN PASSWORD 'x' {attributes}")
        execute(migrated, f"GRANT ALL ON SCHEMA public TO {owner}")
        execute(migrated, "".join(f"ALTER TABLE {table} OWNER TO {owner};" for table in tables))
        found = suite_settings.DATABASES["default"]
        port = f":{found['PORT']}" if found["PORT"] else ""
        return connected(f"postgresql://{owner}:x@{quote(found['HOST'], safe='')}{port}/{name}", alias="owned")

    yield connect
    execute(migrated, "".join(f"ALTER TABLE {table} OWNER TO CURRENT_USER;" for table in tables))
    for role in (settings.ROW_LEVEL_SECURITY_ROLE, owner):
        execute(migrated, f"DO $$ BEGIN DROP OWNED BY {role}; EXCEPTION WHEN undefined_object THEN NULL; END $$")
        execute(migrated, f"DROP ROLE IF EXISTS {role}")


@on_postgresql
def test_owner_who_may_create_roles_needs_no_superuser(owned_by: Any, settings: Settings) -> None:
    with owned_by("CREATEROLE") as found:
        run("--enable", database="owned")

        assert row_policies.faults(found) == []
        execute(found, f"SET ROLE {settings.ROW_LEVEL_SECURITY_ROLE}; RESET ROLE")
        assert run("--enable", database="owned") == "There is nothing to do.\n"


@on_postgresql
def test_owner_who_may_not_is_told_what_a_superuser_must_run(owned_by: Any, settings: Settings) -> None:
    with owned_by("") as found:
        with pytest.raises(CommandError) as refused:
            run("--enable", database="owned")

        assert policies_in(found) == 0
        told = str(refused.value)
        assert "Let a superuser of the database run:" in told
        statements = "".join(f"{line.strip()}\n" for line in told.splitlines() if line.endswith(";"))
        assert statements.startswith(f'CREATE ROLE "{settings.ROW_LEVEL_SECURITY_ROLE}" NOLOGIN NOINHERIT;\n')
        execute(connections["fresh"], statements)
        run("--enable", database="owned")
        assert row_policies.faults(found) == []


@on_postgresql
def test_user_who_does_not_own_the_tables_is_found(migrated: BaseDatabaseWrapper, owned_by: Any) -> None:
    run("--enable")
    with owned_by("") as found:
        execute(migrated, "ALTER TABLE conversations_thread OWNER TO CURRENT_USER")
        told = row_policies.faults(found)[-1]
    assert told == "The database user neither owns all tables nor has BYPASSRLS: outside of a scope it sees nothing."


@on_postgresql
@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_role_of_tenants_that_passes_the_policies_is_found(
    migrated: BaseDatabaseWrapper, settings: Settings, attribute: str
) -> None:
    settings.ROW_LEVEL_SECURITY_ROLE = f"tenant_{uuid4().hex[:12]}"
    run("--enable")
    execute(migrated, f"ALTER ROLE {settings.ROW_LEVEL_SECURITY_ROLE} {attribute}")
    try:
        told = row_policies.faults(migrated)
    finally:
        run("--disable")
        execute(migrated, f"DROP OWNED BY {settings.ROW_LEVEL_SECURITY_ROLE}")
        execute(migrated, f"DROP ROLE {settings.ROW_LEVEL_SECURITY_ROLE}")
    role = settings.ROW_LEVEL_SECURITY_ROLE
    assert told == [f"The role {role} is a superuser, has BYPASSRLS, or is a member of the tables' owner."]


def test_command_needs_postgresql(tmp_path: Path) -> None:
    run = manage("row_security", "--enable", env=production(DATABASE_URL=f"sqlite:///{tmp_path / 'x.sqlite3'}"))
    assert (run.returncode, run.stderr) == (1, "CommandError: Row-level security needs PostgreSQL.\n")


def test_setting_needs_postgresql() -> None:
    run = manage("check", "--deploy", env=production(ROW_LEVEL_SECURITY="true"))
    assert run.returncode == 1
    assert "(config.E006) ROW_LEVEL_SECURITY is on and the database is not PostgreSQL." in run.stderr
