"""A page of a list: compiled query, rows as the driver gives them, JSON text."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import DateTimeField, QuerySet, UUIDField
from rest_framework.request import Request

from core.access import Actor
from core.fast.queries import CompiledQuery, Places
from core.fast.shapes import RowShape
from core.fast.statements import Rows
from core.pagination import Cursor, KeysetPagination
from core.query import QueryParameters
from core.renderers import JSONRenderer
from core.replicas import reading_alias

PLAIN_PARAMETERS = frozenset({"limit", "cursor", "order"})


@dataclass(frozen=True, slots=True)
class AnyActor:
    """Stands for the actors of one kind while a query is compiled: their organization and domain are places."""

    organization_id: UUID
    domain_id: UUID | None


class _Form(NamedTuple):
    """All that makes the text of one page's query differ from another's."""

    limit: int
    descends: bool
    is_continued: bool
    is_narrowed: bool


Visible = Callable[[Any, Any], QuerySet[Any]]
"""Makes the QuerySet of what an actor sees below a parent row, by the actor and the parent's id."""

Computed = Callable[[Actor, Rows, Rows], Sequence[Iterable[str]] | None]


class FastList:
    """One list of a view, for requests that ask for nothing but a page of it.

    `visible` names the rows, below `parent_id` where the list lies below another row. `computed` makes the members
    that are no columns: it gets the page's rows and all that were read, and returns None where the long way is needed.
    A list below another row that turns out to be empty goes the long way too: that row may be missing.
    """

    def __init__(
        self,
        shape: RowShape,
        pagination: type[KeysetPagination],
        visible: Visible,
        *,
        has_parent: bool = False,
        computed: Computed | None = None,
    ) -> None:
        self.shape = shape
        self._pagination = pagination
        self._visible = visible
        self._has_parent = has_parent
        self._computed = computed
        self._query = CompiledQuery(self._build)
        self._edges = [shape.place(name) for name in pagination.fields]

    def page(self, request: Request, view: Any, actor: Actor, parent_id: UUID | None = None) -> bytes | None:
        """Return the answer, or None when the request needs the long way; raises `InvalidParameter`."""
        asked = request._request.GET
        if not PLAIN_PARAMETERS.issuperset(asked) or not isinstance(request.accepted_renderer, JSONRenderer):
            return None
        pages = self._pagination()
        cursor = pages.read(QueryParameters(request), request, self.shape.model, view)
        found = self._find(pages, cursor, actor, parent_id)
        rows = pages.page_of(list(found), cursor, self._edge)
        if not rows and self._has_parent:
            return None
        computed = () if self._computed is None else self._computed(actor, rows, found)
        if computed is None:
            return None
        return _answer(pages, self.shape.encode(rows, computed))

    def _find(self, pages: KeysetPagination, cursor: Cursor | None, actor: Actor, parent_id: UUID | None) -> Rows:
        is_narrowed = actor.domain_id is not None
        form = _Form(pages.limit, pages.descends(cursor), cursor is not None, is_narrowed)
        values = [actor.organization_id, *([actor.domain_id] if is_narrowed else [])]
        values += [parent_id] if self._has_parent else []
        return self._query.rows(form, [*values, *(cursor.values if cursor else ())], using=reading_alias())

    def _build(self, form: Hashable, places: Places) -> QuerySet[Any]:
        assert isinstance(form, _Form)
        actor = AnyActor(places.of(UUID), places.of(UUID) if form.is_narrowed else None)
        rows = self._visible(actor, places.of(UUID) if self._has_parent else None)
        values = [places.of(kind) for kind in self._kinds()] if form.is_continued else None
        cut = self._pagination.cut(rows, values, descends=form.descends, limit=form.limit)
        return self.shape.select(cut)

    def _kinds(self) -> list[type]:
        fields = [self.shape.model._meta.get_field(name) for name in self._pagination.fields]
        return [
            datetime if isinstance(field, DateTimeField) else UUID if isinstance(field, UUIDField) else int
            for field in fields
        ]

    def _edge(self, row: tuple[Any, ...]) -> tuple[str | int, ...]:
        return tuple(self.shape.plain(row, place) for place in self._edges)


def _answer(pages: KeysetPagination, results: list[str]) -> bytes:
    """The document of a page; addresses and cursors hold nothing that JSON escapes."""
    links = (f'"{link}"' if link else "null" for link in (pages.next_url, pages.previous_url))
    return '{{"next":{},"previous":{},"results":[{}]}}'.format(*links, ",".join(results)).encode()
