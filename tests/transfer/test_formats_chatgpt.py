"""Conversations of a ChatGPT data export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import (
    chatgpt_conversation,
    chatgpt_message,
    chatgpt_node,
    chatgpt_single,
    links,
    message_of,
    read_one,
    refusal_of,
)
from transfer.records import MessageRecord


def read_message(folder: Path, message: dict[str, Any]) -> MessageRecord:
    (read,) = read_one("chatgpt", folder, chatgpt_single(message)).messages
    return read


def test_conversation_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("chatgpt", tmp_path, chatgpt_conversation(is_archived=False, default_model_slug="gpt-4o"))

    assert thread.external_id == "chatgpt:c-1"
    assert thread.label == "1: Tea"
    assert thread.title == "Tea"
    assert (thread.agent_type, thread.provider, thread.model) == ("chat", "openai", "gpt-4o")
    assert thread.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert thread.updated_at == datetime(2023, 11, 14, 22, 15, 0, 500000, tzinfo=UTC)
    assert thread.active_leaf == "a2"
    assert thread.metadata == {"source": {"is_archived": False, "default_model_slug": "gpt-4o"}}


def test_branches_follow_the_order_of_children(tmp_path: Path) -> None:
    thread = read_one("chatgpt", tmp_path, chatgpt_conversation())

    assert links(thread) == [("hidden", None), ("q1", "hidden"), ("a1", "q1"), ("q2", "a1"), ("a2", "q1")]


def test_nodes_without_message_are_bridged(tmp_path: Path) -> None:
    conversation = chatgpt_conversation(current_node="a2")
    for node_id in ("q1", "a2"):
        conversation["mapping"][node_id]["message"] = None

    thread = read_one("chatgpt", tmp_path, conversation)

    assert links(thread) == [("hidden", None), ("a1", "hidden"), ("q2", "a1")]
    assert thread.active_leaf == "hidden"


def test_current_node_may_be_absent(tmp_path: Path) -> None:
    conversation = chatgpt_conversation()
    del conversation["current_node"]

    assert read_one("chatgpt", tmp_path, conversation).active_leaf is None


def test_parents_are_taken_from_children_where_nodes_name_none(tmp_path: Path) -> None:
    conversation = chatgpt_conversation()
    for node in conversation["mapping"].values():
        del node["parent"]

    assert links(read_one("chatgpt", tmp_path, conversation)) == links(
        read_one("chatgpt", tmp_path, chatgpt_conversation())
    )


def test_conversation_id_stands_in_for_id(tmp_path: Path) -> None:
    conversation = chatgpt_conversation(conversation_id="c-2")
    del conversation["id"]

    assert read_one("chatgpt", tmp_path, conversation).external_id == "chatgpt:c-2"


def test_differing_conversation_id_is_kept(tmp_path: Path) -> None:
    thread = read_one("chatgpt", tmp_path, chatgpt_conversation(conversation_id="c-2"))

    assert thread.metadata == {"source": {"conversation_id": "c-2"}}


def test_own_id_of_a_message_wins_over_its_node(tmp_path: Path) -> None:
    conversation = chatgpt_conversation()
    conversation["mapping"]["a2"]["message"]["id"] = "own"

    thread = read_one("chatgpt", tmp_path, conversation)

    assert thread.active_leaf == "own"
    assert message_of(thread, "own").metadata == {"source": {"author": {"role": "assistant"}, "node_id": "a2"}}


def test_message_times(tmp_path: Path) -> None:
    thread = read_one("chatgpt", tmp_path, chatgpt_conversation())

    assert message_of(thread, "q1").created_at == datetime(2023, 11, 14, 22, 13, 20, 250000, tzinfo=UTC)
    assert message_of(thread, "a1").created_at is None


def test_hidden_messages_are_kept_and_marked(tmp_path: Path) -> None:
    conversation = chatgpt_conversation()
    conversation["mapping"]["a1"]["message"]["metadata"] = {"is_visually_hidden_from_conversation": True}

    thread = read_one("chatgpt", tmp_path, conversation)

    marked = [message.external_id for message in thread.messages if "hidden" in message.metadata]
    assert marked == ["hidden", "a1"]
    assert message_of(thread, "hidden").metadata["hidden"] is True


def test_model_status_and_finish_reason(tmp_path: Path) -> None:
    metadata = {"model_slug": "gpt-4", "finish_details": {"type": "max_tokens", "stop_tokens": [1]}}
    message = read_message(
        tmp_path, chatgpt_message("m", "assistant", "Cut", status="finished_partial_completion", metadata=metadata)
    )

    assert (message.provider, message.model, message.finish_reason) == ("openai", "gpt-4", "max_tokens")
    assert message.status == "incomplete"
    assert message.metadata["source"]["metadata"] == metadata


@pytest.mark.parametrize("status", ["finished_successfully", "finished", None])
def test_finished_message_is_completed(tmp_path: Path, status: str | None) -> None:
    assert read_message(tmp_path, chatgpt_message("m", "assistant", "x", status=status)).status == "completed"


def test_last_answer_names_the_model_where_the_conversation_does_not(tmp_path: Path) -> None:
    message = chatgpt_message("m", "assistant", "x", metadata={"model_slug": "gpt-4"})

    assert read_one("chatgpt", tmp_path, chatgpt_single(message)).model == "gpt-4"
    assert read_one("chatgpt", tmp_path, chatgpt_single(chatgpt_message("m", "user", "x"))).model == "unknown"


@pytest.mark.parametrize(
    ("role", "members", "content", "expected", "parts"),
    [
        ("user", {}, None, None, None),
        ("user", {}, {"content_type": "text", "parts": [""]}, "", None),
        ("user", {}, {"content_type": "text", "parts": []}, "", []),
        (
            "user",
            {},
            {"content_type": "text", "parts": ["a", "b"]},
            "a\nb",
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
        (
            "user",
            {},
            {
                "content_type": "multimodal_text",
                "parts": [
                    {"content_type": "image_asset_pointer", "asset_pointer": "file://x", "width": 2},
                    {"content_type": "audio_transcription", "text": "spoken", "direction": "in"},
                    {"content_type": "audio_asset_pointer", "asset_pointer": "file://y"},
                    None,
                    "written",
                ],
            },
            "spoken\nwritten",
            [
                {"type": "image", "content_type": "image_asset_pointer", "asset_pointer": "file://x", "width": 2},
                {
                    "type": "text",
                    "text": "spoken",
                    "source": {"content_type": "audio_transcription", "direction": "in"},
                },
                {"content_type": "audio_asset_pointer", "asset_pointer": "file://y"},
                None,
                {"type": "text", "text": "written"},
            ],
        ),
        (
            "assistant",
            {"recipient": "python"},
            {"content_type": "code", "language": "python", "text": "1+1"},
            "1+1",
            [{"type": "code", "language": "python", "text": "1+1"}],
        ),
        (
            "assistant",
            {"recipient": "web.run"},
            {"content_type": "text", "parts": ['{"q": 1}']},
            '{"q": 1}',
            [{"type": "tool_call", "name": "web.run", "arguments": '{"q": 1}'}],
        ),
        (
            "tool",
            {"author": {"role": "tool", "name": "python"}},
            {"content_type": "execution_output", "text": "2"},
            "2",
            [{"type": "tool_result", "name": "python", "output": "2"}],
        ),
        (
            "tool",
            {"author": {"role": "tool", "name": "web"}},
            {"content_type": "text", "parts": ["found"]},
            "found",
            [{"type": "tool_result", "name": "web", "output": "found"}],
        ),
        (
            "tool",
            {},
            {"content_type": "tether_browsing_display", "result": "page", "summary": None},
            "page",
            [{"type": "tool_result", "output": "page"}],
        ),
        (
            "assistant",
            {},
            {"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "c"}, {"summary": "only"}]},
            None,
            [{"type": "reasoning", "text": "c", "source": {"summary": "s"}}, {"summary": "only"}],
        ),
        (
            "assistant",
            {},
            {"content_type": "reasoning_recap", "content": "Thought for 3s"},
            None,
            [{"type": "reasoning", "text": "Thought for 3s"}],
        ),
        (
            "assistant",
            {},
            {"content_type": "reasoning_recap", "parts": ["Thought"]},
            None,
            [{"type": "reasoning", "text": "Thought"}],
        ),
        (
            "user",
            {},
            {"content_type": "user_editable_context", "user_profile": "p"},
            None,
            [{"content_type": "user_editable_context", "user_profile": "p"}],
        ),
        (
            "system",
            {},
            {"content_type": "system_error", "name": "E", "text": "boom"},
            "boom",
            [{"content_type": "system_error", "name": "E", "text": "boom"}],
        ),
        (
            "user",
            {},
            {"content_type": "new_kind", "parts": ["a", {}, "b"]},
            "a\nb",
            [{"content_type": "new_kind", "parts": ["a", {}, "b"]}],
        ),
        ("assistant", {}, {"content_type": "code"}, None, [{"content_type": "code"}]),
        ("assistant", {}, {"content_type": "text"}, None, [{"content_type": "text"}]),
        ("assistant", {}, {"content_type": "thoughts"}, None, [{"content_type": "thoughts"}]),
        ("tool", {}, {"content_type": "execution_output"}, None, [{"content_type": "execution_output"}]),
        ("tool", {}, {"content_type": "tether_browsing_display"}, None, [{"content_type": "tether_browsing_display"}]),
    ],
)
def test_content_becomes_text_and_parts(
    tmp_path: Path, role: str, members: dict[str, Any], content: Any, expected: str | None, parts: list[Any] | None
) -> None:
    message = read_message(tmp_path, chatgpt_message("m", role, None) | {"content": content} | members)

    assert message.content == expected
    assert message.parts == parts


def test_what_content_says_beside_its_parts_is_kept(tmp_path: Path) -> None:
    content = {"content_type": "tether_quote", "url": "https://example.org", "text": "quoted"}

    message = read_message(tmp_path, chatgpt_message("m", "tool", None) | {"content": content})

    assert message.metadata["source"]["content"] == {"content_type": "tether_quote", "url": "https://example.org"}


def test_attachments_become_file_parts(tmp_path: Path) -> None:
    metadata = {"attachments": [{"id": "f", "name": "a.txt"}], "x": 1}

    message = read_message(tmp_path, chatgpt_message("m", "user", "See file", metadata=metadata))

    assert message.content == "See file"
    assert message.parts == [{"type": "text", "text": "See file"}, {"type": "file", "id": "f", "name": "a.txt"}]
    assert message.metadata["source"]["metadata"] == {"x": 1}


def test_further_members_of_a_node_are_kept(tmp_path: Path) -> None:
    conversation = chatgpt_single(chatgpt_message("m", "user", "x"))
    conversation["mapping"]["m"]["pinned"] = True

    (message,) = read_one("chatgpt", tmp_path, conversation).messages

    assert message.metadata == {"source": {"author": {"role": "user"}, "node": {"pinned": True}}}


@pytest.mark.parametrize(
    ("node_id", "members", "reason"),
    [
        ("q1", {"parent": "gone"}, 'the parent of "q1", "gone", is not in the conversation'),
        ("q1", {"parent": "q2"}, 'the messages form a cycle through or above "q2"'),
        ("q1", {"children": "a1"}, 'node "q1": "children" must be an array, not a string'),
        ("q1", {"children": [1]}, 'node "q1": "children" must hold strings only, not a number'),
        ("q1", {"message": "hello"}, 'message of node "q1": must be an object, not a string'),
        ("q1", {"message": {}}, 'message of node "q1": has no role'),
        ("q1", {"message": {"author": {"role": "critic"}}}, 'message of node "q1": unknown role "critic"'),
        ("q1", {"message": chatgpt_message("a1", "user", "x")}, 'two messages have the id "a1"'),
        (
            "q1",
            {"message": chatgpt_message("x" * 256, "user", "x")},
            "a message's id has 256 characters, more than 255",
        ),
        (
            "q1",
            {"message": chatgpt_message("m", "user", "x", create_time=[])},
            'message of node "q1": "create_time" must be a number, an ISO 8601 string or null, not an array',
        ),
    ],
)
def test_malformed_node_refuses_the_conversation(
    tmp_path: Path, node_id: str, members: dict[str, Any], reason: str
) -> None:
    conversation = chatgpt_conversation()
    conversation["mapping"][node_id].update(members)

    assert refusal_of("chatgpt", tmp_path, conversation) == reason


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"current_node": "gone"}, 'current_node "gone" is not in the mapping'),
        ({"mapping": {}, "current_node": None}, "the conversation has no messages"),
        ({"mapping": None}, 'conversation: "mapping" is missing'),
        ({"mapping": []}, 'conversation: "mapping": must be an object, not an array'),
        ({"mapping": {"a": None}}, 'node "a": must be an object, not null'),
        ({"title": 5}, 'conversation: "title" must be a string, not a number'),
        ({"id": True}, 'conversation: "id" must be a string, not a boolean'),
        ({"id": "i" * 248}, "the conversation's id has 256 characters, more than 255"),
    ],
)
def test_malformed_conversation_is_refused(tmp_path: Path, members: dict[str, Any], reason: str) -> None:
    assert refusal_of("chatgpt", tmp_path, chatgpt_conversation(**members)) == reason


def test_conversation_of_root_only_is_refused(tmp_path: Path) -> None:
    mapping = {"root": chatgpt_node("root", None, [], None)}

    reason = refusal_of("chatgpt", tmp_path, chatgpt_conversation(mapping=mapping, current_node="root"))

    assert reason == "the conversation has no messages"


def test_time_that_cannot_be_read_is_kept_as_it_came(tmp_path: Path) -> None:
    message = read_message(tmp_path, chatgpt_message("m", "user", "x", create_time="soon"))

    assert message.created_at is None
    assert message.metadata["source"]["create_time"] == "soon"


def test_chain_of_ten_thousand_messages(tmp_path: Path) -> None:
    count = 10_000
    mapping = {
        str(place): chatgpt_node(
            str(place),
            str(place - 1) if place else None,
            [str(place + 1)] if place + 1 < count else [],
            chatgpt_message(str(place), "user", "x"),
        )
        for place in reversed(range(count))
    }

    thread = read_one("chatgpt", tmp_path, chatgpt_conversation(mapping=mapping, current_node=str(count - 1)))

    assert [message.external_id for message in thread.messages] == [str(place) for place in range(count)]
    assert thread.active_leaf == "9999"
