"""Data export of ChatGPT: `conversations.json`, an array of conversations; one conversation as an object is read too.

A conversation is a tree: `mapping` holds nodes by id, each with `parent`, `children` and mostly a `message`;
`current_node` is the leaf shown last. Times are epoch seconds. OpenAI documents no schema; this one was taken from
exports of 2023 to 2026. Export: https://help.openai.com/en/articles/7260999
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transfer.formats.chatgpt_content import Speaker, content_body
from transfer.formats.conversation import Conversation, message_metadata
from transfer.formats.fields import Fields, RecordError
from transfer.formats.parts import role_of, with_files
from transfer.formats.trees import preorder
from transfer.records import MessageRecord

PROVIDER = "openai"
_FINISHED = (None, "finished_successfully", "finished")


@dataclass(frozen=True, slots=True)
class _Node:
    message: Fields | None
    parent: str | None
    has_parent_member: bool
    children: list[str]
    rest: dict[str, Any]


def matches(record: dict[str, Any]) -> bool:
    return "mapping" in record


def convert(record: dict[str, Any]) -> Conversation:
    """One conversation. Raises `RecordError` when its tree or one of its messages is malformed."""
    thread = Fields(record, "conversation")
    nodes = {node_id: _node(node_id, value) for node_id, value in thread.object("mapping").items()}
    messages, shown = _messages(nodes)
    return Conversation(
        active_leaf=_active_leaf(thread.identifier("current_node"), shown),
        source_id=_source_id(thread),
        title=thread.text("title"),
        provider=PROVIDER,
        model=thread.peek_text("default_model_slug"),
        messages=messages,
        created_at=thread.time("create_time"),
        updated_at=thread.time("update_time"),
        source=thread.rest(),
    )


def _source_id(thread: Fields) -> str | None:
    source_id = thread.identifier("id")
    if source_id is None:
        return thread.identifier("conversation_id")
    thread.drop_if("conversation_id", source_id)
    return source_id


def _node(node_id: str, value: Any) -> _Node:
    where = f'node "{node_id}"'
    node = Fields(value, where)
    has_parent_member = "parent" in node
    message = node.take("message")
    node.drop_if("id", node_id)
    return _Node(
        message=None if message is None else Fields(message, f"message of {where}"),
        parent=node.identifier("parent"),
        has_parent_member=has_parent_member,
        children=node.texts("children"),
        rest=node.rest(),
    )


def _messages(nodes: dict[str, _Node]) -> tuple[list[MessageRecord], dict[str, str | None]]:
    """The messages, and for each node the id of its own message or of the nearest one above it."""
    parents = _parents(nodes)
    messages: list[MessageRecord] = []
    shown: dict[str, str | None] = {}
    for node_id in preorder(parents, {node_id: node.children for node_id, node in nodes.items()}):
        node, parent = nodes[node_id], parents[node_id]
        above = shown[parent] if parent is not None else None
        if node.message is None:
            shown[node_id] = above
            continue
        message = _message(node_id, node.message, parent=above, node_rest=node.rest)
        messages.append(message)
        shown[node_id] = message.external_id
    return messages, shown


def _parents(nodes: dict[str, _Node]) -> dict[str, str | None]:
    """Parent of each node. Some third-party savers write only `children`; there the listing node is the parent."""
    listing = {child: node_id for node_id, node in nodes.items() for child in node.children}
    return {node_id: node.parent if node.has_parent_member else listing.get(node_id) for node_id, node in nodes.items()}


def _active_leaf(current_node: str | None, shown: dict[str, str | None]) -> str | None:
    if current_node is None:
        return None
    if current_node not in shown:
        raise RecordError(f'current_node "{current_node}" is not in the mapping')
    return shown[current_node]


def _message(node_id: str, message: Fields, *, parent: str | None, node_rest: dict[str, Any]) -> MessageRecord:
    external_id = message.identifier("id") or node_id
    author = message.peek_object("author")
    metadata = message.peek_object("metadata")
    role = role_of(author.peek_text("role"), message.where)
    speaker = Speaker(role=role, name=author.peek_text("name"), recipient=message.peek_text("recipient"))
    body, content_rest = content_body(message.take("content"), speaker, message.where)
    body = with_files(body, metadata.array("attachments"))
    status = message.peek_text("status")
    created_at = message.time("create_time")
    places = {"node_id": "" if node_id == external_id else node_id, "node": node_rest, "content": content_rest}
    source = message.rest() | {name: value for name, value in places.items() if value}
    if "metadata" in source:
        source["metadata"] = metadata.rest()
    return MessageRecord(
        external_id=external_id,
        parent_external_id=parent,
        role=role,
        content=body.content,
        parts=body.parts,
        metadata=message_metadata(source, is_hidden=_is_hidden(role, metadata, source.get("weight"))),
        status="completed" if status in _FINISHED else "incomplete",
        provider=PROVIDER if role == "assistant" else "",
        model=metadata.peek_text("model_slug") or "",
        finish_reason=metadata.peek_object("finish_details").peek_text("type") or "",
        created_at=created_at,
    )


def _is_hidden(role: str, metadata: Fields, weight: Any) -> bool:
    return metadata.peek_flag("is_visually_hidden_from_conversation") or (role == "system" and weight == 0)
