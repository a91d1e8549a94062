"""Keys in every state, and what shows them."""

from __future__ import annotations

from typing import Any

import bcrypt
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Organization
from tests.client import ApiClient

PLACE = "/api/threads"
"""What every key of these tests is shown to; needs `thread.read`."""

COST = 4
"""The cheapest bcrypt there is."""


def show(key: str, path: str = PLACE, *, address: str = "127.0.0.1") -> Any:
    """The answer to a GET with the key, sent from an address."""
    return ApiClient(key)._client.get(path, headers={"authorization": f"Bearer {key}"}, REMOTE_ADDR=address)


def told(response: Any) -> tuple[int, bytes, dict[str, str]]:
    """All that an answer tells."""
    return response.status_code, response.content, {k: v for k, v in response.headers.items() if k != "X-Request-ID"}


def refused() -> tuple[int, bytes, dict[str, str]]:
    """What somebody is told whose key is nobody's."""
    return told(show("nobody's"))


def statements(key: str, *, address: str = "127.0.0.1") -> list[str]:
    """The SQL of a request with the key that asks for nothing: OPTIONS of a list."""
    with CaptureQueriesContext(connection) as captured:
        client = ApiClient(key)._client
        client.options(PLACE, headers={"authorization": f"Bearer {key}"}, REMOTE_ADDR=address)
    return [query["sql"] for query in captured.captured_queries]


def bcrypt_hash(text: str, *, variant: bytes = b"2b") -> str:
    """A hash as another system would have stored it; the variants differ in name alone for such texts."""
    made = bcrypt.hashpw(text.encode()[:72], bcrypt.gensalt(COST))
    return (b"$" + variant + made[3:]).decode()


def imported(organization: Organization, text: str, *, prefix_length: int = 8, **fields: Any) -> ApiKey:
    """A key of another system, as it is stored before its first use."""
    values = {"name": "imported", "prefix": text[:prefix_length], "digest": bcrypt_hash(text), **fields}
    return ApiKey.objects.create(organization=organization, scheme=ApiKey.Scheme.BCRYPT, is_imported=True, **values)
