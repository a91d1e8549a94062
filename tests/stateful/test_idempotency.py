"""Whatever is repeated in whatever order, an acknowledged request has its effect once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from accounts.models import IdempotencyRecord, Organization
from accounts.services import create_api_key
from conversations.models import Message, Thread
from tests.client import ApiClient
from tests.stateful.machines import UndoneMachine, run_machine

THREAD = {"agent_type": "chat", "model": "gpt-test", "provider": "openai"}
KEYS = st.sampled_from(["one", "two"])
ROUTES = st.sampled_from(["threads", "messages", "batch"])
SENDERS = st.sampled_from(["a key", "its successor", "a stranger"])
TEXTS = st.sampled_from(["x", "y"])


class Crash(Exception):
    """The process ends before the effect is committed."""


@dataclass
class Side:
    """One organization: its thread, how many rows it has, and what was answered to which key."""

    thread: str
    threads: int = 1
    messages: int = 0
    answers: dict[str, tuple[Any, bytes]] = field(default_factory=dict)


class IdempotencyMachine(UndoneMachine):
    """Two services of one organization and a stranger repeat, change and lose requests."""

    clients: dict[str, ApiClient]

    def start(self) -> None:
        self.sides = {name: Side(self._new_thread(name)) for name in ("a key", "a stranger")}
        self.sides["its successor"] = self.sides["a key"]

    def _new_thread(self, sender: str) -> str:
        made = self.clients[sender].post("/api/threads", THREAD)
        return str(made.json()["id"])

    def _send(self, sender: str, route: str, text: str, key: str) -> Any:
        path, body = self._request(sender, route, text)
        return self.clients[sender].post(path, body, idempotency_key=key)

    def _request(self, sender: str, route: str, text: str) -> tuple[str, dict[str, Any]]:
        messages = f"/api/threads/{self.sides[sender].thread}/messages"
        said = {"role": "user", "content": text}
        requests: dict[str, tuple[str, dict[str, Any]]] = {
            "threads": ("/api/threads", {**THREAD, "title": text}),
            "messages": (messages, said),
            "batch": (f"{messages}/batch", {"messages": [said, said]}),
        }
        return requests[route]

    @rule(sender=SENDERS, route=ROUTES, text=TEXTS, key=KEYS)
    def send(self, sender: str, route: str, text: str, key: str) -> None:
        side = self.sides[sender]
        known = side.answers.get(key)
        response = self._send(sender, route, text, key)
        if known is None:
            assert response.status_code == 201
            assert "Idempotent-Replayed" not in response
            side.answers[key] = ((route, text), response.content)
            side.threads += route == "threads"
            side.messages += {"threads": 0, "messages": 1, "batch": 2}[route]
        elif known[0] == (route, text):
            assert (response.status_code, response.content) == (201, known[1])
            assert response["Idempotent-Replayed"] == "true"
        else:
            assert (response.status_code, response.json()["code"]) == (409, "idempotency_key_reused")

    @rule(sender=SENDERS, route=ROUTES, text=TEXTS, key=KEYS, times=st.integers(2, 3))
    def send_in_a_row(self, sender: str, route: str, text: str, key: str, times: int) -> None:
        for _ in range(times):
            self.send(sender, route, text, key)

    @rule(sender=SENDERS, route=ROUTES, text=TEXTS, key=KEYS)
    def crash_before_commit(self, sender: str, route: str, text: str, key: str) -> None:
        try:
            with transaction.atomic():
                self._send(sender, route, text, key)
                raise Crash
        except Crash:
            return

    @rule(sender=SENDERS, key=KEYS)
    def send_what_is_refused(self, sender: str, key: str) -> None:
        path, _body = self._request(sender, "messages", "x")
        response = self.clients[sender].post(path, {"role": "nobody"}, idempotency_key=key)
        assert response.status_code == (400 if key not in self.sides[sender].answers else 409)

    @rule(sender=SENDERS, key=KEYS)
    def send_to_nowhere(self, sender: str, key: str) -> None:
        path = "/api/threads/01890000-0000-7000-8000-00000000dead/messages"
        response = self.clients[sender].post(path, {"role": "user"}, idempotency_key=key)
        assert response.status_code == (404 if key not in self.sides[sender].answers else 409)

    @rule(sender=SENDERS)
    def forget_old_keys(self, sender: str) -> None:
        """The records of one organization grow old and are purged; their keys may be used anew."""
        organization = Thread.objects.get(pk=self.sides[sender].thread).organization_id
        long_ago = timezone.now() - timedelta(days=4000)
        IdempotencyRecord.objects.filter(organization_id=organization).update(created_at=long_ago)
        call_command("purge_idempotency_records", verbosity=0, stdout=StringIO())
        self.sides[sender].answers.clear()

    @invariant()
    def every_effect_is_there_once(self) -> None:
        for name in ("a key", "a stranger"):
            side = self.sides[name]
            organization = Thread.objects.get(pk=side.thread).organization_id
            counts = [model.objects.filter(organization_id=organization).count() for model in (Thread, Message)]
            assert counts == [side.threads, side.messages]
            positions = Message.objects.filter(thread_id=side.thread).order_by("position")
            assert list(positions.values_list("position", flat=True)) == list(range(1, side.messages + 1))


@pytest.fixture
def successor(organization: Organization) -> ApiClient:
    """Another key of the organization."""
    return ApiClient(create_api_key(organization=organization, name="successor")[1])


@pytest.mark.slow
def test_acknowledged_requests_have_their_effect_once(
    api: ApiClient, successor: ApiClient, stranger: ApiClient, settings: Any
) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = 0

    run_machine(IdempotencyMachine, clients={"a key": api, "its successor": successor, "a stranger": stranger})
