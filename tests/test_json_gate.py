"""What the gate lets through, what it refuses, and how it names the place."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.json_gate import MAX_DEPTH, MAX_DIGITS, GatedJSON, RefusedJSON, check_value, read_json, replace_invalid_text
from tests.json_values import ANY_TEXTS, TEXTS, json_values, same_json


def refusal(raw: bytes, **options: Any) -> RefusedJSON:
    with pytest.raises(RefusedJSON) as caught:
        read_json(raw, **options)
    return caught.value


def verdict(raw: bytes) -> tuple[str, str]:
    error = refusal(raw)
    return error.code, error.pointer


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \t\r\n",
        b"\xc2\xa0",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b'{"a" 1}',
        b"{a:1}",
        b"{'a':1}",
        b"[1] x",
        b"[1][2]",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b"1_000",
        b"undefined",
        b"True",
        b"// comment\n1",
        b'"unfinished',
        b'"\\x41"',
        b'"\\u12"',
        b'"\\u+041"',
        b'"a\nb"',
        b'"a\tb"',
        b'"a\x00b"',
        b'"a\x1fb"',
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"\xc2\xa01",
    ],
)
def test_text_that_is_no_json_is_refused(raw: bytes) -> None:
    assert verdict(raw) == ("invalid_json", "")


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ('{"a":1}'.encode("utf-16"), 0),
        (b'"\xc0\x80"', 1),
        (b'"\xe0\x80\xaf"', 1),
        (b'"\xed\xa0\x80"', 1),
        (b'"\xf4\x90\x80\x80"', 1),
        (b'"ab\xff"', 3),
        (b'"\xc3"', 1),
    ],
)
def test_bytes_that_are_no_utf8_are_refused(raw: bytes, place: int) -> None:
    error = refusal(raw)
    assert (error.code, error.pointer, error.message) == ("not_utf8", "", f"The body is not UTF-8 at byte {place}.")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_other_unicode_encodings_are_refused(encoding: str) -> None:
    assert verdict('{"a":"é"}'.encode(encoding))[0] in ("not_utf8", "invalid_json")


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        (b"NaN", "not_finite", ""),
        (b"[0,Infinity]", "not_finite", "/1"),
        (b'{"a":[{"b":-Infinity}]}', "not_finite", "/a/0/b"),
        (b'{"a":1e999}', "not_finite", "/a"),
        (b'{"a":-1e999}', "not_finite", "/a"),
        (b"[1E400]", "not_finite", "/0"),
        (b"[" + b"9" * 309 + b".0]", "not_finite", "/0"),
        (b'{"a":1,"a":1}', "repeated_key", "/a"),
        (b'{"a":1,"b":{"c":1,"d":2,"c":3}}', "repeated_key", "/b/c"),
        (b'{"a":1,"\\u0061":1}', "repeated_key", "/a"),
        (b'[{"":1,"":2}]', "repeated_key", "/0/"),
        (b'{"~/":{"x":1,"x":2}}', "repeated_key", "/~0~1/x"),
        (b'{"a":NaN,"b":1,"b":2}', "repeated_key", "/b"),
        (b'"\\u0000"', "invalid_text", ""),
        (b'["ok","a\\u0000"]', "invalid_text", "/1"),
        (b'{"a":"\\ud800"}', "invalid_text", "/a"),
        (b'{"a":"\\udfff\\ud800"}', "invalid_text", "/a"),
        (b'{"a":{"\\ud83d":1}}', "invalid_text", "/a"),
        (b'{"a":"\\ud83dx\\ude00"}', "invalid_text", "/a"),
        (b'{"a":"\\uD83D\\\\uDE00"}', "invalid_text", "/a"),
    ],
)
def test_value_that_cannot_be_stored_is_refused_with_its_place(raw: bytes, code: str, pointer: str) -> None:
    assert verdict(raw) == (code, pointer)


def test_refusal_of_text_names_the_character_and_its_offset() -> None:
    assert refusal(b'["abc\\u0000"]').message == "The text holds NUL (U+0000) at offset 3."
    assert refusal(b'["ab\\ud812"]').message == "The text holds a lone surrogate (U+D812) at offset 2."


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\\\\\\\u0000"', "\\\\u0000"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'"\\uD83D\\uDE00"', "😀"),
        (b'"\\ud7ff\\ue000"', "\ud7ff\ue000"),
        (b'"\\u0001\\u001f\\u007f\\u2028\\uffff\\ufffe"', "\x01\x1f\x7f\u2028\uffff\ufffe"),
        (b'"  \\n kept \\t "', "  \n kept \t "),
        ('"\ufeffé"'.encode(), "\ufeffé"),
    ],
)
def test_text_that_only_looks_suspicious_passes(raw: bytes, text: str) -> None:
    assert read_json(raw) == GatedJSON(text)
    assert read_json(raw, replace_invalid_text=True) == GatedJSON(text)


@given(json_values(), st.sampled_from([None, 1]), st.booleans())
def test_any_storable_value_reads_back_equal(value: Any, indent: int | None, ensure_ascii: bool) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii).encode()
    gated = read_json(raw)
    assert same_json(gated.value, value)
    assert gated.replaced == 0
    check_value(value)


@given(json_values(ANY_TEXTS))
def test_value_is_refused_exactly_when_its_text_cannot_be_stored(value: Any) -> None:
    raw = json.dumps(value).encode()
    value = json.loads(raw)  # two escapes that make up a pair have become one character
    try:
        read = read_json(raw).value
    except RefusedJSON as error:
        assert error.code == "invalid_text"
        assert invalid_characters(value) > 0
    else:
        assert same_json(read, value)
        assert invalid_characters(value) == 0


def invalid_characters(value: Any) -> int:
    if isinstance(value, str):
        return sum(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return sum(invalid_characters(key) + invalid_characters(item) for key, item in value.items())
    return sum(map(invalid_characters, value)) if isinstance(value, list) else 0


@given(json_values(ANY_TEXTS))
def test_replacing_counts_every_character(value: Any) -> None:
    raw = json.dumps(value).encode()
    expected = invalid_characters(json.loads(raw))
    try:
        gated = read_json(raw, replace_invalid_text=True)
    except RefusedJSON as error:
        assert error.code == "repeated_key"
        return
    assert gated.replaced == expected
    assert invalid_characters(gated.value) == 0


def test_replacing_keeps_all_else() -> None:
    gated = read_json(b'{"a\\u0000":["\\ud800x\\udc00",1,{"b":null}],"c":"\\ud83d\\ude00"}', replace_invalid_text=True)
    assert gated == GatedJSON({"a\ufffd": ["\ufffdx\ufffd", 1, {"b": None}], "c": "😀"}, 3)


def test_replacing_refuses_keys_that_become_the_same() -> None:
    error = refusal(b'{"a\\u0000":1,"a\\ud800":2}', replace_invalid_text=True)
    assert error.code == "repeated_key"


@pytest.mark.parametrize("raw", [b'{"a":NaN}', b'{"a":1,"a":2}', b"[" * 129 + b'"\\u0000"' + b"]" * 129])
def test_replacing_repairs_nothing_but_text(raw: bytes) -> None:
    assert refusal(raw, replace_invalid_text=True).code == refusal(raw).code


FAULTS = ("NaN", "1e999", "1" * (MAX_DIGITS + 1), '{"k":1,"k":2}', '"\\ud800"')


@given(st.lists(TEXTS, max_size=6), st.sampled_from(FAULTS))
def test_pointer_leads_to_the_value_at_fault(keys: list[str], fault: str) -> None:
    text = fault
    for key in reversed(keys):
        text = f'{{"before": [1, {{}}], {json.dumps("after " + key)}: [0, {text}]}}'
    pointer = refusal(text.encode()).pointer
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    expected = [step for key in keys for step in ("after " + key, "1")]
    assert steps == expected + (["k"] if fault.startswith("{") else [])


@pytest.mark.parametrize("raw", [b'{"\\ud800":1,"\\ud800":2}', b'{"\\u0000":NaN}', b'{"\\udfff":{"\\u0000":1}}'])
def test_pointer_and_message_can_always_be_rendered(raw: bytes) -> None:
    error = refusal(raw)
    assert "\x00" not in error.pointer + error.message
    (error.pointer + error.message).encode("utf-8")


@pytest.mark.parametrize(
    ("opening", "closing", "times"),
    [(b"[", b"]", MAX_DEPTH), (b'{"a/b":', b"}", MAX_DEPTH), (b'[{"/":', b"}]", MAX_DEPTH // 2)],
)
def test_nesting_up_to_the_limit_passes(opening: bytes, closing: bytes, times: int) -> None:
    raw = opening * times + b"0" + closing * times
    assert read_json(raw).value == json.loads(raw)


def test_nesting_beyond_the_limit_is_refused_with_its_place() -> None:
    assert verdict(b"[" * 129 + b"]" * 129) == ("too_deep", "/0" * 128)
    assert verdict(b'{"a":' * 129 + b"0" + b"}" * 129) == ("too_deep", "/a" * 128)
    assert verdict(b'[1,{"b":' + b"[" * 127 + b"]" * 127 + b"}]") == ("too_deep", "/1/b" + "/0" * 126)


@pytest.mark.parametrize("levels", [500, 1_000, 100_000, 3_000_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_nesting_beyond_all_measure_is_refused_like_any(opening: bytes, levels: int) -> None:
    assert refusal(opening * levels).code in ("too_deep", "invalid_json")
    closing = opening[::-1].translate(bytes.maketrans(b"[{", b"]}"), b'":a')
    assert refusal(opening * levels + b"0" + closing * levels).code == "too_deep"
    assert refusal(b"[NaN," + opening * levels + b"0" + closing * levels + b"]").code in ("too_deep", "not_finite")


@pytest.mark.parametrize("sign", [b"", b"-"])
def test_integer_up_to_the_limit_of_digits_passes(sign: bytes) -> None:
    digits = sign + b"9" * MAX_DIGITS
    assert read_json(b"[" + digits + b"]").value == [int(digits)]


@pytest.mark.parametrize("sign", [b"", b"-"])
def test_integer_beyond_the_limit_of_digits_is_refused(sign: bytes) -> None:
    assert verdict(b'{"a":[0,' + sign + b"1" * (MAX_DIGITS + 1) + b"]}") == ("too_many_digits", "/a/1")


@pytest.mark.parametrize("raw", [b"-0", b"-0.0", b"1e5", b"1E-400", b"0.1", b"1" + b"0" * 400])
def test_number_keeps_its_kind(raw: bytes) -> None:
    assert same_json(read_json(raw).value, json.loads(raw))


def test_check_accepts_what_reading_accepts() -> None:
    check_value({"a": [1, 2.5, None, True, "😀", {"": 10**4299}]})


@pytest.mark.parametrize(
    ("value", "code", "pointer"),
    [
        ([0, math.inf], "not_finite", "/1"),
        ({"a": math.nan}, "not_finite", "/a"),
        ({"a": "x\x00"}, "invalid_text", "/a"),
        ({"\ud800": 1}, "invalid_text", ""),
    ],
)
def test_check_refuses_what_reading_refuses(value: Any, code: str, pointer: str) -> None:
    with pytest.raises(RefusedJSON) as caught:
        check_value(value)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)


@pytest.mark.parametrize("sign", [1, -1])
def test_check_counts_digits(sign: int) -> None:
    check_value(sign * (10**MAX_DIGITS - 1))
    with pytest.raises(RefusedJSON) as caught:
        check_value({"a": [sign * 10**MAX_DIGITS]})
    assert (caught.value.code, caught.value.pointer) == ("too_many_digits", "/a/0")


def test_value_that_holds_itself_is_too_deep() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for act in (check_value, replace_invalid_text):
        with pytest.raises(RefusedJSON) as caught:
            act(endless)
        assert caught.value.code == "too_deep"
