"""Finding a key goes by an index, however many keys there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import key_lookup
from tests.systems.plans import plan_of_statement

LOOKUPS = {
    "api_key_prefix_unique": lambda: key_lookup.find_key("aaaaaaaaaaaa"),
    "api_key_by_imported_prefix": lambda: key_lookup.find_imported_keys(["aaaaaa", "aaaaaab"]),
}


@pytest.mark.parametrize(("index", "find"), LOOKUPS.items())
def test_a_key_is_found_by_an_index(db: None, index: str, find: Callable[[], object]) -> None:
    with CaptureQueriesContext(connection) as captured:
        find()
    [statement] = captured.captured_queries

    plan = plan_of_statement(statement["sql"].replace("%", "%%"), [])

    assert index in plan.text
    assert plan.scans == []
