"""A text of many long words stays within what PostgreSQL's index of words holds."""

from __future__ import annotations

import hashlib

from django.db import connection

from conversations.models import Thread
from conversations.search import MAX_BYTES, words_of
from tests.client import ApiClient
from tests.fast.ways import on_postgresql

HASHES = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]


def test_words_beyond_what_the_index_holds_are_left_out() -> None:
    kept = words_of("\n".join(HASHES))

    assert kept == HASHES[: MAX_BYTES // 64]
    assert words_of("é" * 100 + " " + "\n".join(HASHES))[1:] == HASHES[: (MAX_BYTES - 200) // 64]


@on_postgresql
def test_a_text_of_hashes_is_found_by_them_and_can_be_restored(api: ApiClient, thread: Thread) -> None:
    made = api.post(f"/api/threads/{thread.pk}/messages", {"role": "user", "content": "\n".join(HASHES)})
    kept = HASHES[: MAX_BYTES // 64]

    found = [api.get(f"/api/messages?q={word}").json()["results"] for word in (kept[0], kept[-1], max(kept), min(kept))]

    assert made.status_code == 201
    assert [[row["id"] for row in rows] for rows in found] == [[made.json()["id"]]] * 4
    with connection.cursor() as cursor:
        cursor.execute("SELECT words::text::tsvector = words, length(words) FROM search_document ORDER BY 2 DESC")
        assert cursor.fetchone() == (True, len(kept))
