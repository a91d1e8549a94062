"""Reading the records of a JSON file one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer.formats import json_arrays
from transfer.formats.streams import MalformedValue, iter_values
from transfer.records import UnreadableFile

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=6,
)


def values_of(folder: Path, text: str | bytes) -> list[Any]:
    path = folder / "some.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(iter_values(path))


def read_until_break(folder: Path, text: str) -> tuple[list[Any], str]:
    path = folder / "some.json"
    path.write_text(text)
    values: list[Any] = []
    with pytest.raises(UnreadableFile) as caught:
        values.extend(iter_values(path))
    return values, str(caught.value)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(JSON_VALUES, min_size=1, max_size=4),
    chunk_bytes=st.integers(1, 9),
    indent=st.sampled_from([None, 0, 2]),
)
def test_array_yields_its_items_whatever_the_chunk_size(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], chunk_bytes: int, indent: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_arrays, "_CHUNK_BYTES", chunk_bytes)
        assert values_of(tmp_path_factory.getbasetemp(), json.dumps(values, indent=indent)) == values


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=2), min_size=1, max_size=3))
def test_lines_yield_their_objects(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    text = "\n".join(json.dumps(value, ensure_ascii=False) for value in values)

    assert values_of(tmp_path_factory.getbasetemp(), text) == values


def test_single_object_over_several_lines_is_one_record(tmp_path: Path) -> None:
    assert values_of(tmp_path, '{\n "a": 1,\n "b": [2]\n}\n') == [{"a": 1, "b": [2]}]


def test_single_object_on_one_line_is_one_record(tmp_path: Path) -> None:
    assert values_of(tmp_path, '{"a": 1}') == [{"a": 1}]


def test_byte_order_mark_and_white_space_are_skipped(tmp_path: Path) -> None:
    assert values_of(tmp_path, b'\xef\xbb\xbf \n[{"a": 1} ]\n') == [{"a": 1}]


def test_numbers_and_surrogates_stay_exact(tmp_path: Path) -> None:
    text = r'[{"n": 123456789012345678901234567890, "f": 0.1, "cut": "\ud83d", "nul": "\u0000"}]'

    assert values_of(tmp_path, text) == [
        {"n": 123456789012345678901234567890, "f": 0.1, "cut": "\ud83d", "nul": "\x00"}
    ]


def test_broken_item_of_an_array_leaves_its_neighbours_readable(tmp_path: Path) -> None:
    assert values_of(tmp_path, '[{"a": 1}, {"b": nope}, {"c": NaN}, {"d": 4}]') == [
        {"a": 1},
        MalformedValue("the record that starts at byte 10 is not valid JSON: Expecting value (character 7)"),
        MalformedValue("the record that starts at byte 23 is not valid JSON: NaN is not a number in JSON"),
        {"d": 4},
    ]


def test_broken_line_leaves_its_neighbours_readable(tmp_path: Path) -> None:
    assert values_of(tmp_path, b'{"a": 1}\n\n{"b": \n"\xff"\n{"d": 4}') == [
        {"a": 1},
        MalformedValue("line 3 is not valid JSON: Expecting value (character 7)"),
        MalformedValue("line 4 is not UTF-8 text (byte 1)"),
        {"d": 4},
    ]


def test_broken_first_line_does_not_hide_that_the_file_has_lines(tmp_path: Path) -> None:
    assert values_of(tmp_path, '{"a": [\n{"b": 2}\n') == [
        MalformedValue("line 1 is not valid JSON: Expecting value (character 8)"),
        {"b": 2},
    ]


def test_deeply_nested_record_is_malformed(tmp_path: Path) -> None:
    deep = "[" * 50_000 + "]" * 50_000

    assert values_of(tmp_path, f'[{deep}, {{"b": 2}}]') == [
        MalformedValue("the record that starts at byte 1 is nested too deeply"),
        {"b": 2},
    ]


@pytest.mark.parametrize(
    ("text", "values", "reason"),
    [
        ('[{"a": 1}, {"b": ', [{"a": 1}], "some.json breaks off at byte 17, after record 1"),
        ('[{"a": 1}, {"b": "x', [{"a": 1}], "some.json breaks off at byte 19, after record 1"),
        ('[{"a": 1}, {"b": 2}', [{"a": 1}, {"b": 2}], "some.json breaks off at byte 19, after record 2"),
        ('[{"a": 1}, ', [{"a": 1}], "some.json breaks off at byte 11, after record 1"),
        ("[", [], "some.json breaks off at byte 1, after record 0"),
        ('[{"a": 1}, {"b": [}]', [{"a": 1}], "some.json has a '}' that closes nothing at byte 18, after record 1"),
        ('[{"a": 1}] [2]', [{"a": 1}], "some.json goes on after the end of its array at byte 10, after record 1"),
        ("[ ]", [], "some.json is an empty array: it holds no records"),
        ("", [], "some.json is empty"),
        (" \n ", [], "some.json is empty"),
        (
            '{\n"a": 1,\n',
            [],
            "some.json: the file is not valid JSON: Expecting property name enclosed in double quotes",
        ),
        ("Dear all,\n", [], "some.json: the file is not valid JSON: Expecting value (character 0)"),
    ],
)
def test_broken_file_yields_what_precedes_the_break(tmp_path: Path, text: str, values: list[Any], reason: str) -> None:
    read, message = read_until_break(tmp_path, text)

    assert read == values
    assert message.startswith(reason)


def test_trailing_comma_counts_as_a_malformed_record(tmp_path: Path) -> None:
    assert values_of(tmp_path, "[1,]") == [
        1,
        MalformedValue("the record that starts at byte 3 is not valid JSON: Expecting value (character 0)"),
    ]


@pytest.mark.parametrize(
    ("beginning", "advice"),
    [
        (b"PK\x03\x04rest", "is a zip archive; unpack it and import the JSON file inside"),
        (b"\x1f\x8brest", "is compressed with gzip; unpack it first"),
        ('{"a": 1}'.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    ],
)
def test_foreign_file_is_named_for_what_it_is(tmp_path: Path, beginning: bytes, advice: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        values_of(tmp_path, beginning)

    assert str(caught.value) == f"some.json {advice}"
