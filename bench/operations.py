"""What is measured: one kind of request each, in the words of either server, and how its answer is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from uuid import UUID

from bench import corpus

BATCH = 100
READ = 50
LIST = 20
BODIES = 20
"""Different messages that the clients send by turns."""


class WrongAnswer(Exception):
    """A server answered something else than what was asked for: measuring it would be worth nothing."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`paths` by product, `{thread}` stands for the id of a thread; a product without a path is left out."""

    name: str
    title: str
    paths: Mapping[str, str]
    messages: int = 0
    """How many messages a request carries: 0 for GET."""

    def bodies(self, product: str) -> list[str]:
        if not self.messages:
            return []
        if self.messages == 1:
            return [json.dumps(body) for body in corpus.bodies(BODIES)]
        batch = corpus.bodies(self.messages)
        return [json.dumps({"messages": batch} if product == "parley" else batch)]


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation(
            "append",
            "append one message",
            {"parley": "/api/threads/{thread}/messages", "peer": "/api/threads/{thread}/messages"},
            messages=1,
        ),
        Operation(
            "read",
            f"read the last {READ} messages",
            {
                "parley": f"/api/threads/{{thread}}/messages?limit={READ}&order=desc",
                "peer": f"/api/threads/{{thread}}/messages?limit={READ}",
            },
        ),
        Operation(
            "list",
            f"list {LIST} threads",
            {"parley": f"/api/threads?limit={LIST}", "peer": f"/api/threads?limit={LIST}"},
        ),
        Operation(
            "batch",
            f"append a batch of {BATCH}",
            {"parley": "/api/threads/{thread}/messages/batch", "peer": "/api/threads/{thread}/messages/bulk"},
            messages=BATCH,
        ),
        Operation("key", "check a key", {"parley": "/api/me"}),
    )
}


class Client:
    """One connection to a server, for the few requests whose answers are looked at."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Accept": "application/json", **headers}

    def __call__(self, path: str, body: str | None = None) -> tuple[int, Any]:
        """Return status and the JSON that was answered; with a body it is a POST."""
        headers = self._headers | ({"Content-Type": "application/json"} if body is not None else {})
        self._connection.request("GET" if body is None else "POST", path, body=body, headers=headers)
        response = self._connection.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def close(self) -> None:
        self._connection.close()


def verify(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    """Make the request once and compare the answer with what has to be there. Raises `WrongAnswer`."""
    try:
        CHECKS[operation.name](operation, product, client, thread)
    except WrongAnswer as error:
        raise WrongAnswer(f"{product}, {operation.title}: {error}") from None


def _path(operation: Operation, product: str, thread: UUID) -> str:
    return operation.paths[product].replace("{thread}", str(thread))


def _rows(product: str, answer: Any) -> list[dict[str, Any]]:
    """The rows of a list, messages oldest first and threads newest first."""
    rows: list[dict[str, Any]] = answer["results"] if product == "parley" else answer
    return rows


def _last_messages(product: str, client: Client, thread: UUID) -> list[dict[str, Any]]:
    status, answer = client(_path(OPERATIONS["read"], product, thread))
    _expect("status of reading", status, 200)
    rows = _rows(product, answer)
    return rows[::-1] if product == "parley" else rows


def _check_append(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    text = operation.bodies(product)[0]
    status, answer = client(_path(operation, product, thread), text)
    _expect("status", status, 201)
    last = _last_messages(product, client, thread)[-1]
    _expect("id of the last message", last["id"], answer["id"])
    _expect("what was stored", _said(last), json.loads(text))


def _check_batch(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    [text] = operation.bodies(product)
    status, _answer = client(_path(operation, product, thread), text)
    _expect("status", status, 201)
    sent = json.loads(text)
    sent = sent["messages"] if product == "parley" else sent
    found = [_said(row) for row in _last_messages(product, client, thread)]
    # Messages of one batch have the same time, which is all that the peer can sort them by.
    _expect("what was stored", _in_order(product, found), _in_order(product, sent[-READ:]))


def _check_read(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    rows = _last_messages(product, client, thread)
    _expect("number of messages", len(rows), READ)
    times = [row["created_at"] for row in rows]
    _expect("order by time", times, sorted(times))
    if product == "parley":
        places = [row["position"] for row in rows]
        _expect("positions", places, list(range(places[0], places[0] + READ)))


def _check_list(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    status, answer = client(_path(operation, product, thread))
    _expect("status", status, 200)
    rows = _rows(product, answer)
    _expect("number of threads", len(rows), LIST)
    _expect("threads of strangers", [row["id"] for row in rows if row["id"] == str(corpus.STRANGERS)], [])
    times = [row["updated_at"] for row in rows]
    _expect("newest first", times, sorted(times, reverse=True))


def _check_key(operation: Operation, product: str, client: Client, thread: UUID) -> None:
    status, _answer = client(_path(operation, product, thread))
    _expect("status", status, 200)


CHECKS: dict[str, Callable[[Operation, str, Client, UUID], None]] = {
    "append": _check_append,
    "batch": _check_batch,
    "read": _check_read,
    "list": _check_list,
    "key": _check_key,
}


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("role", "content", "artifact_data", "metadata")}


def _in_order(product: str, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return messages if product == "parley" else sorted(messages, key=json.dumps)


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise WrongAnswer(f"{what}: {found!r} instead of {wanted!r}")
