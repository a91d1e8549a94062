"""Chats exported from Open WebUI."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import (
    links,
    message_of,
    openwebui_chat,
    openwebui_message,
    read_file,
    read_one,
    refusal_of,
    write_json,
)
from transfer.records import MessageRecord, ThreadRecord

ENVELOPE: dict[str, Any] = {
    "id": "e-1",
    "title": "Moon",
    "created_at": 1700000000,
    "updated_at": 1700000001,
    "pinned": True,
}


def test_chat_in_its_envelope_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("openwebui", tmp_path, ENVELOPE | {"chat": openwebui_chat(tags=["sky"])})

    assert thread.external_id == "openwebui:e-1"
    assert thread.title == "Moon"
    assert (thread.agent_type, thread.provider, thread.model) == ("chat", "openwebui", "phi:3")
    assert thread.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert thread.updated_at == datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)
    assert thread.active_leaf == "a"
    assert links(thread) == [("q", None), ("b", "q"), ("a", "q")]
    chat = {"id": "", "models": ["phi:3"], "timestamp": 1700000000123, "tags": ["sky"]}
    assert thread.metadata == {"source": {"pinned": True, "chat": chat}}


def test_bare_chat_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("openwebui", tmp_path, openwebui_chat())

    assert thread.external_id.startswith("openwebui:sha256:")
    assert thread.title == "Moon"
    assert thread.created_at == datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC)
    assert thread.updated_at is None
    assert thread.metadata == {"source": {"models": ["phi:3"]}}


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("has_envelope", [True, False])
def test_every_form_of_the_export_is_detected(tmp_path: Path, as_list: bool, has_envelope: bool) -> None:
    record = ENVELOPE | {"chat": openwebui_chat()} if has_envelope else openwebui_chat()

    (thread,) = read_file(write_json(tmp_path, [record] if as_list else record))

    assert isinstance(thread, ThreadRecord)
    assert [message.content for message in thread.messages] == ["Moon?", "Ne", "Full."]


def test_answer_carries_model_usage_and_status(tmp_path: Path) -> None:
    thread = read_one("openwebui", tmp_path, openwebui_chat())

    assert message_of(thread, "a") == MessageRecord(
        external_id="a",
        parent_external_id="q",
        role="assistant",
        content="Full.",
        provider="openwebui",
        model="phi:3",
        usage={"total_tokens": 7},
        created_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    )
    assert message_of(thread, "b").status == "incomplete"
    assert message_of(thread, "q").metadata == {"source": {"models": ["phi:3"]}}


def test_last_answer_names_the_model_where_the_chat_does_not(tmp_path: Path) -> None:
    assert read_one("openwebui", tmp_path, openwebui_chat(models=[])).model == "phi:3"


def test_list_of_messages_that_differs_from_the_tree_is_kept(tmp_path: Path) -> None:
    thread = read_one("openwebui", tmp_path, openwebui_chat(messages=["odd"]))

    assert thread.metadata["source"]["messages"] == ["odd"]


def test_further_members_of_the_history_are_kept(tmp_path: Path) -> None:
    chat = openwebui_chat()
    chat["history"]["note"] = 1

    assert read_one("openwebui", tmp_path, chat).metadata["source"]["history"] == {"note": 1}


def test_files_become_parts_of_their_own_type(tmp_path: Path) -> None:
    files = [{"type": "image", "url": "data:x"}, {"type": "file", "name": "a.txt"}, {"name": "b"}, "c"]
    message = openwebui_message("q", None, [], "user", "See", files=files)
    chat = openwebui_chat(history={"currentId": "q", "messages": {"q": message}}, messages=[message])

    (read,) = read_one("openwebui", tmp_path, chat).messages

    assert read.content == "See"
    assert read.parts == [{"type": "text", "text": "See"}, *files[:2], {"type": "file", "name": "b"}, "c"]


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("parentId", "gone", 'the parent of "a", "gone", is not in the conversation'),
        ("parentId", "a", 'the messages form a cycle through or above "a"'),
        ("role", "judge", 'message "a": unknown role "judge"'),
        ("content", 5, 'message "a": the content must be a string, an array or null, not a number'),
        ("usage", 5, 'message "a": "usage" must be an object, not a number'),
        ("model", "m" * 101, 'the model\'s name of message "a" has 101 characters, more than 100'),
    ],
)
def test_malformed_message_refuses_the_chat(tmp_path: Path, member: str, value: Any, reason: str) -> None:
    chat = openwebui_chat()
    chat["history"]["messages"]["a"][member] = value

    assert refusal_of("openwebui", tmp_path, chat) == reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (openwebui_chat(history=None), 'conversation: "history" is missing'),
        (openwebui_chat(history={"messages": {}}), "the conversation has no messages"),
        (ENVELOPE | {"chat": None}, 'conversation: "chat" is missing'),
    ],
)
def test_malformed_chat_is_refused(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    assert refusal_of("openwebui", tmp_path, record) == reason


def test_current_message_that_is_missing_refuses_the_chat(tmp_path: Path) -> None:
    chat = openwebui_chat()
    chat["history"]["currentId"] = "gone"

    assert refusal_of("openwebui", tmp_path, chat) == 'the current message "gone" is not in the conversation'
