"""The conversations that both servers hold."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from bench import corpus, seed_peer

MESSAGES = 200


def test_messages_fill_their_threads_without_a_gap() -> None:
    places = defaultdict(list)
    for each in corpus.said(MESSAGES):
        places[each.thread].append(each.position)
    assert places == {thread: list(range(1, 51)) for thread in corpus.thread_ids(MESSAGES)}


def test_messages_of_several_threads_arrive_by_turns() -> None:
    first = [each.thread for each in corpus.said(MESSAGES)][:8]
    assert first == corpus.thread_ids(MESSAGES) * 2


def test_times_grow_with_every_message() -> None:
    times = [each.created_at for each in [*corpus.said(MESSAGES), *corpus.said_in_deep_thread(3, serial=MESSAGES)]]
    assert times == sorted(set(times))


def test_texts_have_ten_to_a_hundred_and_ten_words() -> None:
    lengths = {len(text.split()) for text in corpus.texts()}
    assert lengths == set(range(10, 111))


def test_every_fifth_message_has_an_artifact() -> None:
    found = [each.artifact_data is not None for each in corpus.said(MESSAGES)]
    assert found == [True, False, False, False, False] * (MESSAGES // 5)


def test_peer_holds_the_same_conversations(tmp_path: Path) -> None:
    path = tmp_path / "peer.sqlite3"
    seed_peer.seed_sqlite(path, MESSAGES, 3)
    with closing(sqlite3.connect(path)) as connection:
        columns = "thread_id, role, content, artifact_data, message_metadata"
        stored = connection.execute(f"SELECT {columns} FROM messages ORDER BY created_at").fetchall()
        threads = connection.execute("SELECT id FROM threads ORDER BY id").fetchall()
    said = [*corpus.said(MESSAGES), *corpus.said_in_deep_thread(3, serial=MESSAGES)]
    assert [(thread, role, text, *map(loaded, rest)) for thread, role, text, *rest in stored] == [
        (str(each.thread), each.role, each.content, each.artifact_data, each.metadata) for each in said
    ]
    assert [thread for (thread,) in threads] == [str(each) for each in [*corpus.thread_ids(MESSAGES), corpus.DEEP]]


def loaded(text: str | None) -> object:
    return None if text is None else json.loads(text)
