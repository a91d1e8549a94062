"""Texts that would do harm in a page that trusted them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from accounts.actors import SystemActor
from agents_app.services import create_agent
from conversations.models import Thread
from conversations.services import append_messages, create_feedback, create_thread

SHARED = Path(__file__).resolve().parents[3] / "shared" / "bad_inputs.json"

OWN = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "</textarea><script>alert(1)</script>",
    "</pre></details></article></main><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "[x](javascript:alert(1)) <javascript:alert(1)> <data:text/html,<script>alert(1)</script>>",
    "![x](http://127.0.0.1:9/leak?q=secret) [![y](http://127.0.0.1:9/y.png)](http://127.0.0.1:9/)",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)' autofocus onfocus='alert(1)",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "<style>@import url(http://127.0.0.1:9/x.css);</style>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<base href=http://127.0.0.1:9/>",
    "<form action=http://127.0.0.1:9/><input name=a autofocus onfocus=alert(1)>",
    "{{ 7|add:7 }}{% load static %}",
    "\u202etxt.exe\u202c \u2066\u2069",
    "\x1b]8;;http://127.0.0.1\x07x\x1b]8;;\x07",
    "a\n2026-01-01 ERROR forged",
    "x" * 2000,
]


def hostile_values() -> list[Any]:
    """The texts of this module and, where they are at hand, those of the shared collection."""
    if not SHARED.is_file():
        return [*OWN]
    cases = json.loads(SHARED.read_text(encoding="utf-8"))["cases"]
    return [*OWN, *(case["payload"] for case in cases if case["group"] == "hostile-text")]


def hostile_thread(actor: SystemActor, *, is_mild: bool = False) -> Thread:
    """Store every hostile value in every place a page shows; with `is_mild` harmless words in their places."""
    values: list[Any] = ["mild"] * len(hostile_values()) if is_mild else hostile_values()
    texts = [value for value in values if isinstance(value, str)]
    one = " ".join(texts[:3])[:200]
    agent = create_agent(actor=actor, fields={"name": one, "slug": f"mild-{is_mild}".lower(), "model": texts[0][:100]})
    fields = {
        "title": one,
        "agent_id": agent.pk,
        "provider": texts[0][:50],
        "agent_type": texts[1][:50],
        "model": texts[0][:100],
        "metadata": {text: text for text in texts},
    }
    thread = create_thread(actor=actor, fields=fields)
    rows = append_messages(actor=actor, thread_id=thread.pk, messages=[*map(_message, values, range(len(values)))])
    for text, row in zip(texts, rows, strict=False):
        create_feedback(actor=actor, message_id=row.pk, fields={"comment": text, "payload": {text: text}})
    return thread


def _message(value: Any, number: int) -> dict[str, Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    return {
        "role": "assistant",
        "content": text,
        "parts": _parts(text),
        "artifact_data": value,
        "metadata": {text: text},
        "usage": {text: text},
        "model": text[:100],
        "provider": text[:50],
        "finish_reason": text[:50],
        "external_id": f"{number} {text[:200]}",
    }


def _parts(text: str) -> list[dict[str, Any]]:
    def make(kind: str, **members: Any) -> dict[str, Any]:
        return {"type": kind, **members, "source": {text: text}}

    return [
        make("text", text=f"{text}\n\ntwice"),
        make("reasoning", text=text),
        make("tool_call", name=text, id=text, arguments=text),
        make("tool_call", name=text, arguments={text: text}),
        make("tool_result", name=text, output=text, is_error=True),
        make("tool_result", name=text, output={text: text}),
        make("code", language=text, text=text),
        make("image", url=text, alt=text),
        make("file", name=text, url=text),
        make(text, anything=text),
    ]
