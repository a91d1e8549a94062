"""The demo fixture: whole, and loaded twice the same."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from conversations.models import Message, Thread


def loaded() -> str:
    """Load the fixture and return every row of the product."""
    call_command("loaddata", "demo", verbosity=0)
    rows = StringIO()
    call_command("dumpdata", "accounts", "agents_app", "conversations", stdout=rows)
    return rows.getvalue()


@pytest.mark.django_db
def test_demo_fixture_loaded_twice_changes_nothing() -> None:
    once = loaded()

    assert Message.objects.count() > 10
    assert loaded() == once


@pytest.mark.django_db
def test_demo_fixture_keeps_the_invariants_of_the_store() -> None:
    loaded()

    call_command("check_integrity", stdout=StringIO())
    branched = Thread.objects.get(external_id="demo-review-branch")
    assert branched.path == [(1, 2), (5, None)]


@pytest.mark.django_db
def test_demo_messages_are_indexed_once() -> None:
    loaded()

    told = []
    for _ in range(2):
        out = StringIO()
        call_command("index_messages", stdout=out)
        told.append(out.getvalue().strip())

    assert told == [f"{count} documents were added to the search index." for count in (35, 0)]
