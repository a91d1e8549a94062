"""A process that is watched, and left as it was found."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from core import metrics, observer, telemetry, tracing
from core.logs import JSONFormatter, RequestIdFilter
from tests.client import ApiClient

TOKEN = "a-token-of-metrics-0123456789"

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:
    """Take away what an observer has put into the process."""
    yield
    metrics.stop()
    tracing.stop()
    telemetry.current.set(None)
    telemetry.observes_statements = False
    telemetry.slow_from_seconds = telemetry.NEVER
    observer._thread.is_timed = False
    for connection in connections.all():
        while telemetry.timed in connection.execute_wrappers:
            connection.execute_wrappers.remove(telemetry.timed)


@pytest.fixture
def counting(settings: Settings, tmp_path: Path) -> None:
    """Metrics are on, and nothing was counted yet."""
    settings.METRICS_TOKEN = TOKEN
    settings.METRICS_DIRECTORY = str(tmp_path / "metrics")
    Path(settings.METRICS_DIRECTORY).mkdir()


@pytest.fixture
def scrape(counting: None) -> Callable[[], Numbers]:
    """Ask for the metrics and return `{(name, labels): number}`."""

    def ask() -> Numbers:
        response = ApiClient(TOKEN).get("/metrics")
        assert response.status_code == 200, response.content
        return parsed(response.content.decode())

    return ask


def parsed(text: str) -> Numbers:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names(numbers: Numbers) -> set[str]:
    return {name for name, _labels in numbers}


class Lines(logging.Handler):
    """Keeps every record as the line of JSON that would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JSONFormatter())
        self.addFilter(RequestIdFilter())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.texts) if line["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that is logged, at every level."""
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)
