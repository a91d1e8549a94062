"""Chat exports of Open WebUI: an array of `{"id", "title", "chat": {…}, "created_at", …}`, or bare chats.

A chat is a tree: `history.messages` holds messages by id with `parentId` and `childrenIds`, `history.currentId` is the
leaf shown last; the list `messages` repeats the branch shown. `created_at` and a message's `timestamp` are epoch
seconds, the chat's own `timestamp` is epoch milliseconds. Source: https://github.com/open-webui/open-webui, menu
Settings, Chats, Export.
"""

from __future__ import annotations

from typing import Any

from transfer.formats.chat_messages import content_body
from transfer.formats.conversation import Conversation, message_metadata
from transfer.formats.fields import Fields
from transfer.formats.parts import role_of, with_files
from transfer.formats.trees import preorder
from transfer.records import MessageRecord

PROVIDER = "openwebui"


def matches(record: dict[str, Any]) -> bool:
    return _is_chat(record.get("chat")) or _is_chat(record)


def _is_chat(value: Any) -> bool:
    history = value.get("history") if isinstance(value, dict) else None
    return isinstance(history, dict) and "messages" in history


def convert(record: dict[str, Any]) -> Conversation:
    """One chat with its envelope or without. Raises `RecordError` when its tree or a message is malformed."""
    envelope = Fields(record, "conversation")
    chat = envelope.object("chat") if "chat" in envelope else envelope
    history = chat.object("history")
    nodes = dict(history.object("messages").items())
    active_leaf = history.identifier("currentId")
    _drop_repeated(chat, nodes)
    title = (envelope if "title" in envelope else chat).text("title")
    chat.drop_if("title", title)
    source_id = envelope.identifier("id") or chat.identifier("id")
    chat.drop_if("id", source_id)
    return Conversation(
        source_id=source_id,
        title=title,
        provider=PROVIDER,
        model=_default_model(chat),
        messages=_messages(nodes),
        active_leaf=active_leaf,
        created_at=envelope.time("created_at") or chat.time("timestamp"),
        updated_at=envelope.time("updated_at"),
        source=_source(envelope, chat, history),
    )


def _drop_repeated(chat: Fields, nodes: dict[str, Any]) -> None:
    """Forget the list of the branch shown when the tree says the same."""
    branch = chat.rest().get("messages")
    if isinstance(branch, list) and all(_node_of(message, nodes) == message for message in branch):
        chat.take("messages")


def _node_of(message: Any, nodes: dict[str, Any]) -> Any:
    message_id = message.get("id") if isinstance(message, dict) else None
    return nodes.get(message_id) if isinstance(message_id, str) else None


def _default_model(chat: Fields) -> str | None:
    models = chat.rest().get("models")
    first = models[0] if isinstance(models, list) and models else None
    return first if isinstance(first, str) else None


def _source(envelope: Fields, chat: Fields, history: Fields) -> dict[str, Any]:
    source = chat.rest() | ({"history": history.rest()} if history.rest() else {})
    if chat is envelope:
        return source
    return envelope.rest() | ({"chat": source} if source else {})


def _messages(nodes: dict[str, Any]) -> list[MessageRecord]:
    messages = {node_id: Fields(value, f'message "{node_id}"') for node_id, value in nodes.items()}
    parents = {node_id: message.identifier("parentId") for node_id, message in messages.items()}
    children = {node_id: message.texts("childrenIds") for node_id, message in messages.items()}
    return [_message(node_id, messages[node_id], parents[node_id]) for node_id in preorder(parents, children)]


def _message(node_id: str, message: Fields, parent: str | None) -> MessageRecord:
    message.drop_if("id", node_id)
    role = role_of(message.peek_text("role"), message.where)
    message.drop_if("role", role)
    body = content_body(message.take("content"), message.where)
    body = with_files(body, message.array("files"))
    created_at = message.time("timestamp")
    model = message.text("model") or ""
    usage = message.take("usage")
    if usage is not None and not isinstance(usage, dict):
        raise message.wrong("usage", usage, "an object")
    is_done = message.rest().get("done") is not False
    message.drop_if("done", is_done)
    return MessageRecord(
        external_id=node_id,
        parent_external_id=parent,
        role=role,
        content=body.content,
        parts=body.parts,
        metadata=message_metadata(message.rest()),
        status="completed" if is_done else "incomplete",
        provider=PROVIDER if role == "assistant" else "",
        model=model,
        usage=usage,
        created_at=created_at,
    )
