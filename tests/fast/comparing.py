"""One request by both ways, and what its answer is as a value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any
from urllib.parse import urlsplit

from tests.client import ApiClient
from tests.fast.ways import long_way, short_way

OWN = frozenset({"X-Request-ID", "Content-Length"})
"""Headers that are of one answer alone: an id made for it, and the length of a number's spelling."""

Answer = tuple[int, dict[str, str], str]


def answer_of(response: Any) -> Answer:
    """Status, headers, and the body with its members in their order and its numbers in one spelling."""
    headers = {name: value for name, value in response.headers.items() if name not in OWN}
    return response.status_code, headers, json.dumps(json.loads(response.content))


def by_long_way(api: ApiClient, address: str) -> Answer:
    with long_way():
        return answer_of(api.get(address))


def alike(api: ApiClient, address: str, *, is_plain: bool = True) -> dict[str, Any]:
    """Get a page, by the short way if it `is_plain`; fails unless the long way says the same."""
    with short_way() if is_plain else nullcontext():
        found = answer_of(api.get(address))
    assert found == by_long_way(api, address)
    document: dict[str, Any] = json.loads(found[2])
    return document


def walk(api: ApiClient, address: str, direction: str = "next", *, is_plain: bool = True) -> Iterator[dict[str, Any]]:
    """Yield the pages from an address on, each compared; the links lead from one to the other."""
    link: str | None = address
    while link:
        page = alike(api, link, is_plain=is_plain)
        yield page
        link = page[direction]


def round_trip(api: ApiClient, address: str, *, is_plain: bool = True) -> tuple[list[str], list[str]]:
    """The ids of a list, read from the first page to the last and from there back to the first."""
    pages = list(walk(api, address, is_plain=is_plain))
    last = pages[-2]["next"] if len(pages) > 1 else address
    back = list(walk(api, last, "previous", is_plain=is_plain))
    assert urlsplit(last).path == urlsplit(address).path
    return _ids(pages), _ids(back[::-1])


def _ids(pages: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for page in pages for row in page["results"]]
