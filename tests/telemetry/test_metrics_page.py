"""`/metrics`: who may read it, and in what form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django import Settings

from core import metrics
from core.metrics.declared import Metric
from tests.api.problems import problem_of
from tests.client import ApiClient
from tests.telemetry.conftest import TOKEN, Numbers, names


def test_without_a_token_there_are_no_metrics(settings: Settings, db: None) -> None:
    settings.METRICS_TOKEN = ""

    responses = [ApiClient(key).get("/metrics") for key in (None, "", TOKEN)]

    assert [response.status_code for response in responses] == [404, 404, 404]
    assert Metric.store is None


@pytest.mark.parametrize(
    "header", [None, "", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \u00e9", "Basic x"]
)
def test_a_wrong_token_is_refused(counting: None, header: str | None) -> None:
    response = Client().get("/metrics", headers={} if header is None else {"authorization": header})

    assert (response.status_code, problem_of(response)["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="Parley metrics"'
    assert b"http_requests" not in response.content


def test_guessing_is_throttled(counting: None, settings: Settings) -> None:
    settings.THROTTLE_ADDRESS_PER_MINUTE = 8

    statuses = [ApiClient("a guess").get("/metrics").status_code for _ in range(5)]
    right = ApiClient(TOKEN).get("/metrics")

    assert (statuses[0], statuses[-1], right.status_code) == (401, 429, 200)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics_answer_by_address_and_without_https(counting: None, settings: Settings, path: str) -> None:
    settings.ALLOWED_HOSTS = ["parley.example.org"]
    settings.SECURE_SSL_REDIRECT = True

    response = Client().get(path, headers={"host": "10.0.0.7:8000", "authorization": f"bearer {TOKEN}"})

    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert response["Cache-Control"] == "no-store"


def test_metrics_are_only_read(counting: None) -> None:
    response = ApiClient(TOKEN).post("/metrics", {})

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def test_what_has_no_labels_is_shown_from_the_start(scrape: Callable[[], Numbers], db: None) -> None:
    found = scrape()

    unlabelled = {name for name, metric in metrics.DECLARED.items() if not metric.labels and metric.kind == "counter"}
    assert {name for name in unlabelled if found[name, ()] == 0} == unlabelled
    assert "parley_messages_appended_total" in unlabelled
    assert found["parley_workers", ()] == 1
    assert {"parley_build_info", "process_resident_memory_bytes", "process_cpu_seconds_total"} <= names(found)


@pytest.mark.django_db
def test_a_reader_that_fails_is_left_out(scrape: Callable[[], Numbers], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[metrics.Reading]:
        raise RuntimeError("out of order")

    def sound() -> list[metrics.Reading]:
        return [metrics.Reading("parley_test_things", "Things.", 3, {"colour": "red"})]

    monkeypatch.setattr("core.metrics.readings._readers", [broken, sound])

    found = scrape()

    assert found["parley_test_things", (("colour", "red"),)] == 3


def test_a_short_token_stops_the_start(settings: Settings) -> None:
    settings.METRICS_TOKEN = "short"

    with pytest.raises(SystemCheckError, match=r"config\.E007"):
        call_command("check")
