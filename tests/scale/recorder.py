"""Records what requests ask of the database, and says which of it would not stay within one organization's shard."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection

from core.logs import request_id
from tests.scale.statements import names_organization, organizations_in, parameters_of, shape_of, tables_of

OUTSIDE_OF_REQUESTS = "-"


class Recorder:
    """An execute wrapper; statements that a test itself sends, outside of requests, are not its business."""

    def __init__(self) -> None:
        self.nameless: Counter[str] = Counter()
        """Shapes of statements on tenant rows that name no organization."""
        self.organizations: dict[str, set[UUID]] = defaultdict(set)
        """The organizations that each request has named."""

    def __call__(self, execute: Any, sql: Any, parameters: Any, many: bool, context: Any) -> Any:
        request = request_id.get()
        if request != OUTSIDE_OF_REQUESTS and isinstance(sql, str) and tables_of(sql):
            self._record(request, sql, parameters, many=many)
        return execute(sql, parameters, many, context)

    def _record(self, request: str, sql: str, parameters: Any, *, many: bool) -> None:
        if not names_organization(sql):
            self.nameless[shape_of(sql)] += 1
            return
        for each in parameters_of(sql, parameters, many=many):
            self.organizations[request].update(organizations_in(sql, each))


@contextmanager
def recorded() -> Iterator[Recorder]:
    recorder = Recorder()
    with connection.execute_wrapper(recorder):
        yield recorder
