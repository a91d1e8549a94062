"""From a file to records: detection, names, refusals, and bounded memory."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from tests.transfer.format_samples import (
    SAMPLES,
    chatgpt_conversation,
    chatgpt_message,
    chatgpt_single,
    openai_conversation,
    read_as,
    read_file,
    read_one,
    sharegpt_conversation,
    write_json,
    write_lines,
)
from transfer.formats.registry import FORMATS, detect_format, read_records
from transfer.records import RefusedRecord, ThreadRecord, UnreadableFile


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_detected_in_an_array(tmp_path: Path, name: str) -> None:
    assert detect_format(write_json(tmp_path, [SAMPLES[name]])).name == name


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_detected_in_a_single_object(tmp_path: Path, name: str) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(SAMPLES[name], indent=2))

    assert detect_format(path).name == name


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_detected_in_lines_after_broken_ones(tmp_path: Path, name: str) -> None:
    assert detect_format(write_lines(tmp_path, [{}, 5, SAMPLES[name]])).name == name


@pytest.mark.parametrize(
    "value",
    [
        [{"rows": 1}],
        ["text"],
        {"messages": "none"},
        {"messages": [{"sender": "User", "text": "x"}]},
        {"messages": ["x"]},
        {"history": []},
        {"chat": {"history": {}}},
    ],
)
def test_unknown_structure_is_refused_with_the_known_formats(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UnreadableFile) as caught:
        detect_format(write_json(tmp_path, value))

    assert str(caught.value) == (
        "export.json fits none of the known formats: chatgpt (ChatGPT data export (conversations.json)), "
        "claude (Claude data export (conversations.json)), openwebui (Open WebUI chat export), "
        "oasst (OpenAssistant message trees), sharegpt (ShareGPT conversations), openai_chat (OpenAI chat messages)"
    )


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        detect_format(tmp_path / "nowhere.json")


def test_broken_conversation_leaves_its_neighbours_readable(tmp_path: Path) -> None:
    records = [
        chatgpt_conversation(id="1"),
        chatgpt_conversation(id="2", current_node="gone"),
        5,
        {"title": "odd"},
        chatgpt_conversation(id="5"),
    ]

    first, *refused, last = read_file(write_json(tmp_path, records))

    assert isinstance(first, ThreadRecord)
    assert isinstance(last, ThreadRecord)
    assert (first.external_id, last.external_id) == ("chatgpt:1", "chatgpt:5")
    assert refused == [
        RefusedRecord(label="2: Tea", reason='current_node "gone" is not in the mapping'),
        RefusedRecord(label="3", reason="the record must be an object, not a number"),
        RefusedRecord(label="4: odd", reason='conversation: "mapping" is missing'),
    ]


def test_line_that_is_no_json_leaves_its_neighbours_readable(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    good = json.dumps(openai_conversation(id="x"))
    path.write_text(f"{good}\n{{oops\n{good}\n")

    first, refused, last = read_file(path)

    assert isinstance(first, ThreadRecord)
    assert isinstance(last, ThreadRecord)
    assert refused == RefusedRecord(
        label="2",
        reason="line 2 is not valid JSON: Expecting property name enclosed in double quotes (character 1)",
    )


def test_truncated_file_yields_the_records_before_the_break(tmp_path: Path) -> None:
    path = write_json(tmp_path, [chatgpt_conversation(id=str(number)) for number in range(3)])
    path.write_bytes(path.read_bytes()[:-40])

    records = read_records(path, detect_format(path))

    assert [next(records).label, next(records).label] == ["1: Tea", "2: Tea"]
    with pytest.raises(UnreadableFile, match=r"export.json breaks off at byte \d+, after record 2"):
        next(records)


def test_empty_file_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_bytes(b"")

    with pytest.raises(UnreadableFile, match=r"empty.json is empty"):
        detect_format(path)
    with pytest.raises(UnreadableFile, match=r"empty.json is empty"):
        list(read_records(path, FORMATS["claude"]))


def test_record_without_id_is_named_by_its_digest(tmp_path: Path) -> None:
    record = {"messages": [{"role": "user", "content": "ü"}]}
    canonical = r'{"messages":[{"content":"\u00fc","role":"user"}]}'

    thread = read_one("openai_chat", tmp_path, record)

    assert thread.external_id == f"openai_chat:sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


def test_identical_records_without_id_are_numbered(tmp_path: Path) -> None:
    record, other = openai_conversation(), openai_conversation(tools=[])

    threads = read_as("openai_chat", tmp_path, [record, other, record, record])

    ids = [thread.external_id for thread in threads if isinstance(thread, ThreadRecord)]
    assert ids == [ids[0], ids[1], f"{ids[0]}#2", f"{ids[0]}#3"]
    assert ids[0] != ids[1]


def test_long_title_is_shortened_and_kept_whole(tmp_path: Path) -> None:
    title = "å" * 256

    thread = read_one("chatgpt", tmp_path, chatgpt_conversation(title=title))

    assert thread.title == "å" * 254 + "…"
    assert thread.metadata == {"source_title": title}
    assert thread.label == "1: " + "å" * 79 + "…"


def test_title_of_255_characters_stays(tmp_path: Path) -> None:
    thread = read_one("chatgpt", tmp_path, chatgpt_conversation(title="å" * 255))

    assert (thread.title, thread.metadata) == ("å" * 255, {})


def test_label_and_reason_are_printable(tmp_path: Path) -> None:
    (refused,) = read_as("chatgpt", tmp_path, [chatgpt_conversation(title="a\x1b[2J\ud83d", current_node="\x00")])

    assert refused == RefusedRecord(label="1: a\ufffd[2J\ufffd", reason='current_node "\ufffd" is not in the mapping')


def test_long_model_is_refused(tmp_path: Path) -> None:
    (refused,) = read_as("openai_chat", tmp_path, [openai_conversation(model="m" * 101)])

    assert refused == RefusedRecord(label="1", reason="the model's name has 101 characters, more than 100")


def test_depth_that_python_can_read_but_not_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    start = '[{"uuid": "u", "chat_messages": [{"sender": "assistant", "content": [{"type": "tool_use", "input": '
    reasons = set()
    for depth in range(700, 1000, 2):
        path.write_text(start + "[" * depth + "]" * depth + "}]}]}]")
        (record,) = read_records(path, FORMATS["claude"])
        if isinstance(record, RefusedRecord):
            reasons.add(record.reason)

    assert reasons == {"the record that starts at byte 1 is nested too deeply", "the record is nested too deeply"}


def test_memory_stays_far_below_the_size_of_the_file(tmp_path: Path) -> None:
    text = "All work and no play. " * 400
    conversation = json.dumps(chatgpt_single(chatgpt_message("m", "user", text)))
    path = tmp_path / "big.json"
    with path.open("w") as file:
        file.write("[" + ",\n".join([conversation] * 2200) + "]")
    size = path.stat().st_size
    assert size > 20_000_000

    tracemalloc.start()
    count = sum(isinstance(record, ThreadRecord) for record in read_records(path, detect_format(path)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 2200
    assert peak < size / 20


def test_sharegpt_and_openai_messages_are_told_apart(tmp_path: Path) -> None:
    typed = {"messages": [{"role": "user", "content": [{"type": "text", "value": "x"}]}]}
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}
    turns = sharegpt_conversation(conversations=[{"role": "user", "content": "x"}])

    names = [detect_format(write_json(tmp_path, [record])).name for record in (typed, parts, turns)]

    assert names == ["sharegpt", "openai_chat", "sharegpt"]
