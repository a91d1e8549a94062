"""Columns as the drivers give them become the JSON that a serializer would write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from conversations.api.serializers import MessageSerializer, ThreadSerializer
from core.fast.shapes import RowShape, documents, moments, numbers, texts, uuids
from core.renderers import dump_response, format_datetime
from core.serializers import StrictModelSerializer
from tests.fast.ways import database_free

pytestmark = database_free

often = settings(derandomize=True, deadline=None, max_examples=200)


def written(value: Any) -> str:
    return dump_response(value).decode()


@often
@given(value=st.datetimes(timezones=st.just(UTC)))
def test_moments_are_written_as_the_renderer_writes_them(value: datetime) -> None:
    """SQLite keeps what `str` says; PostgreSQL leaves zeros at the end out, and names the offset."""
    by_sqlite = str(value.replace(tzinfo=None))
    by_postgresql = f"{by_sqlite.rstrip('0') if value.microsecond else by_sqlite}+00"

    assert list(moments([by_sqlite, None, by_postgresql])) == [written(value), "null", written(value)]


def test_moments_at_every_length_of_a_second() -> None:
    for digits in range(7):
        fraction = "123456"[:digits]
        text = f"2026-01-02 03:04:05.{fraction}".rstrip(".")
        value = datetime(2026, 1, 2, 3, 4, 5, int(fraction.ljust(6, "0")), UTC)
        assert list(moments([text, f"{text}+00"])) == [f'"{format_datetime(value)}"'] * 2


@often
@given(value=st.uuids())
def test_uuids_are_written_with_hyphens(value: UUID) -> None:
    assert list(uuids([value.hex, str(value), None])) == [written(value), written(value), "null"]


@often
@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_are_written_as_the_renderer_writes_them(value: str) -> None:
    assert texts([value, None]) == [written(value), "null"]


def test_numbers_and_documents_are_written_as_they_stand() -> None:
    assert numbers([0, -1, 2**63, None]) == ["0", "-1", str(2**63), "null"]
    assert documents(["null", None, '{"a":1e400}', "[]"]) == ["null", "null", '{"a":1e400}', "[]"]


def test_members_stand_in_the_order_of_the_serializer() -> None:
    shape = RowShape(MessageSerializer, computed=("parent_id",), extra=("parent_position",))

    [text] = shape.encode([(None,) * len(shape.selected)], [["7"]])

    assert list(json.loads(text)) == list(MessageSerializer().fields)
    assert json.loads(text) == {**dict.fromkeys(MessageSerializer().fields), "parent_id": 7}
    assert shape.encode([]) == []


def test_what_only_a_request_holds_is_not_shown() -> None:
    shape = RowShape(ThreadSerializer, computed=("active_leaf_position",))

    assert {"archived", "active_leaf_id"}.isdisjoint(shape.members)


class OfMembers(StrictModelSerializer):
    """Has a column that is no plain text, number or time."""

    class Meta:
        model = User
        fields = ("id", "is_superuser")


def test_a_column_without_a_fast_form_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="BooleanField has no fast form"):
        RowShape(OfMembers)
