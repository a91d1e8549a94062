"""The words of a text that is ASCII are found by a pattern of their own, and are the same."""

from __future__ import annotations

import string
import unicodedata

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations import search
from conversations.search import MAX_WORD_LENGTH, MAX_WORDS, joined, words_of
from tests.fast.ways import database_free

pytestmark = database_free

often = settings(derandomize=True, deadline=None, max_examples=300)

ASCII = st.text(st.characters(max_codepoint=127))
BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f "
SIGNS = st.text(st.sampled_from(string.ascii_letters[:4] + "XYZ019_-'.%\\\"" + BLANKS))


def by_general_pattern(text: str) -> list[str]:
    """The words as they are defined, for any text."""
    found = search._WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return list(dict.fromkeys(search._shortened(word) for word in found))[:MAX_WORDS]


@often
@given(text=ASCII | SIGNS)
def test_words_of_ascii_are_those_of_the_general_pattern(text: str) -> None:
    assert words_of(text) == by_general_pattern(text)


@often
@given(text=ASCII | SIGNS)
def test_words_do_not_depend_on_what_else_the_text_holds(text: str) -> None:
    """One character that is not ASCII sends the whole text through the general pattern."""
    assert words_of(f"{text} é") == list(dict.fromkeys([*words_of(text), "é"]))


@pytest.mark.parametrize("code", range(128), ids=lambda code: f"{code:02x}")
def test_every_character_of_ascii_is_cut_alike(code: int) -> None:
    text = f"a{chr(code)}b{chr(code)}"

    assert words_of(text) == by_general_pattern(text)
    assert words_of(text.upper()) == by_general_pattern(text)


@often
@given(text=st.text(max_size=60))
def test_words_hold_no_blank(text: str) -> None:
    """They are handed to PostgreSQL with blanks between them."""
    words = words_of(text)

    assert joined(text).split(" ") == (words or [""])
    assert all(word and not word.isspace() for word in words)


@often
@given(text=ASCII | SIGNS | st.text(max_size=20))
def test_words_are_written_for_sqlite_at_once_as_one_by_one(text: str) -> None:
    words = words_of(text)

    assert search._plain_text(words) == " ".join(search._plain(word) for word in words)


def test_the_words_of_a_mixed_text_are_found() -> None:
    assert words_of("Straße 漢字 under_score ﬁne N°5 É\u0301") == [
        *("strasse", "漢", "字", "under", "_", "score", "fine", "n", "°", "5", *by_general_pattern("É\u0301"))
    ]


@pytest.mark.parametrize("letter", ["a", "é", "漢"])
@pytest.mark.parametrize("length", [MAX_WORD_LENGTH, MAX_WORD_LENGTH + 1, 5 * MAX_WORD_LENGTH])
def test_a_long_word_is_shortened_to_one_of_its_own(letter: str, length: int) -> None:
    [word, *others] = words_of(letter * length)

    if letter == "漢":
        assert (word, others) == (letter, [])
    elif length <= MAX_WORD_LENGTH:
        assert (word, others) == (letter * length, [])
    else:
        assert (word[: MAX_WORD_LENGTH // 2], len(word)) == (letter * (MAX_WORD_LENGTH // 2), MAX_WORD_LENGTH // 2 + 64)
        assert word != words_of(letter * (length + 1))[0]


@pytest.mark.parametrize("extra", ["", " é"])
def test_only_so_many_words_are_kept(extra: str) -> None:
    words = words_of(" ".join(f"w{number}" for number in range(MAX_WORDS + 10)) + extra)

    assert words == [f"w{number}" for number in range(MAX_WORDS)]


@pytest.mark.parametrize("text", ["", " ", BLANKS, None])
def test_a_text_without_words_is_joined_to_nothing(text: str | None) -> None:
    assert joined(text) == ""


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the index of PostgreSQL has no parts")
def test_index_merges_its_parts_less_often_than_by_default(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT v FROM search_words_config WHERE k = 'automerge'")
        assert cursor.fetchall() == [(8,)]
