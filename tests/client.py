"""A client that speaks the API the way programs do."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.test.client import ClientHandler

from core.lanes import LanesMixin


class Handler(LanesMixin, ClientHandler):
    """The handler of Django's test client with the short way for programs, as the server has it."""


class ApiClient:
    """Sends JSON with a bearer key; `body` may be any value, or bytes to be sent as they are."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self._client = Client()
        self._client.handler = Handler(enforce_csrf_checks=False)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`headers` are written as keywords: `if_match='"v1"'`, `idempotency_key="k"`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named.setdefault("authorization", f"Bearer {self.key}")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        content_type = named.pop("content-type", "application/json")
        return self._client.generic(method, path, raw, content_type=content_type, headers=named)
