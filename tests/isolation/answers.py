"""What came back, as a value that can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

OWN = {"X-Request-ID"}
"""Headers that differ between any two answers."""

MOMENT = re.compile(r"\d{8}-\d{6}")
"""The time in the name of a downloaded file."""


@dataclass(frozen=True)
class Answer:
    """Status, body and headers, without what differs between any two answers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, response: Any) -> Answer:
        body = b"".join(response.streaming_content) if response.streaming else response.content
        headers = sorted((name, MOMENT.sub("", value)) for name, value in response.headers.items() if name not in OWN)
        return cls(response.status_code, body, tuple(headers))
