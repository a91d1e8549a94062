"""Which view an address of the API leads to, remembered for addresses that differ in nothing but their UUIDs."""

from __future__ import annotations

import re
from typing import Any

from django.urls import ResolverMatch, get_resolver

MAX_REMEMBERED = 1000

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PLACE = "\0"


class Addresses:
    """Finds what Django's resolver finds; a UUID is caught by the same groups as any other."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[ResolverMatch, dict[str, int]]] = {}

    def resolve(self, path: str) -> ResolverMatch:
        """Return the match; raises Django's Resolver404."""
        ids = _UUID.findall(path)
        shape = (_UUID.sub(_PLACE, path), len(ids)) if ids else (path, 0)
        known = self._known.get(shape)
        if known is None:
            return self._learn(path, shape, ids)
        found, places = known
        caught = {name: ids[place] for name, place in places.items()}
        apps: Any = found.app_names
        spaces: Any = found.namespaces
        return ResolverMatch(found.func, (), caught, found.url_name, apps, spaces, found.route, found.tried, caught)

    def _learn(self, path: str, shape: tuple[str, int], ids: list[str]) -> ResolverMatch:
        match = get_resolver().resolve(path)
        caught: dict[str, str] = match.kwargs
        # What does not exist has no name and no end of addresses: it would take the room of what does.
        is_plain = match.url_name is not None and not match.args and len(set(ids)) == len(ids)
        if is_plain and all(value in ids for value in caught.values()) and len(self._known) < MAX_REMEMBERED:
            self._known[shape] = match, {name: ids.index(value) for name, value in caught.items()}
        return match
