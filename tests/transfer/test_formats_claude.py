"""Conversations of a Claude data export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import claude_conversation, claude_message, links, read_one, refusal_of
from transfer.records import MessageRecord

ABOVE_ROOT = "00000000-0000-4000-8000-000000000000"


def read_message(folder: Path, message: dict[str, Any]) -> MessageRecord:
    (read,) = read_one("claude", folder, claude_conversation(chat_messages=[message])).messages
    return read


def test_conversation_is_read_whole(tmp_path: Path) -> None:
    thread = read_one(
        "claude", tmp_path, claude_conversation(account={"uuid": "x"}, model="claude-3", current_leaf_message_uuid="m2")
    )

    assert thread.external_id == "claude:u-1"
    assert thread.label == "1: Bread"
    assert thread.title == "Bread"
    assert (thread.agent_type, thread.provider, thread.model) == ("chat", "anthropic", "claude-3")
    assert thread.created_at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert thread.updated_at == datetime(2024, 5, 1, 9, tzinfo=UTC)
    assert thread.active_leaf == "m2"
    assert thread.metadata == {"source": {"account": {"uuid": "x"}}}
    assert thread.messages == [
        MessageRecord(
            external_id="m1",
            role="user",
            content="Rye?",
            metadata={"source": {"sender": "human"}},
            created_at=datetime(2024, 5, 1, 8, 0, 0, 1, tzinfo=UTC),
        ),
        MessageRecord(
            external_id="m2",
            parent_external_id="m1",
            role="assistant",
            content="Yes.",
            provider="anthropic",
            created_at=datetime(2024, 5, 1, 8, 0, 0, 1, tzinfo=UTC),
        ),
    ]


def test_parent_uuids_make_branches(tmp_path: Path) -> None:
    messages = [
        claude_message("q", "human", "?", parent_message_uuid=ABOVE_ROOT),
        claude_message("a", "assistant", "1", parent_message_uuid="q"),
        claude_message("b", "assistant", "2", parent_message_uuid="q"),
        claude_message("c", "human", "3", parent_message_uuid="a"),
    ]

    thread = read_one("claude", tmp_path, claude_conversation(chat_messages=messages))

    assert links(thread) == [("q", None), ("a", "q"), ("c", "a"), ("b", "q")]
    assert thread.active_leaf is None


def test_message_without_uuid_is_named_by_its_place(tmp_path: Path) -> None:
    messages = [{"sender": "human", "text": "a"}, {"sender": "assistant", "text": "b"}]

    assert links(read_one("claude", tmp_path, claude_conversation(chat_messages=messages))) == [("1", None), ("2", "1")]


def test_old_export_without_blocks(tmp_path: Path) -> None:
    message = read_message(tmp_path, {"uuid": "m", "sender": "assistant", "text": "plain"})

    assert (message.content, message.parts, message.metadata) == ("plain", None, {})


def test_blocks_become_parts(tmp_path: Path) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s", "cut_off": False},
        {"type": "text", "text": "Look:", "citations": []},
        {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "Zürich", "n": 2}, "message": "Searching"},
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "name": "search",
            "content": [{"type": "text"}],
            "is_error": False,
        },
        {"type": "token_budget"},
        {"type": "thinking"},
        {"type": "text", "text": "Done."},
    ]
    message = read_message(tmp_path, claude_message("m", "assistant", "Look:\n\nDone.", content=blocks))
    assert message.content == "Look:\nDone."
    assert message.parts == [
        {"type": "reasoning", "text": "hm", "signature": "s", "source": {"cut_off": False}},
        {"type": "text", "text": "Look:", "source": {"citations": []}},
        {
            "type": "tool_call",
            "id": "t1",
            "name": "search",
            "arguments": '{"q":"Zürich","n":2}',
            "source": {"message": "Searching"},
        },
        {
            "type": "tool_result",
            "tool_call_id": "t1",
            "name": "search",
            "output": [{"type": "text"}],
            "is_error": False,
        },
        {"type": "token_budget"},
        {"type": "thinking"},
        {"type": "text", "text": "Done."},
    ]
    assert message.metadata == {"source": {"text": "Look:\n\nDone."}}


def test_text_stands_in_where_blocks_hold_none(tmp_path: Path) -> None:
    message = read_message(tmp_path, claude_message("m", "assistant", "shown", content=[{"type": "chart", "data": 1}]))

    assert message.content == "shown"
    assert message.parts == [{"type": "chart", "data": 1}]


def test_attachments_and_files_become_file_parts(tmp_path: Path) -> None:
    message = read_message(
        tmp_path,
        claude_message(
            "m", "human", "", attachments=[{"file_name": "a.txt"}], files=[{"file_uuid": "f"}], files_v2=[1]
        ),
    )

    assert message.content == ""
    assert message.parts == [{"type": "file", "file_name": "a.txt"}, {"type": "file", "file_uuid": "f"}]
    assert message.metadata == {"source": {"sender": "human", "files_v2": [1]}}


def test_stop_reason_is_the_finish_reason(tmp_path: Path) -> None:
    assert read_message(tmp_path, claude_message("m", "assistant", "x", stop_reason="max_tokens")).finish_reason == (
        "max_tokens"
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"chat_messages": []}, "the conversation has no messages"),
        ({"chat_messages": {}}, 'conversation: "chat_messages" must be an array, not an object'),
        ({"chat_messages": [5]}, "message 1: must be an object, not a number"),
        ({"current_leaf_message_uuid": "gone"}, 'the current message "gone" is not in the conversation'),
        ({"chat_messages": [claude_message("m", "robot", "x")]}, 'message 1: unknown role "robot"'),
        ({"chat_messages": [claude_message("m", "human", "x")] * 2}, 'two messages have the id "m"'),
        (
            {"chat_messages": [claude_message("m", "human", "x", parent_message_uuid="gone")]},
            'the parent of "m", "gone", is not in the conversation',
        ),
        (
            {"chat_messages": [claude_message("m", "human", "x", content=["x"])]},
            "message 1: a block of the content: must be an object, not a string",
        ),
        (
            {"chat_messages": [claude_message("m", "human", "x", content=[{"type": "text", "text": 1}])]},
            'message 1: a block of the content: "text" must be a string, not a number',
        ),
        (
            {"chat_messages": [claude_message("m", "human", "x", stop_reason="s" * 51)]},
            'the finish reason of "m" has 51 characters, more than 50',
        ),
    ],
)
def test_malformed_conversation_is_refused(tmp_path: Path, members: dict[str, Any], reason: str) -> None:
    assert refusal_of("claude", tmp_path, claude_conversation(**members)) == reason
