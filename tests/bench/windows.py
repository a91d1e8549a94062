"""Windows as a run would have measured them."""

from __future__ import annotations

from typing import Any

from bench.windows import Window


def window(product: str, **values: Any) -> Window:
    """A window of eight clients appending on SQLite, unless said."""
    usual = {
        "database": "sqlite",
        "operation": "append",
        "messages": 10_000,
        "clients": 8,
        "requests_per_second": 1000.0,
        "p50_ms": 8.0,
        "p99_ms": 20.0,
        "server_us": 900.0,
        "database_us": 0.0,
        "peak_mib": 100.0,
        "errors": 0,
    }
    return Window(product=product, **{**usual, **values})
