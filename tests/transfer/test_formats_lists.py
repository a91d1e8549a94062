"""Formats that are lists of messages: ShareGPT and OpenAI chat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import (
    links,
    openai_conversation,
    read_file,
    read_one,
    refusal_of,
    sharegpt_conversation,
    write_lines,
)
from transfer.records import MessageRecord, ThreadRecord


def read_message(folder: Path, message: dict[str, Any]) -> MessageRecord:
    (read,) = read_one("openai_chat", folder, {"messages": [message]}).messages
    return read


def read_turn(folder: Path, turn: dict[str, Any]) -> MessageRecord:
    (read,) = read_one("sharegpt", folder, {"conversations": [turn]}).messages
    return read


def test_sharegpt_conversation_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("sharegpt", tmp_path, sharegpt_conversation(system="Be kind.", tools="[]"))

    assert thread.external_id == "sharegpt:s-1"
    assert thread.label == "1: s-1"
    assert (thread.title, thread.agent_type, thread.provider, thread.model) == (None, "chat", "unknown", "unknown")
    assert thread.metadata == {"source": {"system": "Be kind.", "tools": "[]"}}
    assert thread.active_leaf is None
    assert thread.messages == [
        MessageRecord(external_id="1", role="user", content="Hi", metadata={"source": {"from": "human"}}),
        MessageRecord(
            external_id="2",
            parent_external_id="1",
            role="assistant",
            content="Hello",
            metadata={"source": {"from": "gpt"}},
        ),
    ]


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("human", "user"),
        ("user", "user"),
        ("gpt", "assistant"),
        ("ai", "assistant"),
        ("bot", "assistant"),
        ("chatgpt", "assistant"),
        ("assistant", "assistant"),
        ("system", "system"),
        ("observation", "tool"),
    ],
)
def test_sharegpt_speakers(tmp_path: Path, word: str, role: str) -> None:
    assert read_turn(tmp_path, {"from": word, "value": "x"}).role == role


def test_sharegpt_turns_with_role_and_content(tmp_path: Path) -> None:
    message = read_turn(tmp_path, {"role": "user", "content": "x"})

    assert message == MessageRecord(external_id="1", role="user", content="x")


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (
            '{"name": "add", "arguments": {"a": 1, "b": "ü"}}',
            [{"type": "tool_call", "name": "add", "arguments": '{"a":1,"b":"ü"}'}],
        ),
        (
            '{"name": "add", "arguments": "{\\"a\\": 1}", "why": 2}',
            [{"type": "tool_call", "name": "add", "arguments": '{"a": 1}', "source": {"why": 2}}],
        ),
        ('[{"name": "a"}, {"name": "b"}]', [{"type": "tool_call", "name": "a"}, {"type": "tool_call", "name": "b"}]),
        ("not json", [{"type": "tool_call", "arguments": "not json"}]),
        ("[]", [{"type": "tool_call", "arguments": "[]"}]),
        ('[{"name": "a"}, 2]', [{"type": "tool_call", "arguments": '[{"name": "a"}, 2]'}]),
    ],
)
def test_sharegpt_function_call_becomes_tool_calls(tmp_path: Path, value: str, parts: list[Any]) -> None:
    message = read_turn(tmp_path, {"from": "function_call", "value": value})

    assert (message.role, message.content, message.parts) == ("assistant", value, parts)


def test_sharegpt_function_call_that_is_an_object(tmp_path: Path) -> None:
    message = read_turn(tmp_path, {"from": "function_call", "value": {"name": "add", "arguments": {}}})

    assert message.content is None
    assert message.parts == [{"type": "tool_call", "name": "add", "arguments": "{}"}]


@pytest.mark.parametrize(("value", "content"), [('{"sum": 3}', '{"sum": 3}'), ({"sum": 3}, None)])
def test_sharegpt_observation_becomes_a_tool_result(tmp_path: Path, value: Any, content: str | None) -> None:
    message = read_turn(tmp_path, {"from": "observation", "value": value})

    assert (message.role, message.content) == ("tool", content)
    assert message.parts == [{"type": "tool_result", "output": value}]


def test_sharegpt_typed_content(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": [{"type": "text", "value": "hi"}], "loss_weight": 0.0},
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "value": "hm"},
                {"type": "text", "value": "yes"},
                {"type": "tool_call", "value": '{"name": "f", "arguments": {}}'},
                {"type": "tool_call", "value": "broken"},
            ],
        },
    ]

    (thread,) = read_file(write_lines(tmp_path, [{"messages": turns}]))

    assert isinstance(thread, ThreadRecord)
    assert thread.external_id.startswith("sharegpt:sha256:")
    plain, typed = thread.messages
    assert (plain.content, plain.parts, plain.metadata) == ("hi", None, {"source": {"loss_weight": 0.0}})
    assert typed.content == "yes"
    assert typed.parts == [
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "yes"},
        {"type": "tool_call", "name": "f", "arguments": "{}"},
        {"type": "tool_call", "value": "broken"},
    ]


def test_sharegpt_messages_with_from_and_value(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Hi"}]

    (thread,) = read_file(write_lines(tmp_path, [{"messages": turns}]))

    assert isinstance(thread, ThreadRecord)
    assert thread.messages[0].content == "Hi"


def test_openai_conversation_is_read_whole(tmp_path: Path) -> None:
    thread = read_one("openai_chat", tmp_path, openai_conversation(id=7, title="Hi", model="gpt-4", tools=[{"x": 1}]))

    assert thread.external_id == "openai_chat:7"
    assert (thread.title, thread.agent_type, thread.provider, thread.model) == ("Hi", "chat", "unknown", "gpt-4")
    assert thread.metadata == {"source": {"tools": [{"x": 1}]}}
    assert links(thread) == [("1", None), ("2", "1")]


def test_openai_message_keeps_its_own_id(tmp_path: Path) -> None:
    assert read_message(tmp_path, {"id": "m", "role": "user", "content": "x"}).external_id == "m"


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
@pytest.mark.parametrize("content", ["text", "", None])
def test_openai_plain_content_stays_as_it_is(tmp_path: Path, role: str, content: str | None) -> None:
    message = read_message(tmp_path, {"role": role, "content": content, "weight": 0, "name": "n"})

    assert (message.role, message.content, message.parts) == (role, content, None)
    assert message.metadata == {"source": {"weight": 0, "name": "n"}}


def test_openai_tool_calls_become_parts(tmp_path: Path) -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{ "a" : 1 }'}},
        {"id": "c2", "type": "function", "index": 1, "function": {"name": "g", "arguments": {"b": 2}, "strict": True}},
        {"id": "c3", "type": "custom", "custom": {"name": "h", "input": "x"}},
    ]

    message = read_message(tmp_path, {"role": "assistant", "content": None, "tool_calls": calls})

    assert message.content is None
    assert message.parts == [
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{ "a" : 1 }'},
        {
            "type": "tool_call",
            "id": "c2",
            "name": "g",
            "arguments": '{"b":2}',
            "source": {"index": 1, "function": {"strict": True}},
        },
        {"id": "c3", "type": "custom", "custom": {"name": "h", "input": "x"}},
    ]
    assert message.metadata == {}


def test_openai_text_and_reasoning_stand_before_the_calls(tmp_path: Path) -> None:
    message = read_message(
        tmp_path,
        {
            "role": "assistant",
            "content": "Let me see.",
            "reasoning_content": "hm",
            "function_call": {"name": "f", "arguments": "{}"},
        },
    )

    assert message.content == "Let me see."
    assert message.parts == [
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_call", "name": "f", "arguments": "{}"},
    ]


def test_openai_empty_text_beside_calls_stays_empty(tmp_path: Path) -> None:
    message = read_message(tmp_path, {"role": "assistant", "content": "", "function_call": {"name": "f"}})

    assert (message.content, message.parts) == ("", [{"type": "tool_call", "name": "f"}])


@pytest.mark.parametrize(
    ("message", "content", "result"),
    [
        (
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
            "42",
            {"type": "tool_result", "tool_call_id": "c1", "output": "42"},
        ),
        (
            {"role": "function", "name": "f", "content": "42"},
            "42",
            {"type": "tool_result", "name": "f", "output": "42"},
        ),
        (
            {"role": "tool", "content": [{"type": "text", "text": "42"}]},
            "42",
            {"type": "tool_result", "output": [{"type": "text", "text": "42"}]},
        ),
        ({"role": "tool", "content": None}, None, {"type": "tool_result"}),
    ],
)
def test_openai_tool_message_becomes_a_result(
    tmp_path: Path, message: dict[str, Any], content: str | None, result: dict[str, Any]
) -> None:
    read = read_message(tmp_path, message)

    assert (read.content, read.parts, read.metadata) == (content, [result], {})


def test_openai_list_content_becomes_parts(tmp_path: Path) -> None:
    content = [
        {"type": "text", "text": "What"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
        {"type": "input_text", "text": "is it?"},
        {"type": "text", "text": None},
        {"no": "type"},
        "bare",
    ]

    message = read_message(tmp_path, {"role": "user", "content": content})

    assert message.content == "What\nis it?\nbare"
    assert message.parts == [
        content[0],
        {"type": "image", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        *content[2:6],
        {"type": "text", "text": "bare"},
    ]


@pytest.mark.parametrize(("content", "parts"), [([], []), ([{"type": "text", "text": ""}], None)])
def test_openai_empty_list_and_empty_text_differ(tmp_path: Path, content: list[Any], parts: list[Any] | None) -> None:
    message = read_message(tmp_path, {"role": "user", "content": content})

    assert (message.content, message.parts) == ("", parts)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (5, "message 1: must be an object, not a number"),
        ({"content": "x"}, "message 1: has no role"),
        ({"role": "judge", "content": "x"}, 'message 1: unknown role "judge"'),
        ({"role": ["user"]}, 'message 1: "role" must be a string, not an array'),
        ({"role": "user", "content": 5}, "message 1: the content must be a string, an array or null, not a number"),
        (
            {"role": "user", "content": [{"type": "text", "text": 1}]},
            'message 1: a part of the content: "text" must be a string, not a number',
        ),
        ({"role": "assistant", "tool_calls": "f"}, 'message 1: "tool_calls" must be an array, not a string'),
        ({"role": "assistant", "tool_calls": ["f"]}, "message 1: a tool call: must be an object, not a string"),
        ({"role": "assistant", "function_call": "f"}, 'message 1: "function_call": must be an object, not a string'),
        ({"role": "assistant", "tool_calls": [{"function": None}]}, 'message 1: a tool call: "function" is missing'),
    ],
)
def test_malformed_message_refuses_the_conversation(tmp_path: Path, message: Any, reason: str) -> None:
    assert refusal_of("openai_chat", tmp_path, {"messages": [message]}) == reason


@pytest.mark.parametrize(
    ("format_name", "record"),
    [("openai_chat", {"messages": []}), ("sharegpt", {"conversations": []}), ("sharegpt", {})],
)
def test_conversation_without_messages_is_refused(tmp_path: Path, format_name: str, record: dict[str, Any]) -> None:
    assert refusal_of(format_name, tmp_path, record) == "the conversation has no messages"


def test_message_id_that_repeats_refuses_the_conversation(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "x", "id": "2"}, {"role": "user", "content": "y"}]

    assert refusal_of("openai_chat", tmp_path, {"messages": messages}) == 'two messages have the id "2"'
