"""What every admin page of Parley shares: lists without counts, filters of bounded cost, and strict form fields."""

from core.admin.base import BaseAdmin, BaseInline, ReadOnlyAdmin, clock_time
from core.admin.fields import ExactCharField, JSONFormField
from core.admin.filters import DateFilter, Suggestion, TrashFilter, ValueFilter
from core.admin.pages import UncountedChangeList, UncountedPaginator
from core.admin.tenants import OrganizationFilter, ReadOnlyTenantAdmin, TenantAdmin, scope_of

__all__ = [
    "BaseAdmin",
    "BaseInline",
    "DateFilter",
    "ExactCharField",
    "JSONFormField",
    "OrganizationFilter",
    "ReadOnlyAdmin",
    "ReadOnlyTenantAdmin",
    "Suggestion",
    "TenantAdmin",
    "TrashFilter",
    "UncountedChangeList",
    "UncountedPaginator",
    "ValueFilter",
    "clock_time",
    "scope_of",
]
