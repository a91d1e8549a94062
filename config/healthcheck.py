"""`python -m config.healthcheck`: exit code 0 when the server of this container answers, for `HEALTHCHECK`."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from config import settings

TIMEOUT_SECONDS = 4
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  addresses to listen at cannot be connected to


def is_healthy() -> bool:
    """Whether `/healthz` answers 200 in time."""
    host = LOOPBACK.get(settings.SERVER_HOST, settings.SERVER_HOST)
    connection = HTTPConnection(host, settings.SERVER_PORT, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_healthy() else 1)
