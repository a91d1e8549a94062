"""What the API answers while the database is out of reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from conversations.models import Message, Thread
from tests.api.problems import problem_of
from tests.client import ApiClient


def failing_on(words: str, text: str) -> Callable[..., Any]:
    """Let the statements that hold some words fail the way a driver does."""

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if words in sql:
            raise OperationalError(text)
        return run(sql, params, many, context)

    return execute


def test_outage_is_a_503_that_says_when_to_try_again_and_changes_nothing(api: ApiClient, thread: Thread) -> None:
    with connection.execute_wrapper(failing_on("INSERT INTO", "database is locked")):
        response = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"}, idempotency_key="k")

    assert (response.status_code, problem_of(response)["code"]) == (503, "unavailable")
    assert response["Retry-After"] == "1"
    assert Message.objects.count() == 0
    thread.refresh_from_db()
    assert (thread.last_position, thread.version) == (0, 1)

    again = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"}, idempotency_key="k")
    assert (again.status_code, again.json()["position"]) == (201, 1)


@pytest.mark.skipif(connection.vendor == "postgresql", reason="there a missing table is no operational error")
def test_missing_table_is_no_outage(api: ApiClient, thread: Thread) -> None:
    with (
        connection.execute_wrapper(failing_on("INSERT INTO", "no such table: x")),
        pytest.raises(OperationalError),
    ):
        api.post(f"/api/threads/{thread.pk}/messages", {"role": "user"})
