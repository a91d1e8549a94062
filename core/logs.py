"""Log records with the id of the request they belong to."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

from core.renderers import format_datetime

request_id: ContextVar[str] = ContextVar("request_id", default="-")
client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Where the current request came from; empty outside of requests."""


class RequestIdFilter(logging.Filter):
    """Puts the id of the request on a record, also where Django speaks of a request that has left the middleware."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = getattr(getattr(record, "request", None), "request_id", request_id.get())
        return True


class JSONFormatter(logging.Formatter):
    """One JSON object a line; line breaks inside a message are escaped, so that a message cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "time": format_datetime(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, ensure_ascii=False)
