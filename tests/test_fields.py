"""Stored JSON is the same on both databases: each is compared with what plain Python says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import Thread
from conversations.services import append_messages
from core.access import Actor
from core.fields import JSONField, StoredJSONEncoder, UUID7Field
from core.ids import uuid7
from tests.json_values import HARD_FLOATS, HARD_INTEGERS, json_values, same_json

Store = Callable[[Any], Any]


@pytest.fixture
def store(actor: Actor, thread: Thread) -> Store:
    """Write a value into a column and read it back."""
    [message] = append_messages(actor=actor, thread_id=thread.pk, messages=[{"role": "user", "content": "x"}])
    rows = type(message).objects.filter(pk=message.pk)

    def write_and_read(value: Any) -> Any:
        rows.update(metadata=value)
        return rows.values_list("metadata", flat=True).get()

    return write_and_read


def expected(value: Any) -> Any:
    """What a reader gets: the value itself, but for the sign of a negative zero."""
    if isinstance(value, float) and value == 0:
        return 0.0
    if isinstance(value, dict):
        return {key: expected(item) for key, item in value.items()}
    return [expected(item) for item in value] if isinstance(value, list) else value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(value=json_values())
def test_stored_value_reads_back_as_python_says(store: Store, value: Any) -> None:
    assert same_json(store(value), expected(value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_stored_float_is_the_same_double(store: Store, value: float) -> None:
    assert same_json(store([value]), [expected(value)])


@pytest.mark.parametrize("value", HARD_FLOATS)
def test_hard_float_is_the_same_double(store: Store, value: float) -> None:
    assert same_json(store({"n": value, "minus": -value}), {"n": expected(value), "minus": expected(-value)})


def test_hard_integers_are_exact(store: Store) -> None:
    assert same_json(store(list(HARD_INTEGERS)), list(HARD_INTEGERS))


@pytest.mark.parametrize("exponent", range(14, 25))
def test_number_keeps_its_kind_around_the_limit_of_exact_doubles(store: Store, exponent: int) -> None:
    pair = [10**exponent, float(10**exponent), 10**exponent + 1, -float(10**exponent)]
    assert same_json(store(pair), pair)


ODD_TEXTS = ("1e+16", "-0.0", '"-0.0"', "\\u0000", "\\", "\x01\x1f\x7f", "\u2028", "\ufeff\ufffe\uffff", "😀\ue000")


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_text_is_not_taken_for_a_number(store: Store, text: str) -> None:
    value = {text: [text, 1e16, -0.0]}
    assert same_json(store(value), {text: [text, 1e16, 0.0]})


def test_nesting_of_128_levels_is_stored(store: Store) -> None:
    value: Any = 1e300
    for level in range(128):
        value = [value] if level % 2 else {"k": value}
    assert same_json(store(value), value)


def test_null_and_missing_are_two_things(store: Store, thread: Thread) -> None:
    messages = thread.messages.all()
    assert store(models.Value(None, models.JSONField())) is None
    assert messages.filter(metadata__isnull=True).count() == 0
    assert store(None) is None
    assert messages.filter(metadata__isnull=True).count() == 1


@given(json_values())
def test_encoder_writes_what_json_reads(value: Any) -> None:
    assert same_json(json.loads(StoredJSONEncoder().encode(value)), expected(value))


def test_encoder_writes_compact_text_without_escapes_and_exponents() -> None:
    value = {"a": [1, 2.5, -0.0, 1e16, 1.5e300, 1e-7], "é": None}
    whole = f"{1.5e300:.1f}"
    assert StoredJSONEncoder().encode(value) == f'{{"a":[1,2.5,0.0,10000000000000000.0,{whole},1e-07],"é":null}}'


def test_encoder_treats_keys_and_sequences_alike_beside_hard_numbers() -> None:
    assert StoredJSONEncoder().encode({1: (1, 2)}) == '{"1":[1,2]}'
    assert StoredJSONEncoder().encode({1: (1, 1e16)}) == '{"1":[1,10000000000000000.0]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], {"a": [1e16, math.nan]}])
def test_encoder_refuses_what_is_not_finite(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        StoredJSONEncoder().encode(value)


def test_fields_enter_migrations_as_plain_ones() -> None:
    assert JSONField(null=True).deconstruct()[1:] == ("django.db.models.JSONField", [], {"null": True})
    assert UUID7Field().deconstruct()[1:] == (
        "django.db.models.UUIDField",
        [],
        {"primary_key": True, "editable": False},
    )


def test_identifier_is_made_in_python() -> None:
    field = UUID7Field()
    assert field.default is uuid7
    made: UUID = field.get_default()
    assert made.version == 7
