"""Emptying the database."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection

from conversations.models import Thread


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_search_index_too(thread: Thread) -> None:
    call_command("flush", interactive=False, verbosity=0)

    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM search_document")
        assert cursor.fetchall() == []
    assert list(Thread.objects.all()) == []
