"""Values for rows that stood before their column came, in transactions that nobody notices."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState
from django.db.models import Q, QuerySet

from core.online_migrations.resumable import Resumable

BATCH_SIZE = 500


class Backfill(Resumable):
    """Set `values` (field: value or expression) in the rows that fit `where`, a batch to a transaction.

    Rows are taken in the order of their keys; begun again after a kill, it passes over those that no longer fit
    `where`. Between batches it rests for as long as the last one took: others get half of the time at least.
    Backwards it does nothing.
    """

    reversible = True

    def __init__(self, model_name: str, *, values: dict[str, Any], where: Q, batch_size: int = BATCH_SIZE) -> None:
        self.model_name, self.values, self.where, self.batch_size = model_name, values, where, batch_size

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        options = {"model_name": self.model_name, "values": self.values, "where": self.where}
        return type(self).__name__, [], {**options, "batch_size": self.batch_size}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Rows change, models do not."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self.refuse_transaction(schema_editor)
        alias = schema_editor.connection.alias
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(alias, model) or schema_editor.collect_sql:
            return
        rows: QuerySet[Any] = model._base_manager.using(alias).filter(self.where)
        last = self._fill(rows, rows)
        while last is not None:
            last = self._fill(rows, rows.filter(pk__gt=last))

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """The column itself goes, or keeps what it was given."""

    def describe(self) -> str:
        return f"Fill {', '.join(sorted(self.values))} of {self.model_name}"

    def _fill(self, rows: QuerySet[Any], rest: QuerySet[Any]) -> Any:
        """Set the values in the next batch and return its last key, None when it was the last batch."""
        started = time.monotonic()
        keys = list(rest.order_by("pk").values_list("pk", flat=True)[: self.batch_size])
        if keys:
            with transaction.atomic(using=rows.db):
                rows.filter(pk__in=keys).update(**self.values)
        if len(keys) < self.batch_size:
            return None
        time.sleep(time.monotonic() - started)
        return keys[-1]
