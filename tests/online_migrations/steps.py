"""Operations carried out on a database as a migration of a later release would."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

APP = "conversations"


class Release:
    """The models of a release, on from which operations lead to the next one."""

    def __init__(self, connection: BaseDatabaseWrapper, *, app: str = APP) -> None:
        self.connection = connection
        self.app = app
        self.state = ProjectState.from_apps(apps)

    def migrate(self, *operations: Operation, is_atomic: bool = False) -> None:
        """Carry operations out as one migration; after an error the models stay those of before."""
        before = self.state
        with self.connection.schema_editor(atomic=is_atomic) as editor:
            for operation in operations:
                after = before.clone()
                operation.state_forwards(self.app, after)
                operation.database_forwards(self.app, editor, before, after)
                before = after
        self.state = before

    def go_back(self, operation: Operation, to: ProjectState) -> None:
        """Take one operation back, which led on from `to`."""
        with self.connection.schema_editor(atomic=False) as editor:
            operation.database_backwards(self.app, editor, self.state, to)
        self.state = to

    def rows(self, model: str) -> Any:
        """The rows of a model as this release knows it."""
        return self.state.apps.get_model(self.app, model)._base_manager.using(self.connection.alias)
