"""Which part of a thread a reader looks at, as it stands in an address."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

MAX_POSITION = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a reader asks for: the active branch, the one that ends in `leaf`, or all; from position `page` on."""

    leaf: int | None = None
    shows_all: bool = False
    page: int = 1
    kept: tuple[tuple[str, str], ...] = ()
    """Parameters of the surrounding page that every link carries on."""

    @classmethod
    def of_query(cls, query: Mapping[str, str], *, keep: Collection[str] = ()) -> Self:
        """Read `?leaf=`, `?branches=all` and `?page=`; what cannot be meant is passed over."""
        leaf, page = _position(query.get("leaf")), _position(query.get("page"))
        shows_all = query.get("branches") == "all"
        kept = tuple((name, query[name]) for name in keep if name in query)
        return cls(leaf=None if shows_all else leaf, shows_all=shows_all, page=page or 1, kept=kept)

    def of_branch(self, leaf: int | None, *, shows_all: bool = False) -> Selection:
        """Return the beginning of another branch, None for the active one."""
        return replace(self, leaf=leaf, shows_all=shows_all, page=1)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query parameters of the branch, without the page."""
        branch = [("branches", "all")] if self.shows_all else []
        leaf = [] if self.leaf is None else [("leaf", str(self.leaf))]
        return [*self.kept, *branch, *leaf]

    def query(self, *, page: int = 1) -> str:
        """Return the query string of another page of the same branch."""
        place = [("page", str(page))] if page > 1 else []
        return f"?{urlencode([*self.parameters, *place])}"


def _position(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_POSITION)):
        return None
    return int(text) if 1 <= int(text) <= MAX_POSITION else None
