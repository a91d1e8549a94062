"""Pages of a list without `COUNT(*)`: one row more than fits on the page tells whether there is a next one."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import InvalidPage, Page, Paginator
from django.http import HttpRequest

MAX_PAGE = 10_000
"""The database walks over all rows before a page, so there is a last one that may be asked for."""


class UncountedPage(Page):  # type: ignore[type-arg]  # generic only for the type checker
    """A page that knows whether another one follows."""

    def __init__(self, object_list: Any, number: int, paginator: UncountedPaginator, *, has_next: bool) -> None:
        super().__init__(object_list, number, paginator)
        self._has_next = has_next

    def has_next(self) -> bool:
        return self._has_next

    def next_page_number(self) -> int:
        return self.number + 1

    def previous_page_number(self) -> int:
        return self.number - 1


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # generic only for the type checker
    """Reads a page and one row more; a page behind the last row raises `InvalidPage`."""

    def validate_number(self, number: Any) -> int:
        if not str(number).isascii() or not str(number).isdigit() or not 1 <= int(number) <= MAX_PAGE:
            raise InvalidPage("There is no such page.")
        return int(number)

    def page(self, number: Any) -> UncountedPage:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        if not rows and number > 1:
            raise InvalidPage("There is no such page.")
        return UncountedPage(rows[: self.per_page], number, self, has_next=len(rows) > self.per_page)

    @cached_property
    def count(self) -> int:
        raise NotImplementedError("The rows of this list are not counted.")


class UncountedChangeList(ChangeList):
    """A list that shows where its page lies and which pages are next to it, in `uncounted`."""

    def get_results(self, request: HttpRequest) -> None:
        paginator = self.model_admin.get_paginator(request, self._narrow_queryset(), self.list_per_page)
        try:
            page = cast("UncountedPage", paginator.page(self.page_num))
        except InvalidPage:
            raise IncorrectLookupParameters from None
        self.uncounted = self._links(page)
        self.result_list = page.object_list
        self.result_count = self.full_result_count = len(page.object_list)
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = page.has_other_pages()
        self.paginator = paginator

    def _narrow_queryset(self) -> Any:
        """Only the columns that the list shows: a list never reads what rows say."""
        columns = getattr(self.model_admin, "list_columns", ())
        if not columns:
            return self.queryset
        related = self.list_select_related if isinstance(self.list_select_related, list | tuple) else ()
        return self.queryset.select_related(None).select_related(*related).only(*columns)

    def _links(self, page: UncountedPage) -> dict[str, Any]:
        start = (page.number - 1) * self.list_per_page
        has_previous = page.has_previous()
        return {
            "number": page.number,
            "first_row": start + 1,
            "last_row": start + len(page.object_list),
            "is_only": not page.has_other_pages(),
            "first": self.get_query_string({PAGE_VAR: None}) if has_previous else "",
            "previous": self.get_query_string({PAGE_VAR: page.number - 1}) if has_previous else "",
            "next": self.get_query_string({PAGE_VAR: page.number + 1}) if page.has_next() else "",
        }
