"""Small conversations in each foreign format, and the way to read them back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transfer.formats.registry import FORMATS, detect_format, read_records
from transfer.records import MessageRecord, RefusedRecord, ThreadRecord

Json = dict[str, Any]


def write_json(folder: Path, value: Any) -> Path:
    path = folder / "export.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_lines(folder: Path, values: list[Any]) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def read_file(path: Path) -> list[ThreadRecord | RefusedRecord]:
    return list(read_records(path, detect_format(path)))


def read_as(format_name: str, folder: Path, records: list[Any]) -> list[ThreadRecord | RefusedRecord]:
    return list(read_records(write_json(folder, records), FORMATS[format_name]))


def read_one(format_name: str, folder: Path, record: Any) -> ThreadRecord:
    (thread,) = read_as(format_name, folder, [record])
    assert isinstance(thread, ThreadRecord), thread
    return thread


def refusal_of(format_name: str, folder: Path, record: Any) -> str:
    (refused,) = read_as(format_name, folder, [record])
    assert isinstance(refused, RefusedRecord), refused
    return refused.reason


def links(thread: ThreadRecord) -> list[tuple[str, str | None]]:
    return [(message.external_id, message.parent_external_id) for message in thread.messages]


def message_of(thread: ThreadRecord, external_id: str) -> MessageRecord:
    (found,) = [message for message in thread.messages if message.external_id == external_id]
    return found


def chatgpt_message(message_id: str, role: str, text: str | None, **members: Any) -> Json:
    content = None if text is None else {"content_type": "text", "parts": [text]}
    return {"id": message_id, "author": {"role": role}, "content": content, "create_time": None} | members


def chatgpt_node(node_id: str, parent: str | None, children: list[str], message: Json | None) -> Json:
    return {"id": node_id, "parent": parent, "children": children, "message": message}


def chatgpt_conversation(**members: Any) -> Json:
    """root ─ hidden ─ q1 ─┬─ a1 ─ q2
    .                      └─ a2"""
    nodes = [
        chatgpt_node("root", None, ["hidden"], None),
        chatgpt_node("hidden", "root", ["q1"], chatgpt_message("hidden", "system", "", weight=0.0)),
        chatgpt_node(
            "q1", "hidden", ["a1", "a2"], chatgpt_message("q1", "user", "Which tea?", create_time=1700000000.25)
        ),
        chatgpt_node("a2", "q1", [], chatgpt_message("a2", "assistant", "Green.")),
        chatgpt_node("a1", "q1", ["q2"], chatgpt_message("a1", "assistant", "Black.")),
        chatgpt_node("q2", "a1", [], chatgpt_message("q2", "user", "With milk?")),
    ]
    return {
        "id": "c-1",
        "title": "Tea",
        "create_time": 1700000000,
        "update_time": 1700000100.5,
        "current_node": "a2",
        "mapping": {node["id"]: node for node in nodes},
    } | members


def chatgpt_single(message: Json, **members: Any) -> Json:
    """A conversation of one message."""
    node = chatgpt_node(message["id"], None, [], message)
    return chatgpt_conversation(current_node=message["id"], mapping={message["id"]: node}) | members


def claude_message(uuid: str, sender: str, text: str, **members: Any) -> Json:
    return {
        "uuid": uuid,
        "sender": sender,
        "text": text,
        "content": [{"type": "text", "text": text}],
        "created_at": "2024-05-01T10:00:00.000001+02:00",
    } | members


def claude_conversation(**members: Any) -> Json:
    return {
        "uuid": "u-1",
        "name": "Bread",
        "created_at": "2024-05-01T08:00:00Z",
        "updated_at": "2024-05-01T09:00:00",
        "chat_messages": [claude_message("m1", "human", "Rye?"), claude_message("m2", "assistant", "Yes.")],
    } | members


def openwebui_message(
    message_id: str, parent: str | None, children: list[str], role: str, text: str, **members: Any
) -> Json:
    return {
        "id": message_id,
        "parentId": parent,
        "childrenIds": children,
        "role": role,
        "content": text,
        "timestamp": 1700000000,
    } | members


def openwebui_chat(**members: Any) -> Json:
    messages = [
        openwebui_message("q", None, ["b", "a"], "user", "Moon?", models=["phi:3"]),
        openwebui_message("a", "q", [], "assistant", "Full.", model="phi:3", done=True, usage={"total_tokens": 7}),
        openwebui_message("b", "q", [], "assistant", "Ne", model="qwen:2", done=False),
    ]
    return {
        "id": "",
        "title": "Moon",
        "models": ["phi:3"],
        "history": {"currentId": "a", "messages": {message["id"]: message for message in messages}},
        "messages": [messages[0], messages[1]],
        "timestamp": 1700000000123,
    } | members


def sharegpt_conversation(**members: Any) -> Json:
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    return {"id": "s-1", "conversations": turns} | members


def openai_conversation(**members: Any) -> Json:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    return {"messages": messages} | members


def oasst_message(message_id: str, role: str, text: str, replies: list[Json], **members: Any) -> Json:
    return {"message_id": message_id, "role": role, "text": text, "replies": replies} | members


def oasst_tree(**members: Any) -> Json:
    """p ─┬─ second (rank 1)
    .     └─ first (rank 0) ─┬─ f1
    .                        └─ f2"""
    followups = [oasst_message("f1", "prompter", "More?", []), oasst_message("f2", "prompter", "Why?", [])]
    answers = [
        oasst_message("second", "assistant", "Perhaps.", [], rank=1, parent_id="p"),
        oasst_message("first", "assistant", "Surely.", followups, rank=0, parent_id="p"),
    ]
    prompt = oasst_message("p", "prompter", "Rain?", answers, lang="en")
    return {"message_tree_id": "t-1", "tree_state": "ready_for_export", "prompt": prompt} | members


SAMPLES: dict[str, Json] = {
    "chatgpt": chatgpt_conversation(),
    "claude": claude_conversation(),
    "openwebui": openwebui_chat(),
    "oasst": oasst_tree(),
    "sharegpt": sharegpt_conversation(),
    "openai_chat": openai_conversation(),
}
"""One good record of each format, by the format's name."""
