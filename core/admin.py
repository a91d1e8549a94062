"""What every admin page of Parley shares."""

from __future__ import annotations

from django.contrib import admin


class BaseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Lists without a count of the whole table."""

    show_full_result_count = False
    list_per_page = 50


class BaseInline(admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    extra = 0
