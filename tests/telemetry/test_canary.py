"""Content, titles, keys, secrets and searched words are sent in, and looked for in all that is told about requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings

from accounts.models import Organization, User
from conversations.models import Message, Thread
from core import tracing, viewsets
from core.logs import TextFormatter
from core.metrics.page import numbers
from tests.client import ApiClient
from tests.telemetry.conftest import Lines

CANARIES = {
    name: f"canary-{name}-Zq7" for name in ("content", "title", "metadata", "secret", "search", "agent", "cookie")
}
EVERY_STATEMENT_MS = 1e-6


class Told:
    """Everything that is told about requests, as text."""

    def __init__(self, lines: Lines, exporter: InMemorySpanExporter, texts: list[str]) -> None:
        self._lines = lines
        self._exporter = exporter
        self._texts = texts

    def __str__(self) -> str:
        spans = [span.to_json() for span in self._exporter.get_finished_spans()]
        return "\n".join([*self._lines.texts, *self._texts, *spans, numbers().decode()])

    def leaks(self, *more: str) -> list[str]:
        text = str(self)
        assert "conversations_" in text, "there was nothing to leak"
        return [word for word in (*CANARIES.values(), *more) if word in text]


class PlainLines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(TextFormatter("%(name)s %(message)s"))
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def told(settings: Settings, counting: None, lines: Lines) -> Iterator[Told]:
    """Everything is switched on, and every statement is slow."""
    settings.LOG_REQUESTS = "all"
    settings.SLOW_QUERY_MS = EVERY_STATEMENT_MS
    exporter, plain = InMemorySpanExporter(), PlainLines()
    tracing.start_with(SimpleSpanProcessor(exporter))
    logging.getLogger().addHandler(plain)
    yield Told(lines, exporter, plain.texts)
    logging.getLogger().removeHandler(plain)


def test_ordinary_requests_leave_nothing(told: Told, api: ApiClient, thread: Thread, alice: User) -> None:
    messages = f"/api/threads/{thread.pk}/messages"
    body = {"role": "user", "content": CANARIES["content"], "metadata": {"a": CANARIES["metadata"]}}
    integration = {"name": "n", "kind": "openai", "secrets": {"api_key": CANARIES["secret"]}}
    browser = Client()
    browser.force_login(alice)

    statuses = [
        api.post("/api/threads", {"title": CANARIES["title"], "agent_type": "c", "model": "m", "provider": "p"}),
        api.post(messages, body, idempotency_key=CANARIES["metadata"]),
        api.post(f"{messages}/batch", {"messages": [body, body]}),
        api.post(messages, {**body, "unknown": CANARIES["content"]}),
        api.post(messages, b'{"content": "' + CANARIES["content"].encode()),
        api.get(f"/api/threads?q={CANARIES['search']}&{CANARIES['search']}=1"),
        api.get(f"/api/messages?search={CANARIES['search']}"),
        api.get(messages, user_agent=CANARIES["agent"], cookie=CANARIES["cookie"], referer=CANARIES["agent"]),
        api.post("/api/integrations", integration),
        api.patch(f"/api/threads/{thread.pk}", {"title": CANARIES["title"]}, if_match='"v99"'),
        ApiClient(f"parley_{CANARIES['secret']}").get(messages),
        browser.get(f"/admin/conversations/thread/?q={CANARIES['search']}"),
        browser.post("/admin/login/", {"username": CANARIES["title"], "password": CANARIES["secret"]}),
    ]

    assert Message.objects.filter(content=CANARIES["content"]).count() == 3
    assert {response.status_code for response in statuses} >= {200, 201, 400, 401, 412}
    assert api.key is not None
    assert told.leaks(api.key.split("_", 2)[2]) == []


def quoting(*_arguments: Any, **_options: Any) -> Any:
    raise ValueError(f"cannot handle {CANARIES['content']}")


def chaining(*_arguments: Any, **_options: Any) -> Any:
    try:
        return dict[str, str]()[CANARIES["content"]]
    except KeyError as error:
        raise RuntimeError(CANARIES["title"]) from error


def breaking_a_constraint(*_arguments: Any, **_options: Any) -> Any:
    """PostgreSQL tells the whole row that it refuses."""
    organization = Organization.objects.get()
    thread = Thread.objects.get()
    rows = {"organization": organization, "thread": thread, "role": "user", "content": CANARIES["content"]}
    Message.objects.create(**rows, position=-1)


def using_a_word_as_a_number(*_arguments: Any, **_options: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM conversations_message WHERE position + %s > 0", [CANARIES["content"]])
        return [][cursor.fetchone()[0]]


@pytest.mark.parametrize("fail", [quoting, chaining, breaking_a_constraint, using_a_word_as_a_number])
def test_an_unforeseen_error_leaves_nothing(
    told: Told, api: ApiClient, thread: Thread, monkeypatch: pytest.MonkeyPatch, fail: Callable[..., Any]
) -> None:
    api._client.raise_request_exception = False
    monkeypatch.setattr(viewsets, "etag", fail)

    response = api.get(f"/api/threads/{thread.pk}?format=json", x_request_id="r-1")

    assert response.status_code == 500
    assert f", in {fail.__name__}" in str(told)
    assert told.leaks() == []
