"""What a page answers while the database is out of reach."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.test import Client, RequestFactory

from config.views import server_error
from core.outages import is_outage
from tests.api.test_outages import failing_on


def test_page_without_a_database_says_when_to_try_again(admin_client: Client) -> None:
    with connection.execute_wrapper(failing_on('FROM "conversations_thread"', "database is locked")):
        response = admin_client.get("/admin/conversations/thread/")

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "The database is not available." in response.content.decode()
    assert admin_client.get("/admin/conversations/thread/").status_code == 200


@pytest.mark.parametrize(
    ("path", "content_type"), [("/admin/", "text/html; charset=utf-8"), ("/api/me", "application/problem+json")]
)
def test_middleware_without_a_database_says_when_to_try_again(path: str, content_type: str) -> None:
    try:
        raise OperationalError("database is locked")
    except OperationalError:
        response = server_error(RequestFactory().get(path))

    assert (response.status_code, response["Retry-After"], response["Content-Type"]) == (503, "1", content_type)


def test_other_errors_stay_errors() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        response = server_error(RequestFactory().get("/api/me"))

    assert response.status_code == 500


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks for PostgreSQL's errors")
def test_lost_connection_and_a_standby_in_the_primarys_place_are_outages() -> None:
    class ReadOnly(Exception):
        sqlstate = "25006"

    standby, other = InternalError("read-only"), InternalError("something else")
    standby.__cause__ = ReadOnly()
    errors = [InterfaceError("the connection is closed"), OperationalError("the pool is exhausted"), standby, other]
    assert [is_outage(error) for error in errors] == [True, True, True, False]
