"""A body that is plainly right is taken as its serializer takes it, and no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.validators import validate_slug
from django.db import models
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers

from conversations.api.serializers import (
    MAX_PARTS,
    ConversationMessageSerializer,
    MessageSerializer,
    SessionMessageSerializer,
    ThreadSerializer,
)
from core.fast.bodies import PlainBody
from core.serializers import StrictCharField, StrictIntegerField
from tests.fast.values import HARD_DOCUMENTS, HARD_MOMENTS, HARD_TEXTS
from tests.fast.ways import database_free
from tests.json_values import TEXTS, json_values, same_json

pytestmark = database_free

PLAIN = PlainBody(MessageSerializer)
ID = "018f0000-0000-7000-8000-00000000000a"

IDS = (ID, ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", f" {ID}", ID[:-1], f"{ID}\n", "", "١" * 36)
MOMENTS = (
    *HARD_MOMENTS,
    "2026-01-02T03:04:05",
    "2026-01-02",
    "2026-02-30T00:00:00Z",
    "2026-01-02T24:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-00:01",
    "2026-01-02T03:04:05.1234567Z",
    "2026-01-02T03:04:05+24:00",
    "٢٠٢٦-01-02T03:04:05Z",
    "now",
    "",
)
LENGTHS = st.sampled_from([1, 49, 50, 51, 99, 100, 101, 254, 255, 256]).map(lambda length: "x" * length)
BLANKS = st.sampled_from(["", " ", "\t\n", "\u00a0", "\u2003", "\u200b"])
PART = st.fixed_dictionaries({"type": TEXTS}, optional={"text": TEXTS, "data": json_values()})
PARTS: st.SearchStrategy[list[Any]] = st.lists(
    PART | st.sampled_from([{}, {"type": 1}, {"type": None}, [], None, "text"]), max_size=3
)

ANYTHING = json_values()
WORDS = TEXTS | LENGTHS | BLANKS
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(IDS),
    "parent_id": st.sampled_from(IDS) | st.none(),
    "role": st.sampled_from(["user", "assistant", "system", "developer", "tool", "function", "User", "user ", "", "x"]),
    "content": WORDS | st.none(),
    "parts": PARTS | st.none(),
    "artifact_data": ANYTHING,
    "metadata": ANYTHING,
    "external_id": WORDS | st.none(),
    "status": st.sampled_from(["completed", "in_progress", "failed", "incomplete", "", "done"]),
    "provider": WORDS,
    "model": WORDS,
    "usage": st.dictionaries(TEXTS, ANYTHING, max_size=2) | ANYTHING,
    "finish_reason": WORDS,
    "created_at": st.sampled_from(MOMENTS),
    "thread_id": st.just(ID),
    "position": st.just(1),
    "version": st.just(1),
    "Role": st.just("user"),
    "": st.none(),
}

RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "id": st.just(ID) | st.uuids().map(str),
    "parent_id": st.uuids().map(str),
    "role": st.sampled_from(["user", "assistant", "system", "developer", "tool", "function"]),
    "content": TEXTS | st.none(),
    "parts": st.lists(PART, max_size=3) | st.none(),
    "artifact_data": ANYTHING,
    "metadata": ANYTHING,
    "external_id": TEXTS.filter(str.strip) | st.none(),
    "status": st.sampled_from(["completed", "in_progress", "failed", "incomplete"]),
    "provider": TEXTS,
    "model": TEXTS,
    "usage": st.dictionaries(TEXTS, ANYTHING, max_size=2),
    "finish_reason": TEXTS,
    "created_at": st.sampled_from(HARD_MOMENTS),
}

ONE_ODD_MEMBER = st.one_of([st.fixed_dictionaries({name: values | ANYTHING}) for name, values in VALUES.items()])
"""Only one member is out of the ordinary: with many, nearly every body would be wrong for several reasons."""

often = settings(derandomize=True, deadline=None, max_examples=150)


def right_bodies() -> st.SearchStrategy[dict[str, Any]]:
    optional = {name: values for name, values in RIGHT.items() if name != "role"}
    return st.fixed_dictionaries({"role": RIGHT["role"]}, optional=optional)


def mixed_bodies() -> st.SearchStrategy[Any]:
    return st.builds(lambda right, odd: {**right, **odd}, right_bodies(), ONE_ODD_MEMBER)


def by_serializer(serializer: type[serializers.Serializer[Any]], body: Any) -> dict[str, Any] | None:
    """The validated values, None for a body that is refused."""
    looked_at = serializer(data=body)
    return dict(looked_at.validated_data) if looked_at.is_valid() else None


def assert_same(taken: dict[str, Any], validated: dict[str, Any] | None) -> None:
    """Equality that tells types apart, down to the numbers of a document."""
    assert validated is not None
    assert taken.keys() == validated.keys()
    for name, value in taken.items():
        other = validated[name]
        assert type(value) is type(other), name
        if isinstance(value, models.Value):
            assert (value.value, value.identity) == (other.value, other.identity)
        elif isinstance(value, dict | list | float | int | str):
            assert same_json(value, other), name
        else:
            assert value == other, name


@often
@given(body=mixed_bodies() | st.dictionaries(st.sampled_from(sorted(VALUES)), ANYTHING, max_size=3) | ANYTHING)
def test_what_is_taken_is_what_the_serializer_makes_of_it(body: Any) -> None:
    taken = PLAIN.take(body)
    validated = by_serializer(MessageSerializer, body)

    if taken is not None:
        assert_same(taken, validated)
    if validated is None:
        assert taken is None


@often
@given(body=right_bodies())
def test_an_ordinary_body_is_taken(body: dict[str, Any]) -> None:
    taken = PLAIN.take(body)

    assert taken is not None
    assert_same(taken, by_serializer(MessageSerializer, body))


ORDINARY: dict[str, dict[str, Any]] = {
    "shortest": {"role": "user"},
    "text": {"role": "user", "content": "Hello"},
    "nothing said": {"role": "assistant", "content": None},
    "empty": {"role": "assistant", "content": ""},
    "tool call": {
        "role": "assistant",
        "content": None,
        "parts": [{"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"q": "x"}}],
        "finish_reason": "tool_calls",
        "usage": {"input_tokens": 10, "output_tokens": 2},
    },
    "tool result": {"role": "tool", "content": "[]", "metadata": {"tool_call_id": "call_1"}, "artifact_data": [1, 2]},
    "imported": {"role": "user", "content": "x", "external_id": "msg_1", "created_at": "2026-01-02T03:04:05.678901Z"},
    "with its own id": {"id": ID, "role": "user", "content": "x"},
    "answer": {"role": "assistant", "content": "x", "parent_id": ID},
    "generated": {"role": "assistant", "content": "x", "provider": "openai", "model": "gpt-4o", "status": "completed"},
    "blank names": {"role": "assistant", "provider": "", "model": "", "finish_reason": ""},
    "no parts": {"role": "user", "parts": []},
    "parts null": {"role": "user", "parts": None},
    "unnamed": {"role": "user", "external_id": None},
    "longest names": {"role": "user", "provider": "p" * 50, "model": "m" * 100, "external_id": "e" * 255},
    "most parts": {"role": "user", "parts": [{"type": "text"}] * MAX_PARTS},
    "nulls": {"role": "user", "artifact_data": None, "metadata": None, "usage": None},
    "falsy documents": {"role": "user", "artifact_data": 0, "metadata": "", "usage": {}},
}


@pytest.mark.parametrize("body", ORDINARY.values(), ids=ORDINARY)
@pytest.mark.parametrize("serializer", [MessageSerializer, ConversationMessageSerializer, SessionMessageSerializer])
def test_listed_bodies_never_need_the_serializer(serializer: type[MessageSerializer], body: dict[str, Any]) -> None:
    taken = PlainBody(serializer).take(body)

    assert taken is not None
    assert_same(taken, by_serializer(serializer, body))


WRONG: dict[str, Any] = {
    "no object": ["role"],
    "null": None,
    "empty": {},
    "no role": {"content": "x"},
    "unknown role": {"role": "robot"},
    "role of another case": {"role": "USER"},
    "role as list": {"role": ["user"]},
    "role as object": {"role": {}},
    "surplus": {"role": "user", "text": "x"},
    "set by the server": {"role": "user", "position": 3},
    "number as content": {"role": "user", "content": 1},
    "boolean as content": {"role": "user", "content": False},
    "list as content": {"role": "user", "content": []},
    "blank external id": {"role": "user", "external_id": " \t"},
    "long external id": {"role": "user", "external_id": "e" * 256},
    "long provider": {"role": "user", "provider": "p" * 51},
    "null provider": {"role": "user", "provider": None},
    "null status": {"role": "user", "status": None},
    "null id": {"role": "user", "id": None},
    "bare id": {"role": "user", "id": ID.replace("-", "")},
    "number as id": {"role": "user", "id": 7},
    "list as usage": {"role": "user", "usage": []},
    "part without type": {"role": "user", "parts": [{"type": "text"}, {"text": "x"}]},
    "part of null": {"role": "user", "parts": [None]},
    "object as parts": {"role": "user", "parts": {"type": "text"}},
    "too many parts": {"role": "user", "parts": [{"type": "text"}] * (MAX_PARTS + 1)},
    "time without offset": {"role": "user", "created_at": "2026-01-02T03:04:05"},
    "number as time": {"role": "user", "created_at": 1767323045},
    "null time": {"role": "user", "created_at": None},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_wrong_body_is_left_to_the_serializer(body: Any) -> None:
    assert by_serializer(MessageSerializer, body) is None
    assert PLAIN.take(body) is None


@pytest.mark.parametrize("document", HARD_DOCUMENTS, ids=lambda document: repr(document)[:30])
def test_documents_are_taken_as_they_are(document: Any) -> None:
    body = {"role": "user", "metadata": document, "artifact_data": [document]}
    taken = PLAIN.take(body)

    assert taken is not None
    assert taken["metadata"] is document
    assert_same(taken, by_serializer(MessageSerializer, body))


def test_null_as_a_document_is_told_apart_from_a_missing_one() -> None:
    body = {"role": "user", "metadata": None, "usage": None}
    taken = PLAIN.take(body)

    assert taken is not None
    assert (type(taken["metadata"]), taken["usage"], "artifact_data" in taken) == (models.Value, None, False)
    assert_same(taken, by_serializer(MessageSerializer, body))


def test_texts_are_taken_as_they_are() -> None:
    taken = [PLAIN.take({"role": "user", "content": text}) for text in HARD_TEXTS]

    assert [values and values["content"] for values in taken] == list(HARD_TEXTS)


def test_taking_changes_neither_the_body_nor_what_was_taken_before() -> None:
    body: dict[str, Any] = {"id": ID, "role": "user", "parts": [{"type": "text"}]}
    before = repr(body)
    first, second = PLAIN.take(body), PLAIN.take(body)

    assert repr(body) == before
    assert first is not None
    assert first == second
    assert first is not second
    assert first["id"] == UUID(ID)


class Peculiar(serializers.Serializer[Any]):
    """Fields of kinds, and with rules, that messages do not have."""

    number = StrictIntegerField(required=False)
    name = StrictCharField(source="title", required=False)
    slug = StrictCharField(validators=[validate_slug], required=False)
    long = StrictCharField(min_length=3, required=False)
    made = StrictCharField(default=lambda: "made")


def test_what_is_not_foreseen_of_a_field_is_left_to_the_serializer() -> None:
    plain = PlainBody(Peculiar)

    assert [plain.take({name: value}) for name, value in (("number", 1), ("slug", "x"), ("long", "xxx"))] == [None] * 3
    assert plain.take({"name": "x"}) == {"title": "x", "made": "made"}


class LooksAtAField(serializers.Serializer[Any]):
    """One field has a rule in a method of the serializer."""

    name = StrictCharField()

    def validate_name(self, value: str) -> str:
        return value.lower()


class LooksAtAllFields(serializers.Serializer[Any]):
    """The rule is a validator of the whole."""

    name = StrictCharField()

    class Meta:
        validators = (print,)


@pytest.mark.parametrize(
    ("serializer", "reason"),
    [
        (ThreadSerializer, "ThreadSerializer looks at more than one field at a time"),
        (LooksAtAllFields, "LooksAtAllFields looks at more than one field at a time"),
        (LooksAtAField, "LooksAtAField has a judgement of its own about ['name']"),
    ],
)
def test_a_serializer_with_more_rules_than_its_fields_has_no_plain_bodies(
    serializer: type[serializers.Serializer[Any]], reason: str
) -> None:
    with pytest.raises(TypeError) as refusal:
        PlainBody(serializer)

    assert str(refusal.value) == reason
