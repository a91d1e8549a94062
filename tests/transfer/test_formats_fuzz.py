"""Whatever happens to a record, it becomes a thread or a refusal, and never another exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transfer.format_samples import SAMPLES, chatgpt_message, claude_message
from transfer.formats.registry import FORMATS, read_records
from transfer.records import RefusedRecord, ThreadRecord

RICH: dict[str, list[Any]] = {
    "chatgpt": [
        SAMPLES["chatgpt"],
        SAMPLES["chatgpt"]
        | {
            "current_node": "b",
            "mapping": {
                "a": {
                    "parent": None,
                    "children": ["b"],
                    "message": chatgpt_message("a", "assistant", "x", metadata={"attachments": [{"id": 1}]})
                    | {"content": {"content_type": "thoughts", "thoughts": [{"content": "c", "summary": "s"}]}},
                },
                "b": {
                    "parent": "a",
                    "children": [],
                    "message": chatgpt_message("b", "tool", "x", metadata={"finish_details": {"type": "stop"}})
                    | {"content": {"content_type": "multimodal_text", "parts": ["x", {"content_type": "code"}]}},
                },
            },
        },
    ],
    "claude": [
        SAMPLES["claude"],
        SAMPLES["claude"]
        | {
            "chat_messages": [
                claude_message("m1", "human", "x", files=[{"file_name": "f"}]),
                claude_message("m2", "assistant", "x", parent_message_uuid="m1")
                | {
                    "content": [
                        {"type": "thinking", "thinking": "t", "signature": "s"},
                        {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}},
                        {"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": True},
                    ]
                },
            ]
        },
    ],
    "openwebui": [SAMPLES["openwebui"], {"id": "e", "chat": SAMPLES["openwebui"], "created_at": 1}],
    "oasst": [SAMPLES["oasst"]],
    "sharegpt": [
        SAMPLES["sharegpt"],
        {"conversations": [{"from": "function_call", "value": '{"name": "f"}'}, {"from": "observation", "value": "1"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "value": "x"}, {"type": "reasoning", "value": "y"}]}
            ]
        },
    ],
    "openai_chat": [
        SAMPLES["openai_chat"],
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {}}]},
                {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "x"},
                {"role": "assistant", "function_call": {"name": "f", "arguments": {}}},
            ]
        },
    ],
}
CASES = [(name, record) for name, records in RICH.items() for record in records]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "root", "q1", "a1", "m1", "user", "text", "\ud800", "\x00", "x" * 300, 10**30, 1e300]),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just({})), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=2),
)


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container below `value` with each of its keys or indexes."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places_in(value[key])


def mutate(record: Any, data: st.DataObject) -> None:
    places = list(places_in(record))
    if not places:
        return
    container, key = data.draw(st.sampled_from(places))
    action = data.draw(st.sampled_from(["drop", "junk", "swap"]))
    if action == "drop":
        del container[key]
    elif action == "junk":
        container[key] = copy.deepcopy(data.draw(JUNK))
    else:
        other, other_key = data.draw(st.sampled_from(places))
        container[key] = copy.deepcopy(other[other_key])


@pytest.mark.parametrize(("name", "record"), CASES, ids=[f"{name}-{place}" for place, (name, _) in enumerate(CASES)])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(data=st.data())
def test_mutated_record_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, record: Any, data: st.DataObject
) -> None:
    mutant = copy.deepcopy(record)
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(mutant, data)
    path = tmp_path_factory.getbasetemp() / f"{name}.json"
    path.write_text(json.dumps([mutant, record]))

    first, second = read_records(path, FORMATS[name])

    assert isinstance(second, ThreadRecord)
    assert isinstance(first, RefusedRecord) or is_sound(first)


def is_sound(thread: ThreadRecord) -> bool:
    """Parents precede children, ids are unique and within their limits, and the active leaf is there."""
    seen: set[str] = set()
    for message in thread.messages:
        assert message.external_id not in seen
        assert len(message.external_id) <= 255
        assert message.parent_external_id is None or message.parent_external_id in seen
        assert message.content is None or isinstance(message.content, str)
        seen.add(message.external_id)
    assert seen
    assert thread.active_leaf is None or thread.active_leaf in seen
    assert thread.title is None or len(thread.title) <= 255
    return len(thread.external_id) <= 255


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(FORMATS)))
def test_any_json_object_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    members = {key: data.draw(JUNK) for key in SAMPLES[name]}
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps([members]))

    (record,) = read_records(path, FORMATS[name])

    assert isinstance(record, RefusedRecord) or is_sound(record)
