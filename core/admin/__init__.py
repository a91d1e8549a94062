"""What every admin page of Parley shares: lists without counts, filters of bounded cost, and strict form fields."""

from core.admin.base import BaseAdmin, BaseInline, ReadOnlyAdmin, clock_time
from core.admin.fields import ExactCharField, JSONFormField
from core.admin.filters import DateFilter, Suggestion, TrashFilter, ValueFilter
from core.admin.pages import UncountedChangeList, UncountedPaginator

__all__ = [
    "BaseAdmin",
    "BaseInline",
    "DateFilter",
    "ExactCharField",
    "JSONFormField",
    "ReadOnlyAdmin",
    "Suggestion",
    "TrashFilter",
    "UncountedChangeList",
    "UncountedPaginator",
    "ValueFilter",
    "clock_time",
]
