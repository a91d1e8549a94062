"""The scope itself: how it opens, closes, nests, and what it does with errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.models import Domain, Organization
from core import row_security
from core.row_security import ORGANIZATIONS_SETTING, keep_scope, outside, scope
from tests.row_security.stage import on_postgresql, rows_of

STATE = f"SELECT current_user <> session_user, current_setting('{ORGANIZATIONS_SETTING}', true)"


def state() -> tuple[bool, str]:
    """Whether the tenants' role acts, and for which organizations."""
    [(is_tenant, organizations)] = rows_of(STATE)
    return is_tenant, organizations or ""


def test_scope_is_nothing_unless_it_is_enabled(organization: Organization) -> None:
    with CaptureQueriesContext(connection) as captured, scope({organization.pk}), outside():
        assert not row_security.is_scoped()

    assert captured.captured_queries == []


@on_postgresql
def test_scopes_nest(organization: Organization, other_organization: Organization, wall: None) -> None:
    ours, theirs = str(organization.pk), str(other_organization.pk)

    with scope({organization.pk}):
        before = state()
        with scope({other_organization.pk}):
            inside = state()
            with outside():
                beyond = state(), row_security.is_scoped()
        after = state()

    assert (before, inside, after) == ((True, ours), (True, theirs), (True, ours))
    assert beyond == ((False, ""), False)
    assert state() == (False, "")
    assert not row_security.is_scoped()


@on_postgresql
def test_several_organizations_are_one_scope(
    organization: Organization, other_organization: Organization, wall: None
) -> None:
    with scope([organization.pk, other_organization.pk, organization.pk]):
        assert state() == (True, ",".join(sorted([str(organization.pk), str(other_organization.pk)])))


@on_postgresql
def test_error_in_a_scope_inside_another_rolls_back_to_the_outer_one(
    organization: Organization, other_organization: Organization, wall: None
) -> None:
    with scope({organization.pk}):
        with pytest.raises(LookupError), scope({other_organization.pk}):
            Domain.objects.create(organization=other_organization, name="A", slug="a")
            raise LookupError
        after = state()

    assert after == (True, str(organization.pk))
    assert not Domain.objects.exists()


@on_postgresql
def test_error_that_is_caught_inside_does_not_end_the_scope(organization: Organization, wall: None) -> None:
    with scope({organization.pk}):
        first = Domain.objects.create(organization=organization, name="A", slug="a")
        with pytest.raises(IntegrityError), transaction.atomic():
            Domain.objects.create(organization=organization, name="B", slug="a")
        Domain.objects.create(organization=organization, name="C", slug="c")
        assert state() == (True, str(organization.pk))

    assert sorted(Domain.objects.values_list("slug", flat=True)) == ["a", "c"]
    assert first.organization_id == organization.pk


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_failed_statement_that_is_passed_over_does_not_pass_for_a_commit(wall: None) -> None:
    with pytest.raises(transaction.TransactionManagementError), scope([]), suppress(DatabaseError):
        rows_of("SELECT 1 / 0")

    assert state() == (False, "")


@on_postgresql
def test_streamed_answer_is_made_in_the_scope_of_its_view(
    organization: Organization, other_organization: Organization, wall: None
) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(2):
            yield ",".join(Organization.objects.values_list("slug", flat=True)).encode()

    with scope({organization.pk}):
        response = StreamingHttpResponse(chunks())
        keep_scope(response)
        keep_scope(HttpResponse())

    assert state() == (False, "")
    assert list(response) == [b"acme", b"acme"]
    assert list(chunks()) != [b"acme", b"acme"]
    assert state() == (False, "")


@on_postgresql
def test_what_is_done_on_commit_is_done_outside(organization: Organization, wall: None, transactional_db: None) -> None:
    seen: list[tuple[bool, str]] = []

    with scope({organization.pk}):
        transaction.on_commit(lambda: seen.append(state()))

    assert seen == [(False, "")]
