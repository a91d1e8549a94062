"""Fill the database of `DATABASE_URL` with Parley's own models and search index, and tell what a client needs.

    python -m bench.seed_parley MESSAGES [--deep MESSAGES]

Counters, versions and index are what as many calls of the services would have left. Prints an API key.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  needs the settings
from django.db import connection, transaction  # noqa: E402

from accounts.services import create_api_key, create_organization  # noqa: E402
from bench import corpus  # noqa: E402
from conversations.models import Message, Thread  # noqa: E402
from conversations.services.appending import index_messages  # noqa: E402
from conversations.services.threads import index_title  # noqa: E402

Row = TypeVar("Row")
ROWS_A_TRANSACTION = 5000
ROWS_A_STATEMENT = 500
AFTER_ALL = 10**9
"""A number of milliseconds that no message comes after."""


def seed(messages: int, deep: int) -> str:
    """Write everything and return the text of an API key of the organization."""
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        organization = create_organization(slug="bench", name="Bench")
        key = create_api_key(organization=organization, name="bench")[1]
        stranger = create_organization(slug="stranger", name="Stranger")
        write_threads(threads(stranger.pk, [corpus.STRANGERS], 0, first=AFTER_ALL))
    if connection.vendor == "postgresql":
        connection.cursor().execute("SET synchronous_commit = off")
    write_threads(threads(organization.pk, corpus.thread_ids(messages), corpus.MESSAGES_PER_THREAD, first=0))
    write_messages(organization.pk, corpus.said(messages))
    if deep:
        write_threads(threads(organization.pk, [corpus.DEEP], deep, first=messages))
        write_messages(organization.pk, corpus.said_in_deep_thread(deep, serial=messages))
    if connection.vendor == "postgresql":
        connection.cursor().execute("VACUUM ANALYZE")
    return key


def threads(organization_id: UUID, ids: list[UUID], messages: int, *, first: int) -> Iterator[Thread]:
    for number, thread_id in enumerate(ids, first):
        created = corpus.START + timedelta(milliseconds=number)
        last: datetime = created + timedelta(seconds=messages)
        yield Thread(
            id=thread_id,
            organization_id=organization_id,
            title=f"Thread {number}",
            agent_type="chat",
            model="gpt-4o-mini",
            provider="openai",
            last_position=messages,
            message_count=messages,
            last_message_at=last if messages else None,
            version=1 + messages,
            created_at=created,
            updated_at=last,
        )


def write_threads(rows: Iterator[Thread]) -> None:
    for part in parts(rows):
        with transaction.atomic():
            Thread.objects.bulk_create(part, batch_size=ROWS_A_STATEMENT)
            for thread in part:
                index_title(thread)


def write_messages(organization_id: UUID, found: Iterable[corpus.Said]) -> None:
    rows = (
        Message(
            organization_id=organization_id,
            thread_id=each.thread,
            position=each.position,
            role=each.role,
            content=each.content,
            artifact_data=each.artifact_data,
            metadata=each.metadata,
            created_at=each.created_at,
        )
        for each in found
    )
    for part in parts(rows):
        with transaction.atomic():
            Message.objects.bulk_create(part, batch_size=ROWS_A_STATEMENT)
            index_messages(part)


def parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while part := list(islice(rows, ROWS_A_TRANSACTION)):
        yield part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=int)
    parser.add_argument("--deep", type=int, default=0)
    options = parser.parse_args()
    sys.stdout.write(seed(options.messages, options.deep) + "\n")


if __name__ == "__main__":
    main()
