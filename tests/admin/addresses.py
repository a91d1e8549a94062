"""The address of every page of the admin, as the resolver and the registry know it."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, URLResolver, reverse

from tests.admin.canaries import CANARY, Aviary, registered_models


def patterns(entries: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for each in entries:
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns)
        else:
            yield each


def places() -> list[tuple[str, tuple[str, ...]]]:
    """The name of every page of the admin, and the names of what its address is made of."""
    found = [each for each in patterns(list(admin.site.urls[0])) if each.name]
    return [(str(each.name), tuple(each.pattern.converters)) for each in found]


FOREIGN_NAMES = {"auth_user_password_change": "accounts_user_password_change"}
"""Pages that Django names after its own model instead of ours."""

OTHER_PLACES = {"index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n"}
ON_THEIR_OWN = {"view_on_site"}
"""Pages with a test of their own."""


def unnamed_routes() -> set[str]:
    return {str(each.pattern) for each in patterns(list(admin.site.urls[0])) if not each.name}


def model_of(name: str) -> type[Model] | None:
    """The model whose page this is, by the longest name that fits."""
    known = FOREIGN_NAMES.get(name, name)
    fits = [each for each in registered_models() if known.startswith(prefix_of(each))]
    return max(fits, key=lambda each: len(prefix_of(each)), default=None)


def prefix_of(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_"


def pages(rows: Aviary, *, word: str = CANARY) -> Iterator[str]:
    """The address of every page, with the id of a row where one belongs, and of each list as it looks for a word."""
    for name, arguments in places():
        model = model_of(name)
        if len(arguments) == 1 and model is not None:
            address = reverse(f"admin:{name}", args=[rows.row(model).pk])
            yield from (address, f"{address}?_to_field=id")
        elif not arguments and model is not None:
            address = reverse(f"admin:{name}")
            yield from (address, f"{address}?q={word}", f"{address}?_popup=1", f"{address}?_to_field=id")
            yield from (f"{address}?q={rows.row(model).pk}", f"{address}?organization={rows.organization.slug}")
        elif name == "app_list":
            yield from {reverse("admin:app_list", args=[each._meta.app_label]) for each in registered_models()}
        elif name in OTHER_PLACES:
            yield reverse(f"admin:{name}")
        else:
            assert name in ON_THEIR_OWN, f"the test does not know how to open {name} with {arguments}"
