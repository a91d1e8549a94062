"""Every request stays within the rows of one organization, and every statement of it says so."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import Organization
from accounts.services import create_organization
from conversations.models import Message, Thread
from core.checks import OPEN_VIEWS
from tests.api.routes import all_routes, requests_by_key, unversioned
from tests.isolation.answers import Answer
from tests.isolation.conftest import Stage, stage
from tests.isolation.expected import ROWS, body_for
from tests.scale.recorder import Recorder, recorded
from tests.scale.statements import names_organization, organizations_in, shape_of, tables_of

__all__ = ["stage"]

OWNER = "other organization's admin"

NAMELESS = {
    r"FROM accounts_membership INNER JOIN .* accounts_membership\.user_id = %s":
        "A log-in asks for the memberships of a person, which tell the organizations.",
    r"^DELETE FROM (\w+) WHERE \1\.id IN \(%s\)$":
        "Django deletes by their ids the rows that a statement with the organization has collected.",
    r"^SELECT FROM accounts_(membership|invitation) WHERE accounts_\1\.role_id IN \(%s\)$":
        "A role that is deleted must be held by nobody, and the ids of roles are unique everywhere.",
    r"^SELECT FROM search_document$":
        "SQLite numbers documents over all organizations; PostgreSQL, which can be cut, has no such number.",
}  # fmt: skip
"""Statements of requests that name no organization, with the reason."""


@pytest.mark.skipif(settings.DATABASES["default"]["ENGINE"] != "core.sqlite", reason="the statements are the ORM's own")
def test_requests_name_their_organization_and_no_other(stage: Stage) -> None:
    recorder = ask_for_everything(stage)

    unexplained = [shape for shape in recorder.nameless if not any(re.search(each, shape) for each in NAMELESS)]
    assert unexplained == []
    assert {UUID(stage.rival["organization"])} == set().union(*recorder.organizations.values())


def ask_for_everything(stage: Stage) -> Recorder:
    """Send every method of every route with a body that is accepted, and undo what it did."""
    with recorded() as recorder:
        for method, route in requests_by_key(unversioned(all_routes())):
            if route.name in OPEN_VIEWS:
                continue
            path = route.path(stage.rival[ROWS[route.name]]) if route.has_row else route.template
            body = body_for(method, route.name, stage.rival)
            with transaction.atomic():
                answer = Answer.of(stage.identities[OWNER].send(method, path, body, if_match="*"))
                transaction.set_rollback(True)
            assert answer.status < 500, (method, path)
    assert len(recorder.organizations) > 50
    return recorder


@pytest.mark.django_db
def test_saved_row_cannot_move_to_another_organization(organization: Organization, thread: Thread) -> None:
    elsewhere = create_organization(slug="elsewhere", name="Elsewhere")
    thread.organization_id = elsewhere.pk

    with pytest.raises(DatabaseError), transaction.atomic():
        thread.save(update_fields=["organization", "title"])

    assert Thread.objects.get(pk=thread.pk).organization_id == organization.pk


@pytest.mark.django_db
def test_join_of_tenant_tables_keeps_to_one_organization(thread: Thread) -> None:
    sql = str(Message.objects.in_active_threads().query)

    assert '"conversations_thread"."organization_id" = ("conversations_message"."organization_id")' in sql


def test_statement_without_organization_is_found() -> None:
    nameless = 'SELECT "t"."id" FROM "conversations_thread" WHERE "conversations_thread"."id" = %s'

    assert tables_of(nameless) == {"conversations_thread"}
    assert not names_organization(nameless)
    assert names_organization(f'{nameless} AND "conversations_thread"."organization_id" = %s')
    assert shape_of(nameless) == "SELECT FROM conversations_thread WHERE conversations_thread.id = %s"


def test_organizations_of_a_statement_are_found() -> None:
    one, other = UUID(int=1), UUID(int=2)
    insert = 'INSERT INTO "conversations_thread" ("id", "organization_id") VALUES (%s, %s), (%s, %s)'
    update = 'UPDATE "conversations_thread" SET "title" = %s WHERE "conversations_thread"."organization_id" = %s'

    assert list(organizations_in(insert, ["a", one.hex, "b", other.hex])) == [one, other]
    assert list(organizations_in(update, ["title", one])) == [one]
