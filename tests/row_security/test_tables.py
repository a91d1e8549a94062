"""What the database shows and takes inside a scope, asked in SQL, table by table."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, ProgrammingError, transaction

from accounts.actors import SystemActor
from accounts.models import Organization, Role, User
from accounts.services import create_api_key
from agents_app.services import create_agent
from conversations.services import append_messages, create_feedback, create_thread
from core.ids import uuid7
from core.row_security import ORGANIZATIONS_SETTING, outside, scope
from tests.row_security.stage import on_postgresql, rows_of, tables_with, touched

pytestmark = [on_postgresql, pytest.mark.usefixtures("wall")]

UNGUARDED = {
    "accounts_permission": "The catalogue of permission codes, the same for all.",
    "auth_group": "Django's groups, which Parley does not use.",
    "auth_group_permissions": "The same.",
    "auth_permission": "Django's permissions, the same for all.",
    "django_content_type": "The names of the tables.",
    "django_migrations": "What has been applied.",
    "django_session": "Found by a secret only; belongs to no organization.",
}
"""Tables without a policy, with the reason. They can be read inside a scope; only sessions can be written."""

FILLED = {
    *("accounts_apikey", "accounts_membership", "agents_app_agent", "conversations_feedback"),
    *("conversations_message", "conversations_thread", "search_document"),
}
"""Tables of which the stage holds rows of both organizations."""


Both = tuple[Organization, Organization]


@pytest.fixture
def both(organization: Organization, other_organization: Organization, alice: User, charlie: User) -> Both:
    for each in (organization, other_organization):
        create_api_key(organization=each, name="tests")
        actor = SystemActor(each.pk)
        create_agent(actor=actor, fields={"name": "Kept"})
        thread = create_thread(actor=actor, fields={"agent_type": "a", "model": "m", "provider": "p", "title": "Kept"})
        [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "kept"}])
        create_feedback(actor=actor, message_id=message.pk, fields={"rating": 1})
    return organization, other_organization


def counts(organization_id: object = None) -> dict[str, int]:
    """Rows of every table with an organization, of one organization or as many as there are to see."""
    condition = "" if organization_id is None else f" WHERE organization_id = '{organization_id}'"
    return {name: rows_of(f"SELECT count(*) FROM {name}{condition}")[0][0] for name in tables_with("organization_id")}


@pytest.mark.django_db
def test_every_table_has_policies_or_a_reason_for_none() -> None:
    query = """
        SELECT relname FROM pg_class t WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND NOT (relrowsecurity AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = t.oid))
    """
    assert sorted(row[0] for row in rows_of(query)) == sorted(UNGUARDED)


@pytest.mark.django_db
def test_every_table_of_tenants_is_guarded() -> None:
    named = {model._meta.db_table for model in apps.get_models() if has_organization(model)}
    guarded = {row[0] for row in rows_of("SELECT relname FROM pg_class WHERE relrowsecurity")}
    assert sorted({*named, "search_document", "accounts_organization", "accounts_user"} - guarded) == []
    assert named >= FILLED - {"search_document"}


def has_organization(model: Any) -> bool:
    return any(field.column == "organization_id" for field in model._meta.local_concrete_fields)


def test_own_rows_alone_are_seen(both: Both) -> None:
    _ours, theirs = both
    everything, own = counts(), counts(theirs.pk)
    shared = Role.objects.built_in().count()

    with scope({theirs.pk}):
        seen = counts()

    assert seen == {**own, "accounts_role": own["accounts_role"] + shared}
    assert {name for name in seen if everything[name] > seen[name] > 0} >= FILLED


def test_rows_of_several_organizations_are_seen(both: Both) -> None:
    everything = counts()

    with scope({each.pk for each in both}):
        assert counts() == everything


@pytest.mark.parametrize("statement", ["SELECT 1", f"RESET {ORGANIZATIONS_SETTING}"])
def test_nothing_is_seen_without_an_organization(both: Both, statement: str) -> None:
    with scope([]):
        touched(statement)
        seen = counts()

    assert {name for name, count in seen.items() if count} == {"accounts_role"}


def test_people_and_organizations_are_seen_by_their_membership(both: Both, alice: User, charlie: User) -> None:
    _ours, theirs = both

    with scope({theirs.pk}):
        assert rows_of("SELECT id FROM accounts_organization") == [(theirs.pk,)]
        assert rows_of("SELECT username FROM accounts_user") == [("charlie",)]

    assert User.objects.count() >= 2


def test_foreign_rows_are_neither_updated_nor_deleted(both: Both) -> None:
    ours, theirs = both
    before = counts(ours.pk)

    with scope({theirs.pk}):
        for name in tables_with("organization_id"):
            if name.startswith("ledger_"):
                continue
            touched_by_update = touched(f"UPDATE {name} SET organization_id = organization_id")
            assert touched_by_update == counts(theirs.pk)[name], name
            assert touched(f"DELETE FROM {name} WHERE organization_id = %s", ours.pk) == 0, name

    assert counts(ours.pk) == before


@pytest.mark.parametrize("name", sorted(FILLED))
def test_an_own_row_cannot_be_given_away(both: Both, name: str) -> None:
    ours, theirs = both

    with (
        pytest.raises(ProgrammingError, match="violates row-level security policy"),
        scope({theirs.pk}),
    ):
        touched(f"UPDATE {name} SET organization_id = %s", ours.pk)

    assert counts(theirs.pk)[name] > 0


def test_a_foreign_row_cannot_be_added(both: Both) -> None:
    ours, theirs = both
    columns = "id, organization_id, name, slug, description, metadata, version, created_at, updated_at"
    insert = f"INSERT INTO accounts_domain ({columns}) VALUES (%s, %s, 'A', %s, '', '{{}}', 1, now(), now())"

    with scope({theirs.pk}):
        assert touched(insert, uuid7(), theirs.pk, "own") == 1
        with pytest.raises(ProgrammingError, match="violates row-level security policy"), transaction.atomic():
            touched(insert, uuid7(), ours.pk, "foreign")

    assert counts(ours.pk)["accounts_domain"] == 0


def test_shared_rows_are_read_and_not_written(both: Both) -> None:
    with scope({both[1].pk}):
        assert rows_of("SELECT count(*) FROM accounts_role WHERE organization_id IS NULL")[0][0] > 0
        assert touched("UPDATE accounts_role SET name = 'x'") == 0
        assert touched("DELETE FROM accounts_role") == 0


@pytest.mark.parametrize("name", sorted(set(UNGUARDED) - {"django_session"}))
def test_unguarded_tables_cannot_be_written(both: Both, name: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), scope({both[0].pk}):
        touched(f"DELETE FROM {name}")


def test_unique_keys_hold_across_organizations(both: Both) -> None:
    ours, theirs = both
    taken = rows_of("SELECT id FROM agents_app_agent WHERE organization_id = %s", ours.pk)[0][0]

    with scope({theirs.pk}):
        own = rows_of("SELECT id FROM agents_app_agent")[0][0]
        with pytest.raises(IntegrityError), transaction.atomic():
            touched("UPDATE agents_app_agent SET id = %s WHERE id = %s", taken, own)


def test_search_function_keeps_to_the_scope_and_is_for_the_role_alone(both: Both) -> None:
    search = "SELECT organization_id FROM search_document_in_scope('''kept''')"
    everything = rows_of("SELECT organization_id FROM search_document WHERE words @@ '''kept'''")

    with scope({both[1].pk}):
        found = rows_of(search)

    assert set(found) == {(both[1].pk,)}
    assert set(everything) == {(each.pk,) for each in both}
    assert rows_of(search) == []
    assert rows_of("SELECT has_function_privilege('public', 'search_document_in_scope(tsquery)', 'EXECUTE')") == [
        (False,)
    ]


def test_outside_leaves_the_scope_for_a_moment(both: Both) -> None:
    _ours, theirs = both

    with scope({theirs.pk}):
        with outside():
            beyond = Organization.objects.count()
        within = Organization.objects.count()

    assert (beyond, within) == (2, 1)


@pytest.mark.django_db
def test_role_can_do_nothing_but_be_set() -> None:
    query = "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s"
    owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = %s"
    assert rows_of(query, "parley_tenant") == [(False, False, False, False, False)]
    assert rows_of(owned, "parley_tenant") == [(0,)]
