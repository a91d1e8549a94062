"""The documentation and the alerts speak of metrics that are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import connection
from pytest_django import Settings

from core import metrics
from core.metrics import databases
from core.metrics.page import numbers
from core.replicas import ReplicaLag
from tests.processes import ROOT
from tests.telemetry.conftest import names, parsed

NAME = re.compile(r"\b(?:http|parley|process)_[a-z_]+\b")
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")
OF_SQLITE = {"parley_sqlite_database_bytes", "parley_sqlite_wal_bytes"}

database_free = pytest.mark.skipif(connection.vendor == "postgresql", reason="has nothing to do with the database")


@pytest.fixture
def told(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None) -> set[str]:
    """Every metric: what is declared, and what is read of this process, a replica and files beside it."""
    metrics.start(tmp_path)
    lag = ReplicaLag(alias="replica1", bytes=1, seconds=0.5, reason="")
    monkeypatch.setattr(databases, "replication_lag", lambda: [lag])
    found = names(parsed(numbers().decode())) | set(metrics.DECLARED)
    return {without_suffix(name) for name in found} | OF_SQLITE


def without_suffix(name: str) -> str:
    for suffix in OF_HISTOGRAMS:
        if name.removesuffix(suffix) in metrics.DECLARED:
            return name.removesuffix(suffix)
    return name


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


@database_free
def test_every_metric_is_documented_and_no_other(told: set[str]) -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \|([^|]*)\| [^|]+ \|$", text, re.MULTILINE)
    documented = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}

    assert {*documented} == told
    declared = {name: metric.labels for name, metric in metrics.DECLARED.items()}
    assert {name: documented[name] for name in declared} == declared


@database_free
def test_alerts_ask_for_metrics_that_are_there(told: set[str]) -> None:
    asked = {name for rule in rules() for name in NAME.findall(rule["expr"])}

    assert {without_suffix(name) for name in asked} - told == set()
    assert len(asked) > 10


@database_free
def test_alerts_are_told_apart_and_explained() -> None:
    found = rules()

    assert len({rule["alert"] for rule in found}) == len(found)
    assert [rule["alert"] for rule in found if not rule["annotations"]["summary"].endswith(".")] == []
    assert {rule["labels"]["severity"] for rule in found} == {"critical", "warning"}
    assert [rule["alert"] for rule in found if rule["expr"].count("(") != rule["expr"].count(")")] == []


def test_sqlite_tells_the_sizes_of_its_files(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.sqlite3").write_bytes(b"x" * 10)
    (tmp_path / "x.sqlite3-wal").write_bytes(b"x" * 20)
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "x.sqlite3"))

    found = {reading.name: reading.number for reading in databases.sqlite_files()}

    sizes = {"parley_sqlite_database_bytes": 10.0, "parley_sqlite_wal_bytes": 20.0}
    assert found == (sizes if connection.vendor == "sqlite" else {})


@database_free
def test_a_replica_that_does_not_answer_is_down_and_has_no_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = ReplicaLag(alias="replica1", bytes=None, seconds=None, reason="it does not answer")
    monkeypatch.setattr(databases, "replication_lag", lambda: [silent])

    assert [(each.name, each.number, each.labels) for each in databases.replicas()] == [
        ("parley_replica_up", 0, {"database": "replica1"})
    ]


@database_free
def test_optional_packages_are_pinned_and_tested() -> None:
    pins = {
        name: set(re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / f"{name}.txt").read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements", "requirements-optional", "requirements-dev")
    }
    optional = {pin.partition("==")[0] for pin in pins["requirements-optional"]}
    shipped = {pin.partition("==")[0] for pin in pins["requirements"]}

    assert pins["requirements-optional"] - pins["requirements-dev"] == set()
    assert {"sentry-sdk", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= optional - shipped
