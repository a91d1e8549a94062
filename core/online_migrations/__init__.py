"""Operations for migrations that run beside a working server, on both databases (see docs/upgrades.md).

They stand in migrations with `atomic = False`. Migrations may import them, and nothing else of the project: what an
operation does to a database must stay as it is once a migration uses it.
"""

from core.online_migrations.backfills import Backfill
from core.online_migrations.columns import AddFieldOnline, DropForgottenColumn, ForgetField
from core.online_migrations.constraints import AddConstraintOnline
from core.online_migrations.indexes import AddIndexOnline, RemoveIndexOnline

__all__ = [
    "AddConstraintOnline",
    "AddFieldOnline",
    "AddIndexOnline",
    "Backfill",
    "DropForgottenColumn",
    "ForgetField",
    "RemoveIndexOnline",
]
