"""The tenant choke point: rows of one organization, chosen in one place."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar, cast

from django.db import connections
from django.db.models import Field, Model, QuerySet
from django.db.models.sql import UpdateQuery

from core.access import Actor

M_co = TypeVar("M_co", bound=Model, covariant=True)


class TenantQuerySet(QuerySet[M_co]):
    """A QuerySet over rows that belong to an organization.

    `domain_path` is the lookup of the row's domain. Rows of a table without one belong to the organization as a whole:
    an actor who is narrowed to a domain sees none of them.
    """

    domain_path: ClassVar[str | None] = None

    def visible_to(self, actor: Actor) -> Self:
        rows = self.filter(organization_id=actor.organization_id)
        if actor.domain_id is None:
            return rows
        return rows.none() if self.domain_path is None else rows.filter(**{self.domain_path: actor.domain_id})

    def update_returning(self, changes: dict[str, Any], *columns: str) -> list[tuple[int | None, ...]]:
        """Update the matching rows by one `UPDATE … RETURNING` and return the named integer columns of each.

        Django 5.2 has no RETURNING on updates. The statement is Django's own, so that `F()` expressions and the
        adaptation of values are those of `update()`; both SQLite (3.35) and PostgreSQL know the clause.
        """
        query = self.query.chain(UpdateQuery)
        query.add_update_values(changes)  # type: ignore[attr-defined]
        query.clear_ordering(force=True)
        connection = connections[self.db]
        sql, params = query.get_compiler(self.db).as_sql()
        fields = [cast("Field[Any, Any]", self.model._meta.get_field(name)) for name in columns]
        names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
        with connection.cursor() as cursor:
            cursor.execute(f"{sql} RETURNING {names}", params)
            return list(cursor.fetchall())


class TrashableQuerySet(TenantQuerySet[M_co]):
    """Tenant rows of which some lie in the trash."""

    def active(self) -> Self:
        return self.filter(trashed_at=None)

    def in_trash(self) -> Self:
        return self.filter(trashed_at__isnull=False)
