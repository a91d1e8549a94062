"""All hostile inputs at all places: a sample of them here, everything by `make hostile`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from tests.hostile.cases import PATH, all_cases
from tests.hostile.places import NAMED, operations, places
from tests.hostile.totals import SAMPLE, differences, rows_of, start_sqlite_walk, totals
from tests.hostile.world import make_world

IS_POSTGRESQL = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")

pytestmark = pytest.mark.skipif(not PATH.is_file(), reason="the collection is not at hand")


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.skipif(not IS_POSTGRESQL, reason="the pass on PostgreSQL walks over both databases")
def test_hostile_inputs_are_refused_or_kept_alike_on_both_databases(settings: Any, tmp_path: Path) -> None:
    settings.THROTTLE_KEY_PER_MINUTE = settings.THROTTLE_ADDRESS_PER_MINUTE = 0
    beside = start_sqlite_walk(tmp_path / "sqlite.json", sections=list(SAMPLE), is_sample=True)
    try:
        here = rows_of(make_world(), sections=list(SAMPLE), is_sample=True)
    finally:
        assert beside.wait(timeout=300) == 0
    there = json.loads((tmp_path / "sqlite.json").read_text(encoding="utf-8"))

    assert {key: row for key, row in {**there, **here}.items() if row[-1]} == {}
    assert differences(there, here) == {}
    assert totals({"SQLite": there, "PostgreSQL": here})["inputs at places"]["SQLite"] > 600


def test_every_member_that_the_collection_names_is_among_the_places() -> None:
    found = {(place.component, place.member) for place in places()}

    assert NAMED.keys() - found == set()
    assert {NAMED[key] for key in NAMED} <= {field for case in all_cases() for field in case.fields}


def test_every_operation_with_a_body_has_its_places() -> None:
    described = {(method, route.name) for method, route, operation in operations() if operation.get("requestBody")}

    assert {(place.method, place.route.name) for place in places()} == described
