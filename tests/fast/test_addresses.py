"""An address that is remembered leads where Django's resolver leads it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.urls import Resolver404, ResolverMatch, get_resolver

from core import addresses
from core.addresses import Addresses
from tests.api.routes import all_routes
from tests.fast.ways import database_free

pytestmark = database_free

ROUTES = all_routes()


def parts_of(match: ResolverMatch) -> tuple[object, ...]:
    """What views and the log read of a match."""
    return match.func, match.args, match.kwargs, match.url_name, match.namespaces, match.route, match.view_name


def assert_alike(found: Addresses, path: str) -> None:
    assert parts_of(found.resolve(path)) == parts_of(get_resolver().resolve(path))


@pytest.mark.parametrize("suffix", ["", "/"])
def test_every_route_is_found_again_under_other_ids(suffix: str) -> None:
    found = Addresses()
    for _ in range(3):
        for route in ROUTES:
            assert_alike(found, f"{route.path(uuid4())}{suffix}")

    assert len({route.template for route in ROUTES if route.has_row}) > 50


def test_a_match_is_not_changed_by_a_later_one() -> None:
    found = Addresses()
    ids = [str(uuid4()) for _ in range(3)]
    matches = [found.resolve(f"/api/threads/{pk}/messages") for pk in ids]

    assert [match.kwargs for match in matches] == [{"pk": pk} for pk in ids]


ODD_IDS = (
    "first",
    "0",
    "00000000-0000-0000-0000-000000000000",
    str(UUID(int=2**128 - 1)).upper(),
    f"x{UUID(int=1)}",
    f"{UUID(int=1)}x",
    f"a{UUID(int=1)}",
    f"{UUID(int=1)}{UUID(int=2)}",
    f"{UUID(int=1)}\0",
    "\0",
    "%00",
    "é",
    str(UUID(int=1)).replace("-", ""),
    str(UUID(int=1)).replace("1", "١"),
)


@pytest.mark.parametrize("pk", ODD_IDS, ids=ascii)
def test_an_odd_id_is_found_alike_before_and_after_others(pk: str) -> None:
    found = Addresses()
    for _ in range(2):
        assert_alike(found, f"/api/threads/{pk}/messages")
        assert_alike(found, f"/api/threads/{uuid4()}/messages")
        assert_alike(found, f"/api/threads/{pk}")


def test_unknown_addresses_lead_to_the_answer_for_them() -> None:
    found = Addresses()
    for path in ("/api/nothing", f"/api/nothing/{uuid4()}", f"/api/threads/{uuid4()}/nothing", f"/api/{uuid4()}"):
        for _ in range(2):
            assert_alike(found, path)


def test_what_no_route_has_is_raised() -> None:
    found = Addresses()
    for _ in range(2):
        with pytest.raises(Resolver404):
            found.resolve("/nowhere/at/all")


def test_addresses_that_do_not_exist_take_no_room_from_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask for any number of them."""
    monkeypatch.setattr(addresses, "MAX_REMEMBERED", 5)
    found = Addresses()
    for index in range(50):
        assert_alike(found, f"/api/nothing-{index}")

    path = f"/api/threads/{uuid4()}"
    assert found.resolve(path).func is found.resolve(path).func
    assert f"/api/threads/{addresses._PLACE}" in {shape for shape, _count in found._known}


def test_no_more_addresses_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MAX_REMEMBERED", 3)
    found = Addresses()
    for route in ROUTES[:10]:
        assert_alike(found, route.path(uuid4()))

    assert len(found._known) == 3
