"""The addresses that belong to no app."""

from __future__ import annotations

import pytest
from django.contrib.staticfiles import finders
from django.test import Client


def test_front_page_leads_to_the_admin() -> None:
    response = Client().get("/")

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_browsers_find_an_icon() -> None:
    response = Client().get("/favicon.ico")

    assert (response.status_code, response["Location"]) == (302, "/static/parley/icon.svg")
    assert finders.find("parley/icon.svg") is not None


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere/"])
def test_unknown_page_is_not_found_or_asks_to_log_in(path: str) -> None:
    assert Client().get(path).status_code == (302 if path.startswith("/admin") else 404)
