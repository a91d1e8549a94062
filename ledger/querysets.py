"""Sets of what happened and what it cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Model, Q

from core.querysets import TenantQuerySet

if TYPE_CHECKING:
    from ledger.models import AuditEntry, Budget, PriceOverride, UsageRecord  # noqa: F401  quoted below

M_co = TypeVar("M_co", bound=Model, covariant=True)


class AppendOnlyError(IntegrityError):
    """Rows of this table are added and never changed; the database would refuse it too."""

    def __init__(self, model: type[Model]) -> None:
        super().__init__(f"{model._meta.label} is append-only: its rows are neither changed nor deleted.")


class AppendOnlyQuerySet(TenantQuerySet[M_co]):
    """Rows that are added and read, and nothing else.

    A model that uses it as its base manager refuses to save a row that is there already as well.
    """

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnlyError(self.model)

    update = _update = update_returning = delete = bulk_update = update_or_create = _refuse


class AuditEntryQuerySet(AppendOnlyQuerySet["AuditEntry"]):
    def erase(self) -> int:
        """Delete the rows; the database lets go of them only where the erasure of their chain is written down."""
        return super(AppendOnlyQuerySet, self).delete()[0]


class UsageRecordQuerySet(TenantQuerySet["UsageRecord"]):
    domain_path = "domain_id"


class PriceOverrideQuerySet(TenantQuerySet["PriceOverride"]):
    """Rows of the organization as a whole: no domain has prices of its own."""


class BudgetQuerySet(TenantQuerySet["Budget"]):
    """Rows of the organization as a whole, also those that limit one domain of it."""

    def enabled(self) -> Self:
        return self.filter(is_active=True)

    def limiting(self, *, domain_ids: Iterable[UUID], agent_ids: Iterable[UUID]) -> Self:
        """Those of the whole organization, of the domains and of the agents."""
        whole = Q(domain_id=None, agent_id=None)
        return self.filter(whole | Q(domain_id__in=domain_ids) | Q(agent_id__in=agent_ids))
