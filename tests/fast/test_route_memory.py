"""What views remember of their routes does not grow with what clients send."""

from __future__ import annotations

from core import viewsets
from tests.client import ApiClient


def test_methods_that_no_route_has_are_not_remembered(api: ApiClient) -> None:
    api.get("/api/threads")
    before = (len(viewsets._known_parameters), len(viewsets._default_headers))

    answers = {api.send(f"METHOD{number}", "/api/threads").status_code for number in range(20)}

    assert answers == {405}
    assert (len(viewsets._known_parameters), len(viewsets._default_headers)) == before
