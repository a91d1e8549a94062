"""`/metrics`: the numbers of all processes of the server in Prometheus' text form, for who shows the token."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled

from core.metrics import readings, running
from core.metrics.declared import Reading
from core.problems import problem, problem_response
from core.throttling import admit_stranger

PATH = "/metrics"


def is_served(path: str) -> bool:
    return path.rstrip("/") == PATH and bool(settings.METRICS_TOKEN)


def metrics(request: HttpRequest) -> HttpResponse:
    """200 with the numbers; 401 without the token, and 429 for an address that goes on guessing."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    if not _shows_token(request):
        return _refusal()
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415  as in `running.start`

    headers = {"Cache-Control": "no-store"}
    return HttpResponse(numbers(), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers=headers)


def numbers() -> bytes:
    """Return the metrics of every process of the server, the dead ones included."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  as in `running.start`

    registry = CollectorRegistry()
    registry.register(_Server())
    text: bytes = generate_latest(registry)
    return text


class _Server:
    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415  as in `running.start`

        from core.metrics import standard  # noqa: PLC0415  as in `running.start`
        from core.metrics.store import exclusive, living  # noqa: PLC0415  as in `running.start`

        directory = running.start().directory
        readings.measure()
        with exclusive(directory):
            processes = living(directory)
            yield from list(MultiProcessCollector(None, path=str(directory)).collect())
        yield from _families([*standard.of_processes(processes), *readings.readings()])


def _families(found: list[Reading]) -> list[Any]:
    """The readings in the form of prometheus-client, those of one name together."""
    from prometheus_client.metrics_core import Metric  # noqa: PLC0415  as in `running.start`

    families: dict[str, Any] = {}
    for each in found:
        name = each.name.removesuffix("_total") if each.is_counter else each.name
        family = families.setdefault(each.name, Metric(name, each.text, "counter" if each.is_counter else "gauge"))
        family.add_sample(each.name, each.labels, each.number)
    return list(families.values())


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    expected = settings.METRICS_TOKEN.encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode("utf-8", "replace"), expected)


def _refusal() -> HttpResponse:
    try:
        admit_stranger()
    except Throttled as error:
        document = problem(
            status=429, code="throttled", title="Too Many Requests", detail="Wait before you try another token."
        )
        response = problem_response(document)
        response["Retry-After"] = str(int(getattr(error, "wait", None) or 0) + 1)
        return response
    detail = "Send the token of METRICS_TOKEN as a bearer."
    document = problem(status=401, code="not_authenticated", title="Unauthorized", detail=detail)
    response = problem_response(document)
    response["WWW-Authenticate"] = 'Bearer realm="Parley metrics"'
    return response
