"""Hostile queries, addresses, headers and bodies at every operation of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tests.api.problems import problem_of
from tests.api.routes import Route
from tests.hostile.cases import Case, all_cases, cases_of
from tests.hostile.outcomes import Outcome, Probe, walk
from tests.hostile.places import BODIES_BY_LOG_IN, operations
from tests.hostile.world import World

BODILESS = frozenset({"restore", "test", "heartbeat", "end"})
MALFORMED = {
    "nul": "%00",
    "no utf-8": "%FF%FE",
    "overlong": "%C0%AE",
    "emoji": "%F0%9F%98%80",
    "long": "x" * 3000,
    "quote": "'%20OR%201=1--",
    "arabic digits": "%D9%A1",
    "huge": "9" * 40,
    "exponent": "1e3",
    "nan": "NaN",
    "empty": "",
    "pattern": "%25_%5C",
    "array": "%7B%22a%22:1%7D",
    "far time": "9999-12-31T23:59:59-14:00",
    "first time": "0001-01-01T00:00:00%2B14:00",
}
"""What a client may put where a word, a number, a time or an id is expected, percent-encoded."""

HEADERS: dict[str, dict[str, tuple[str, frozenset[int]]]] = {
    "idempotency-key": {
        "empty": ("", frozenset({400})),
        "256": ("k" * 256, frozenset({400})),
        "latin": ("\xe9", frozenset({400})),
        "tab": ("a\tb", frozenset({400})),
    },
    "if-match": {
        "stale": ('"v0"', frozenset({412})),
        "weak": ('W/"v1"', frozenset({412})),
        "bare": ("v1", frozenset({400})),
        "latin": ("\xe9", frozenset({400})),
        "huge": ('"v' + "9" * 5000 + '"', frozenset({412})),
    },
    "if-none-match": {
        "bare": ("v1", frozenset({400})),
        "latin": ("\xe9", frozenset({400})),
        "other": ('"v0"', frozenset({200})),
        "huge": ('"v' + "9" * 5000 + '"', frozenset({200})),
    },
}
"""Values of headers with the statuses that they may be answered with, beside those of the operation without a row."""


def request_outcomes(world: World, *, share: int = 1) -> Iterator[Outcome]:
    """Walk through all operations; with a `share` of n, each takes every n-th of its inputs."""
    makers = (_queries, _addresses, _headers, _bodies, _surplus)
    found = [
        probe
        for method, route, described in operations()
        for make in makers
        for probe in make(world, method, route, described)
    ]
    yield from walk(world, (probe for index, probe in enumerate(found) if index % share == 0))


def _send(world: World, method: str, route: Route, *, path: str = "", body: Any = None, **headers: str) -> Any:
    good = route.body(method) or BODIES_BY_LOG_IN.get(route.name) if method in ("POST", "PUT", "PATCH") else None
    if method != "POST" and "if_match" not in headers:
        headers["if_match"] = "*"
    client = world.client(method, route)
    return client.send(method, path or route.path(world.row(route)), good if body is None else body, **headers)


def _queries(world: World, method: str, route: Route, described: Mapping[str, Any]) -> Iterator[Probe]:
    path = route.path(world.row(route))
    known = [each["name"] for each in described.get("parameters", []) if each["in"] == "query"]
    inputs = {f"{name}={label}": (f"{name}={value}", name) for name in known for label, value in MALFORMED.items()}
    inputs |= {
        case.id: (case.payload, case.payload.partition("=")[0]) for case in cases_of("GET list") if case.kind == "query"
    }
    inputs |= {f"{name} twice": (f"{name}=a&{name}=a", name) for name in known}
    for label, (query, name) in inputs.items():
        yield Probe(
            f"{method} {route.path('{id}')} ?",
            label,
            send=partial(_send, world, method, route, path=f"{path}?{query}"),
            judge=partial(_judge_query, world, name, known),
        )


def _judge_query(world: World, name: str, known: list[str], response: Any) -> tuple[Any, str]:
    return _listed(world, response), _wrong_query(response, name, known)


def _wrong_query(response: Any, name: str, known: list[str]) -> str:
    if response.status_code < 300:
        return "" if name in known else "taken, though the operation knows no such parameter"
    if response.status_code not in (400, 404):
        return f"refused with {response.status_code}"
    errors = problem_of(response).get("errors", {})
    return "" if response.status_code == 404 or list(errors) == [name] else f"the refusal names {list(errors)}"


def _listed(world: World, response: Any) -> Any:
    """What a list holds, in its order; nothing of any other answer."""
    if response.status_code != 200 or response.streaming or not isinstance(found := response.json(), dict):
        return None
    rows = found.get("results")
    return (
        [world.canonical(json.dumps(row, sort_keys=True).encode()) for row in rows] if isinstance(rows, list) else None
    )


def _addresses(world: World, method: str, route: Route, described: Mapping[str, Any]) -> Iterator[Probe]:
    if not route.has_row:
        return
    inputs = {case.id: case.payload for case in cases_of("GET /threads/{id}")}
    inputs |= {label: value for label, value in MALFORMED.items() if value}
    inputs |= {f"their {kind}": pk for kind, pk in vars(world.other).items() if pk}
    inputs |= {
        "in braces": "%7B01890000-0000-7000-8000-000000000001%7D",
        "urn": "urn:uuid:01890000-0000-7000-8000-000000000001",
    }
    inputs |= {"no dashes": "01890000000070008000000000000001", "slash": "a%2Fb", "line": "%0D%0AX-Evil:%201"}
    for label, value in inputs.items():
        yield Probe(
            f"{method} {route.path('{id}')} {{id}}",
            label,
            send=partial(_send, world, method, route, path=route.path(value)),
            judge=lambda response: (None, _unless(response, {404, 400} if "%2F" in route.path("{id}") else {404})),
        )


def _headers(world: World, method: str, route: Route, described: Mapping[str, Any]) -> Iterator[Probe]:
    known = {each["name"].lower() for each in described.get("parameters", []) if each["in"] == "header"}
    for name, inputs in HEADERS.items():
        for label, (value, statuses) in inputs.items() if name in known else ():
            yield _header_probe(world, method, route, f"{name} {label}", statuses, **{name.replace("-", "_"): value})
    for case in cases_of("Authorization"):
        value = "" if case.payload is None else case.value
        if world.client(method, route) is world.root:
            continue
        yield _header_probe(world, method, route, case.id, frozenset({401, 400}), authorization=value)
    for label, value in {"latin": "\xe9", "line": "a b", "long": "x" * 5000, "nul": "a%00"}.items():
        yield _header_probe(world, method, route, f"x-request-id {label}", None, x_request_id=value)
        yield _header_probe(world, method, route, f"parley-organization {label}", None, parley_organization=value)
    for case in cases_of("Accept"):
        yield _header_probe(world, method, route, case.id, frozenset(map(int, case.statuses)), accept=case.payload)
    for case in cases_of("Host"):
        yield _header_probe(world, method, route, case.id, frozenset(map(int, case.statuses)), host=case.payload)


def _header_probe(
    world: World, method: str, route: Route, label: str, statuses: frozenset[int] | None, **headers: str
) -> Probe:
    return Probe(
        f"{method} {route.path('{id}')} header",
        label,
        send=lambda: _send(world, method, route, **headers),
        judge=lambda response: (None, "" if statuses is None else _unless(response, statuses)),
    )


def _bodies(world: World, method: str, route: Route, described: Mapping[str, Any]) -> Iterator[Probe]:
    if method not in ("POST", "PUT", "PATCH"):
        return
    for case in all_cases():
        if case.kind == "body":
            yield _body_probe(world, method, route, case.id, {400}, body=case.raw)
    for case in cases_of("Content-Type"):
        if "requestBody" in described:
            statuses = set(map(int, case.statuses))
            yield _body_probe(world, method, route, case.id, statuses, content_type=case.payload or "")


def _body_probe(world: World, method: str, route: Route, label: str, statuses: set[int], **sent: Any) -> Probe:
    return Probe(
        f"{method} {route.path('{id}')} body",
        label,
        send=lambda: _send(world, method, route, **sent),
        judge=lambda response: (None, _unless(response, statuses)),
    )


def _surplus(world: World, method: str, route: Route, described: Mapping[str, Any]) -> Iterator[Probe]:
    """Members that only the server sets, in every body."""
    if method not in ("POST", "PUT", "PATCH"):
        return
    for case in all_cases():
        if not case.fields[0].startswith("extra:"):
            continue
        name = case.fields[0].removeprefix("extra:")
        yield Probe(
            f"{method} {route.path('{id}')} +{name}",
            case.id,
            send=partial(_send, world, method, route, body=_with(method, route, name, case)),
            judge=partial(_judge_surplus, name),
        )


def _with(method: str, route: Route, name: str, case: Case) -> dict[str, Any]:
    good = route.body(method) or BODIES_BY_LOG_IN.get(route.name) or {}
    return {**good, name: case.value}


def _judge_surplus(name: str, response: Any) -> tuple[Any, str]:
    if response.status_code != 400:
        return None, f"answered with {response.status_code}"
    errors = problem_of(response).get("errors", {})
    names_it = errors and all(path.partition(".")[0] == name for path in errors)
    return None, "" if names_it else f"the refusal names {list(errors)}"


def _unless(response: Any, statuses: set[int] | frozenset[int]) -> str:
    return "" if response.status_code in statuses else f"answered with {response.status_code}, not {sorted(statuses)}"
