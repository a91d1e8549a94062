"""Every hostile value in every member of every body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist

from tests.api.problems import problem_of
from tests.api.stored_rows import own_models
from tests.hostile.cases import Case, all_cases
from tests.hostile.outcomes import Outcome, Probe, walk
from tests.hostile.places import BODIES_BY_LOG_IN, Place, operations, places, text_at
from tests.hostile.verdicts import names, same_amount, same_instant, same_value
from tests.hostile.world import World

REFUSED_EVERYWHERE = frozenset({"nul", "surrogate"})
SHOWN_AS_NULL = frozenset({"avatar_url"})
"""Members of which an empty text means none."""

REFUSALS = frozenset({400, 402, 403, 404, 409, 413, 422})


def member_outcomes(world: World, *, share: int = 1) -> Iterator[Outcome]:
    """Walk through all places; with a `share` of n, every place gets the cases named for it and each n-th other one."""
    probes = (_probes(world, place, number, share) for number, place in enumerate(places()))
    yield from walk(world, chain.from_iterable(probes))


def _probes(world: World, place: Place, number: int, share: int) -> Iterator[Probe]:
    cases = [case for case in all_cases() if case.kind == "value"]
    for index, case in enumerate(cases):
        if (index + number) % share == 0:
            yield _probe(world, place, case)


def _probe(world: World, place: Place, case: Case) -> Probe:
    path = place.route.path(world.row(place.route))
    body = place.body(text_at(place, case))
    headers = {} if place.method == "POST" else {"if_match": "*"}
    client = world.client(place.method, place.route)
    return Probe(
        place.name,
        case.id,
        send=lambda: client.send(place.method, path, body, **headers),
        judge=lambda response: judge(world, place, case, response),
    )


def judge(world: World, place: Place, case: Case, response: Any) -> tuple[Any, str]:
    """What is stored of the case, and what is wrong with that."""
    if response.status_code >= 400:
        return None, _wrong_refusal(place, case, response)
    if must_be_refused(place, case):
        return None, "taken, though it must be refused"
    if not place.is_read_back:
        return None, ""
    answered = response.json()
    row = answered[place.envelope][0] if place.envelope else answered
    stored = read_back(world, place, row)
    if stored is None:
        return None, ""
    if not is_kept(place, text_at(place, case), stored[place.member]):
        return stored[place.member], f"altered: {str(stored[place.member])[:80]!r}"
    return stored[place.member], _wrong_column(place, row["id"], stored[place.member])


def must_be_refused(place: Place, case: Case) -> bool:
    """Whether the collection, or plain sense, lets nothing be stored."""
    if not case.is_json:
        return True
    if case.id in place.expected:
        return case.expect == "reject_4xx"
    return place.kind in ("text", "texts", "texts by name") and (
        (case.group in REFUSED_EVERYWHERE and case.expect == "reject_4xx")
        or not (case.text.startswith('"') or case.text == "null")
    )


def _wrong_refusal(place: Place, case: Case, response: Any) -> str:
    if response.status_code not in REFUSALS:
        return f"refused with {response.status_code}"
    if case.id in place.expected and case.expect in ("roundtrip", "inert"):
        return "refused, though it must be taken"
    errors = problem_of(response).get("errors", {})
    member = f"{place.envelope}.0.{place.member}" if place.envelope else place.member
    if response.status_code == 400 and not names(errors, member, is_json=case.is_json):
        return f"the refusal names {list(errors)}"
    return ""


def read_back(world: World, place: Place, row: dict[str, Any]) -> Any:
    """The row as its own address shows it, or None where it has no address."""
    if place.route.name in BODIES_BY_LOG_IN:
        return row
    collection = place.route.path("").rstrip("/").removesuffix("/batch").rpartition("/")[2]
    template = place.route.path("{id}") if place.method != "POST" else f"/api/{collection}/{{id}}"
    if not any(method == "GET" and route.path("{id}") == template for method, route, _operation in operations()):
        return None
    response = world.client(place.method, place.route).get(template.replace("{id}", row["id"]))
    assert response.status_code == 200, response.content[:200]
    return response.json()


def is_kept(place: Place, text: str, stored: Any) -> bool:
    """Whether the value read back is the one that was sent, in the one form that its kind has."""
    if place.kind == "time" and text != "null":
        return same_instant(json.loads(text), stored)
    if place.kind == "amount" and text != "null":
        return same_amount(text, stored)
    if place.kind == "uuid" and text != "null":
        return UUID(json.loads(text)) == UUID(stored)
    if place.member in SHOWN_AS_NULL and text == '""':
        return stored is None
    return same_value(text, stored)


def _wrong_column(place: Place, pk: str, answered: Any) -> str:
    """What the database holds, where a column has the member's name and keeps such values as they are."""
    for model in own_models():
        try:
            field = model._meta.get_field(place.member)
        except FieldDoesNotExist:
            continue
        kept = model._base_manager.filter(pk=pk).values_list(
            field.attname if hasattr(field, "attname") else "", flat=True
        )
        for value in kept if isinstance(answered, str | int | float | dict | list) else []:
            if isinstance(value, type(answered)) and place.kind not in ("time", "amount", "uuid") and value != answered:
                return f"the column holds {str(value)[:80]!r}"
    return ""
