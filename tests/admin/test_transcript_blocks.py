"""What a message says, cut into blocks."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.transcript.blocks import MAX_BLOCKS, Block, BlockBuilder
from conversations.transcript.budget import MAX_BLOCK, SHORT, Budget


def blocks(content: str | None, parts: Any = None) -> list[Block]:
    return BlockBuilder().blocks(content, parts)


def block(part: Any) -> Block:
    found = blocks(None, [part])
    assert len(found) == 1
    return found[0]


def test_content_is_shown_as_markdown() -> None:
    assert blocks("**hi**") == [
        Block(kind="text", label="Text", html="<p><strong>hi</strong></p>\n", is_folded=False),
    ]


@pytest.mark.parametrize("content", [None, ""])
@pytest.mark.parametrize("parts", [None, []])
def test_nothing_makes_no_block(content: str | None, parts: Any) -> None:
    assert blocks(content, parts) == []


def test_parts_stand_in_their_order() -> None:
    parts = [
        {"type": "tool_result", "output": "1"},
        {"type": "text", "text": "two"},
        {"type": "reasoning", "text": "three"},
        {"type": "tool_call", "name": "four"},
        {"type": "code", "text": "five"},
        {"type": "image", "url": "https://six"},
        {"type": "seven"},
        8,
    ]

    kinds = [each.kind for each in blocks(None, parts)]

    assert kinds == ["tool-result", "text", "reasoning", "tool-call", "code", "image", "other", "other"]


def test_reasoning_is_folded_with_its_beginning_in_the_summary() -> None:
    found = block({"type": "reasoning", "text": "First\n\nthis, *then* that.", "signature": "abc"})

    assert found == Block(
        kind="reasoning",
        label="Reasoning",
        summary="First this, *then* that.",
        html="<p>First</p>\n<p>this, <em>then</em> that.</p>\n",
        others='{\n  "signature": "abc"\n}',
    )


@pytest.mark.parametrize(
    ("arguments", "text", "summary"),
    [
        ('{"a":1,"b":[2]}', '{\n  "a": 1,\n  "b": [\n    2\n  ]\n}', '{"a":1,"b":[2]}'),
        ({"a": 1}, '{\n  "a": 1\n}', '{"a": 1}'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ('{"cut off', '{"cut off', '{"cut off'),
        ("[" * 300, "[" * 300, "[" * 90 + "…"),
        ("plain words", "plain words", "plain words"),
        ("1e400", "1e400", "1e400"),
        (None, "", ""),
        (123456789012345678901234567890, "123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_tool_call_shows_its_arguments_with_line_breaks(arguments: Any, text: str, summary: str) -> None:
    found = block({"type": "tool_call", "id": "c1", "name": "search", "arguments": arguments})

    assert found == Block(
        kind="tool-call",
        label="Tool call",
        name="search",
        text=text,
        summary=summary,
        others='{\n  "id": "c1"\n}',
    )


def test_tool_result_shows_any_json_with_line_breaks() -> None:
    found = block({"type": "tool_result", "name": "search", "output": {"ä": [True, None]}})

    assert found == Block(
        kind="tool-result",
        label="Tool result",
        name="search",
        text='{\n  "ä": [\n    true,\n    null\n  ]\n}',
        summary='{"ä": [true, null]}',
    )


def test_tool_result_that_failed_is_marked() -> None:
    found = block({"type": "tool_result", "output": "no", "is_error": True})

    assert (found.label, found.is_error, found.others) == ("Tool error", True, '{\n  "is_error": true\n}')


def test_code_keeps_its_language_and_is_not_rendered() -> None:
    assert block({"type": "code", "language": "python", "text": "print('*a*')"}) == Block(
        kind="code", label="Code", name="python", text="print('*a*')", is_folded=False
    )


@pytest.mark.parametrize(
    ("part", "name", "text", "others"),
    [
        ({"type": "image", "url": "https://a/b.png", "alt": "A hill"}, "A hill", "https://a/b.png", ""),
        ({"type": "image", "asset_pointer": "file-service://x"}, "", "file-service://x", ""),
        ({"type": "image", "data": "data:image/png;base64,AAAA"}, "", "data:image/png;base64, 26 characters", ""),
        ({"type": "file", "name": "a.pdf", "size": 3}, "a.pdf", "", '{\n  "size": 3\n}'),
        (
            {"type": "image_url", "image_url": {"url": "https://a/b.png"}},
            "",
            "https://a/b.png",
            '{\n  "image_url": {\n    "url": "https://a/b.png"\n  }\n}',
        ),
    ],
)
def test_attachment_is_named_and_never_loaded(part: Any, name: str, text: str, others: str) -> None:
    found = block(part)

    assert (found.name, found.text, found.others, found.html, found.is_folded) == (name, text, others, "", False)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "citation", "id": 1},
        {"type": 7},
        {"no": "type"},
        "text",
        5,
        None,
        ["x"],
        {"type": "text", "text": 5},
        {"type": "code", "text": ""},
        {"type": "reasoning"},
    ],
)
def test_part_of_unknown_shape_is_folded_as_json(part: Any) -> None:
    found = block(part)

    assert (found.kind, found.is_folded) == ("other", True)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("a\nb", [{"type": "text", "text": "a"}, {"type": "reasoning", "text": "x"}, {"type": "code", "text": "b"}]),
        ("out", [{"type": "tool_result", "output": "out"}]),
        ("{}", [{"type": "tool_call", "arguments": "{}"}]),
    ],
)
def test_content_that_its_parts_repeat_is_shown_once(content: str, parts: list[Any]) -> None:
    assert len(blocks(content, parts)) == len(parts)


def test_content_that_its_parts_do_not_say_is_shown_first() -> None:
    found = blocks("Summary", [{"type": "tool_call", "name": "search"}])

    assert [each.kind for each in found] == ["text", "tool-call"]


@pytest.mark.parametrize("parts", [{"type": "text"}, "text", 5])
def test_parts_that_are_no_list_are_shown_as_json(parts: Any) -> None:
    assert [each.label for each in blocks("said", parts)] == ["Text", "Parts"]


def test_many_parts_are_shown_in_one_block_from_some_number_on() -> None:
    found = blocks(None, [{"type": "text", "text": str(number)} for number in range(MAX_BLOCKS + 3)])

    assert len(found) == MAX_BLOCKS + 1
    assert (found[-1].label, found[-1].is_folded) == ("3 more parts", True)


def test_long_text_is_folded_and_cut_with_a_note() -> None:
    found = BlockBuilder().blocks("x" * (MAX_BLOCK + 1), None, length=2_500_000)

    assert found == [
        Block(
            kind="text",
            label="Long text",
            text="x" * MAX_BLOCK,
            summary="x" * 90 + "…",
            note="The first 100,000 of 2,500,000 characters. An export holds all of them.",
        )
    ]


def test_page_renders_no_more_markdown_than_its_budget() -> None:
    builder = BlockBuilder(Budget(markdown_text=10))

    kinds = [bool(builder.prose(text).html) for text in ("12345", "123456", "12345", "1")]

    assert kinds == [True, False, True, False]


def test_page_shows_the_beginning_of_what_is_beyond_its_budget() -> None:
    builder = BlockBuilder(Budget(text=SHORT + 1, markdown_text=0))

    shown = [len(builder.prose("x" * 5000).text) for _ in range(3)]

    assert shown == [SHORT + 1, SHORT, SHORT]
