"""The bases of the admin's pages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponseRedirect

from core.admin.fields import ExactCharField
from core.admin.pages import UncountedChangeList, UncountedPaginator
from core.errors import DomainError


class BaseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Lists without a count of the whole table, filters only by what is offered, and texts taken exactly.

    What belongs to no organization is for platform administrators alone; the permissions of Django, which know no
    organization, count for nothing. `list_columns` names the columns that a list reads, all of them when it is empty.
    """

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_columns: ClassVar[tuple[str, ...]] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_platform_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_platform_administrator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_platform_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_platform_administrator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_platform_administrator(request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UncountedChangeList]:
        return UncountedChangeList

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Any:
        """The history of a row is paged by Django's own view, which needs a count; it is a short list."""
        pages = UncountedPaginator if queryset.model is self.model else Paginator
        return pages(queryset, *args, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Django lets a query string filter by any column with any operator, at any cost; here only filters do."""
        return "\x00" not in str(value) and lookup in self._filter_parameters(request)

    def _filter_parameters(self, request: HttpRequest | None) -> set[str]:
        names: set[str] = set()
        listed: Any = self.list_filter if request is None else self.get_list_filter(request)
        for each in listed:
            if hasattr(each, "parameter_names"):
                names.update(each.parameter_names())
            elif hasattr(each, "parameter_name"):
                names.add(each.parameter_name)
            else:
                field = each[0] if isinstance(each, tuple) else each
                names.update(f"{field}__{operator}" for operator in ("exact", "isnull", "isempty"))
        return names

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Django comes back here without the filters that it could not read; that is said, for it widens the list."""
        if ERROR_FLAG in request.GET and request.method == "GET":
            message = "The address asked for something that this list does not have. The list is shown without it."
            self.message_user(request, message, messages.WARNING)
        return super().changelist_view(request, extra_context)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if "\x00" in search_term:
            return queryset.none(), False
        return super().get_search_results(request, queryset, search_term)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if type(db_field) in (models.TextField, models.CharField):
            kwargs.setdefault("form_class", ExactCharField)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _log(request, [obj], ADDITION, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return _log(request, [obj], CHANGE, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return _log(request, queryset, DELETION, "")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Django looks for the row before it asks for the permission, and so tells which rows there are."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """A change that the domain refuses after the form was found right is undone and told."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            self.message_user(request, _explained(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """A deletion that the domain refuses is told on the page of the row."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as error:
            self.message_user(request, _explained(error), messages.ERROR)
            return HttpResponseRedirect("../change/")


def _log(request: HttpRequest, rows: Iterable[models.Model], flag: int, message: Any) -> list[Any]:
    """Write the pages' own history by ids alone: a name or a title in it would outlive the row that it was of."""
    person: Any = request.user
    return [
        LogEntry.objects.create(
            user_id=person.pk,
            content_type=get_content_type_for_model(row),
            object_id=row.pk,
            object_repr=str(row.pk),
            action_flag=flag,
            change_message=json.dumps(message) if isinstance(message, list) else message,
        )
        for row in rows
    ]


def _is_platform_administrator(request: HttpRequest) -> bool:
    return request.user.is_active and getattr(request.user, "is_superuser", False) is True


def clock_time(moment: datetime) -> str:
    """Return a moment as lists show it: to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _explained(error: DomainError) -> str:
    reasons = [reason for each in error.errors.values() for reason in each]
    return " ".join(reasons) or f"{error.title} {error.detail}"


class ReadOnlyAdmin(BaseAdmin):
    """Rows that are looked at and not changed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BaseInline(admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    extra = 0
