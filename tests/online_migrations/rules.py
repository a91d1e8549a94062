"""Which operations may run while the release before is serving, on tables that hold much or little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import migrations
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import CheckConstraint

from core import online_migrations

LARGE = frozenset(
    {
        "accounts.idempotencyrecord",
        "conversations.feedback",
        "conversations.message",
        "conversations.thread",
        "conversations.tombstone",
        "ledger.auditentry",
        "ledger.usagerecord",
    }
)
"""Tables that grow with what is stored; to read one under a lock is to stop the service."""

ONLINE = tuple(getattr(online_migrations, name) for name in online_migrations.__all__)


@dataclass
class Moment:
    """The models as they are before an operation, and those whose tables the same migration has just made."""

    app: str
    state: ProjectState
    made: set[str] = field(default_factory=set)

    def label(self, operation: Any) -> str:
        return f"{self.app}.{getattr(operation, 'model_name', getattr(operation, 'name', '')).lower()}"

    def field(self, operation: Any) -> Any:
        return self.state.models[self.app, operation.model_name.lower()].get_field(operation.name)


def complaints(migration: Migration, before: ProjectState) -> list[str]:
    """What must not run beside the release before, operation by operation."""
    moment = Moment(migration.app_label, before.clone())
    found = list(_about_transactions(migration))
    altered: set[str] = set()
    for operation in migration.operations:
        label = moment.label(operation)
        judge = _JUDGES.get(type(operation), _unknown)
        if isinstance(operation, migrations.CreateModel):
            moment.made.add(label)
        elif label not in moment.made:
            place = f"{type(operation).__name__} {label}.{getattr(operation, 'name', '')}".rstrip(".")
            found += [f"{place}: {why}" for why in judge(operation, moment)]
            altered |= {label} & LARGE if judge is not _nothing else set()
        operation.state_forwards(migration.app_label, moment.state)
    if migration.atomic and len(altered) > 1:
        found.append(f"it keeps one large table locked while it waits for the next: {', '.join(sorted(altered))}")
    return found


def _about_transactions(migration: Migration) -> Iterator[str]:
    online = [isinstance(operation, ONLINE) for operation in migration.operations]
    if not migration.atomic and not all(online):
        yield "without a transaction, only operations of core.online_migrations can be begun again after a kill"
    if migration.atomic and any(online):
        yield "operations of core.online_migrations want atomic = False"


def _nothing(operation: Operation, moment: Moment) -> Iterator[str]:
    yield from ()


def _unknown(operation: Operation, moment: Moment) -> Iterator[str]:
    yield "these rules do not know it"


def _on_large(instead: str) -> Callable[[Any, Moment], Iterator[str]]:
    def judge(operation: Any, moment: Moment) -> Iterator[str]:
        if moment.label(operation) in LARGE:
            yield f"on a large table take {instead}"

    return judge


def _never(why: str) -> Callable[[Any, Moment], Iterator[str]]:
    def judge(operation: Any, moment: Moment) -> Iterator[str]:
        yield why

    return judge


def _added_field(operation: Any, moment: Moment) -> Iterator[str]:
    added = operation.field
    if not added.many_to_many and not added.null and not added.has_db_default():
        yield "the release before cannot insert: make it nullable, or give it a db_default"
    if moment.label(operation) in LARGE and not isinstance(operation, online_migrations.AddFieldOnline):
        yield "on a large table take AddFieldOnline"


def _altered_field(operation: Any, moment: Moment) -> Iterator[str]:
    before, after = moment.field(operation), operation.field
    if before.get_internal_type() != after.get_internal_type():
        yield "no column changes its type: add another one"
        return
    if (before.max_length or 0) > (after.max_length or 0):
        yield "a column does not become shorter"
    if before.null and not after.null:
        yield "the release before writes nulls"
    if moment.label(operation) in LARGE and _columns_differ(before, after):
        yield "SQLite makes the large table anew"


def _columns_differ(before: Any, after: Any) -> bool:
    """Whether more changes than what Python alone knows of."""
    told = []
    for each in (before, after):
        options = each.deconstruct()[3]
        told.append({name: value for name, value in options.items() if name not in (*each.non_db_attrs, "default")})
    return bool(told[0] != told[1])


def _added_constraint(operation: Any, moment: Moment) -> Iterator[str]:
    if moment.label(operation) in LARGE and isinstance(operation.constraint, CheckConstraint):
        yield "SQLite makes the large table anew for a CHECK"


def _dropped_column(operation: Any, moment: Moment) -> Iterator[str]:
    if moment.label(operation) in LARGE:
        yield "SQLite writes the large table anew: leave the column, it costs nothing"


_JUDGES: dict[type[Operation], Callable[[Any, Moment], Iterator[str]]] = {
    migrations.CreateModel: _nothing,
    migrations.AlterModelOptions: _nothing,
    migrations.AlterModelManagers: _nothing,
    migrations.AddField: _added_field,
    migrations.AlterField: _altered_field,
    migrations.AddIndex: _on_large("AddIndexOnline"),
    migrations.RemoveIndex: _on_large("RemoveIndexOnline"),
    migrations.AddConstraint: _on_large("AddConstraintOnline"),
    migrations.RemoveConstraint: _on_large("a release in which nobody needs it, and say so"),
    migrations.RemoveField: _never("the release before reads it: ForgetField, a release later DropForgottenColumn"),
    migrations.DeleteModel: _never("the release before reads it: delete it a release after the last use"),
    migrations.RenameField: _never("one of the two releases knows neither name: add, copy, forget"),
    migrations.RenameModel: _never("one of the two releases knows neither name"),
    migrations.AlterModelTable: _never("one of the two releases knows neither name"),
    migrations.RunPython: _never("code is judged by reading it: say why it is short, and safe to begin again"),
    migrations.RunSQL: _never("code is judged by reading it: say why it is short, and safe to begin again"),
    online_migrations.AddFieldOnline: _added_field,
    online_migrations.AddConstraintOnline: _added_constraint,
    online_migrations.AddIndexOnline: _nothing,
    online_migrations.RemoveIndexOnline: _nothing,
    online_migrations.Backfill: _nothing,
    online_migrations.ForgetField: _nothing,
    online_migrations.DropForgottenColumn: _dropped_column,
}
