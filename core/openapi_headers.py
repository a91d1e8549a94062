"""The headers of requests and answers in the OpenAPI document: an operation gets them by what it is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

BODY_METHODS = ("POST", "PUT", "PATCH")

REQUEST_HEADERS = {
    "Idempotency-Key": "Any text of 1 to 255 printable ASCII characters; a repeated request is answered once.",
    "If-None-Match": "ETag of the version that is known; while it is current the answer is 304.",
    "Parley-Organization": "With a log-in: the slug of the organization to act in, for members of several.",
}

_TAG = r'(W/)?"[!#-~]*"'
PATTERNS = {
    "Idempotency-Key": "^[ -~]{1,255}$",
    "If-Match": rf"^(\*|{_TAG}(, ?{_TAG})*)$",
    "If-None-Match": rf"^(\*|{_TAG}(, ?{_TAG})*)$",
}

IF_MATCH = {
    "PUT": "ETag of the version to replace; required.",
    "PATCH": "ETag of the version to change.",
    "DELETE": "ETag of the version to delete.",
    "POST": "ETag of the version to act on.",
}

ACTIONS_ON_VERSIONS = frozenset({"restore", "end", "rotate", "test"})
"""What a POST does to one row; it may name the version."""

ETAG = "Version of the row, to be sent as If-Match or If-None-Match."
RETRY_AFTER = "Seconds after which the request may be sent again."
TAGGED_BY = ("version", "hash")
"""Members of a row that tell its version: an answer with one carries an entity tag."""


def reads_if_match(method: str, action: str) -> bool:
    """Whether an operation takes `If-Match`, and so may answer 412."""
    return method in ("PUT", "PATCH", "DELETE") or action in ACTIONS_ON_VERSIONS


def request_headers(method: str, action: str, *, can_be_unchanged: bool) -> list[OpenApiParameter]:
    """The headers that an operation reads."""
    named = {}
    if method == "POST":
        named["Idempotency-Key"] = REQUEST_HEADERS["Idempotency-Key"]
    if reads_if_match(method, action):
        named["If-Match"] = IF_MATCH[method]
    if can_be_unchanged:
        named["If-None-Match"] = REQUEST_HEADERS["If-None-Match"]
    named["Parley-Organization"] = REQUEST_HEADERS["Parley-Organization"]
    return [
        OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.HEADER, description=text, pattern=PATTERNS.get(name))
        for name, text in named.items()
    ]


def response_headers(method: str, status: str, *, is_tagged: bool) -> dict[str, Any]:
    """The headers of an answer with this status; `is_tagged` where its body tells a version."""
    found = {"X-Request-ID": _header("Name of the request in the logs.", is_sure=True)}
    if is_tagged or status in ("304", "412"):
        found["ETag"] = _header(ETAG, is_sure=True)
    if status in ("429", "503", "507"):
        found["Retry-After"] = _header(RETRY_AFTER, kind="integer", is_sure=True)
    if status == "401":
        found["WWW-Authenticate"] = _header("How to prove who asks.", is_sure=True)
    if status < "300" and method == "POST":
        found["Idempotent-Replayed"] = _header("`true` when an earlier answer is given again.")
    if status < "300" and method in BODY_METHODS:
        found["Parley-Replaced-Characters"] = _header("How many characters `invalid_text=replace` put.", kind="integer")
    return found


def _header(text: str, *, kind: str = "string", is_sure: bool = False) -> dict[str, Any]:
    return {"description": text, "schema": {"type": kind}, **({"required": True} if is_sure else {})}
