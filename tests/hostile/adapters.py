"""How a field of the collection is sent to Parley, and where it is read back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MESSAGE = {"role": "user"}
THREAD = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}
AGENT = {"name": "Ada"}
USAGE = {"provider": "openai", "model": "gpt-test", "input_tokens": 1, "output_tokens": 1}


@dataclass(frozen=True)
class Adapter:
    """Send a value as one member of an otherwise valid body, and read it back.

    Addresses have places for `{thread}`, `{message}` and, in `reads`, the `{id}` of the new row. `pages` are the
    addresses whose HTML shows the value.
    """

    path: str
    reads: str
    member: str
    body: dict[str, Any] = field(default_factory=dict)
    pages: tuple[str, ...] = ()
    method: str = "POST"

    def body_with(self, text: str) -> bytes:
        """The body with the member set to a piece of JSON text."""
        others = {name: value for name, value in self.body.items() if name != self.member}
        start = json.dumps(others)[:-1]
        return f'{start}{", " if others else ""}"{self.member}": {text}}}'.encode()


def message(member: str, prefix: str = "threads") -> Adapter:
    listed = f"/api/{prefix}/{{thread}}/messages"
    return Adapter(listed, "/api/messages/{id}", member, MESSAGE, ("/api/messages/{id}", listed))


def thread(member: str, prefix: str = "threads") -> Adapter:
    listed = f"/api/{prefix}"
    return Adapter(listed, f"{listed}/{{id}}", member, THREAD, (f"{listed}/{{id}}", listed))


def agent(member: str) -> Adapter:
    return Adapter("/api/agents", "/api/agents/{id}", member, AGENT, ("/api/agents/{id}", "/api/agents"))


def usage(member: str) -> Adapter:
    return Adapter("/api/usage", "/api/usage/{id}", member, USAGE, ("/api/usage/{id}", "/api/usage"))


def integration(kind: str) -> Adapter:
    listed = "/api/integrations"
    return Adapter(listed, f"{listed}/{{id}}", "base_url", {"name": "Ada", "kind": kind}, (f"{listed}/{{id}}", listed))


VALUES = {
    "message.content": message("content"),
    "message.metadata": message("metadata"),
    "message.artifact_data": message("artifact_data"),
    "message.client_created_at": message("created_at"),
    "message.role": message("role"),
    "thread.title": thread("title"),
    "thread.metadata": thread("metadata"),
    "agent.name": agent("name"),
    "agent.backstory": agent("backstory"),
    "agent.config": agent("parameters"),
    "agent.avatar_url": agent("avatar_url"),
    "agent.personality_traits": agent("personality_traits"),
    "organization.name": Adapter(
        "/api/organizations/{organization}",
        "/api/organizations/{id}",
        "name",
        method="PATCH",
        pages=("/api/organizations",),
    ),
    "provider.base_url": integration("openai_compatible"),
    "webhook.url": integration("webhook"),
    "message.feedback.payload": Adapter(
        "/api/messages/{message}/feedback", "/api/feedback/{id}", "payload", {"rating": 1}, ("/api/feedback",)
    ),
    "usage.tokens": usage("input_tokens"),
    "usage.cost": usage("cost"),
}

ALIASES = {
    **{f"message.content@{name}": message("content", name) for name in ("conversations", "sessions")},
    **{f"thread.title@{name}": thread("title", name) for name in ("conversations", "sessions")},
}
"""Fields of the collection under the other names of threads."""

IN_BATCHES = ("message.content", "message.metadata", "message.artifact_data", "message.client_created_at")

ELSEWHERE = frozenset(
    {
        "message.id",
        "message.thread",
        "query:created_after",
        "GET list",
        "GET /threads/{id}",
        "POST messages",
        "POST messages:batch",
        "Accept",
        "Authorization",
        "Content-Type",
        "Host",
        "Idempotency-Key",
        "If-Match",
        "X-Forwarded-For",
        "X-HTTP-Method-Override",
    }
)
"""Fields that are no member of a body; the other modules of this folder have them. So it is with `extra:…`."""
