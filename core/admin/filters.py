"""Filters whose cost does not grow with the table: nothing reads all values of a column to offer them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib.admin import ListFilter, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that a filter offers, and how it is named."""

    value: str
    label: str


class ValueFilter(ListFilter):
    """Rows with exactly this value: some values are offered as links, any other can be written.

    A subclass states `parameter_name`, the `lookup`, and `suggestions()` at a bounded cost: only values of rows that
    the person who asks may see.
    """

    parameter_name: ClassVar[str]
    lookup: ClassVar[str] = ""
    placeholder: ClassVar[str] = "exact value"
    template = "admin/value_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        given = params.pop(self.parameter_name, None)
        self.value: str = given[-1] if given else ""

    def suggestions(self) -> list[Suggestion]:
        raise NotImplementedError

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.lookup: self.value}) if self.value else queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        offered = self.suggestions()
        if self.value and self.value not in [each.value for each in offered]:
            offered.insert(0, Suggestion(self.value, self.value))
        yield self._choice(changelist, Suggestion("", "All"))
        for each in offered:
            yield self._choice(changelist, each)
        # The template reads the rest of the query string off the filter.
        self.other_parameters = _other_parameters(changelist, [self.parameter_name])

    def _choice(self, changelist: Any, offered: Suggestion) -> dict[str, Any]:
        link = changelist.get_query_string({self.parameter_name: offered.value or None})
        return {"selected": self.value == offered.value, "query_string": link, "display": offered.label}


class DateFilter(ListFilter):
    """Rows whose moment lies between two days, both included, in UTC."""

    title = "last change"
    column: ClassVar[str] = "updated_at"
    parameter_prefix: ClassVar[str] = "changed"
    template = "admin/date_filter.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.from_name, self.until_name = self.parameter_names()
        self.first = _day(params.pop(self.from_name, None))
        self.last = _day(params.pop(self.until_name, None))

    @classmethod
    def parameter_names(cls) -> tuple[str, str]:
        return f"{cls.parameter_prefix}_from", f"{cls.parameter_prefix}_until"

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.from_name, self.until_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.first:
            queryset = queryset.filter(**{f"{self.column}__gte": _beginning(self.first)})
        if self.last:
            queryset = queryset.filter(**{f"{self.column}__lt": _beginning(self.last + timedelta(days=1))})
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        today = timezone.now().date()
        offered = [("Any day", None), ("Today", 0), ("Past 7 days", 6), ("Past 30 days", 29), ("Past year", 364)]
        for label, days in offered:
            first = None if days is None else today - timedelta(days=days)
            link = changelist.get_query_string({self.from_name: first, self.until_name: None})
            selected = self.first == first and self.last is None
            yield {"selected": selected, "query_string": link, "display": label}
        self.other_parameters = _other_parameters(changelist, [self.from_name, self.until_name])


def _day(given: list[str] | None) -> date | None:
    if not given or not given[-1]:
        return None
    try:
        found = date.fromisoformat(given[-1])
    except ValueError:
        raise IncorrectLookupParameters("Give a day as YYYY-MM-DD.") from None
    if not 1 < found.year < 9999:
        raise IncorrectLookupParameters("There is nothing that day.")
    return found


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _other_parameters(changelist: Any, names: list[str]) -> list[tuple[str, str]]:
    """The query string without the filter's own parameters, for the hidden fields of its form."""
    left_out = {*names, PAGE_VAR}
    return [
        (name, value) for name, values in changelist.filter_params.items() if name not in left_out for value in values
    ]


class TrashFilter(SimpleListFilter):
    """Rows outside the trash, unless asked otherwise."""

    title = "trash"
    parameter_name = "trash"
    outside = "Not in the trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("only", "In the trash"), ("with", "Everything")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": self.outside}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "with":
            return queryset
        return queryset.filter(trashed_at__isnull=value != "only")
