"""`X-Request-ID`: taken when it is harmless, sent back, and written to the log."""

from __future__ import annotations

import logging

import pytest

from core.logs import RequestIdFilter
from tests.client import ApiClient


@pytest.mark.parametrize("given", ["a", "7f3c-request.1_x", "x" * 128])
def test_a_harmless_id_is_sent_back(api: ApiClient, given: str) -> None:
    assert api.get("/api/threads", x_request_id=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\nb", "a\r\nSet-Cookie: x", "<script>", "\u00e9", "a\x00"])
def test_any_other_id_is_replaced(api: ApiClient, given: str) -> None:
    answered = api.get("/api/threads", x_request_id=given)["X-Request-ID"]

    assert len(answered) == 32
    assert set(answered) <= set("0123456789abcdef")


def test_every_answer_has_an_id_of_its_own(anonymous: ApiClient) -> None:
    paths = ("/healthz", "/api/threads", "/api/nothing", "/api/schema", "/admin/login/")

    ids = [anonymous.get(path)["X-Request-ID"] for path in paths]

    assert len(set(ids)) == len(paths)


@pytest.mark.parametrize("path", ["/api/threads/nobody", "/api/nothing", "/api/threads?colour=red"])
def test_the_log_of_a_refused_request_has_its_id(api: ApiClient, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with caplog.filtering(RequestIdFilter()), caplog.at_level(logging.WARNING):
        api.get(path, x_request_id="request-1")

    assert [getattr(record, "request_id", None) for record in caplog.records] == ["request-1"]
