"""Words of a text have places that are found again in another text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.plan import Word
from recorder.drive.engine.words import split, word_at, word_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/devices/1001?active=true", ["devices", "1001", "active", "true"]),
        ("3f2a-b1 is gone.", ["3f2a-b1", "is", "gone"]),
        ("https://gws.example:8443/a_b", ["https", "gws.example", "8443", "a_b"]),
        ("-", []),
    ],
)
def test_words_are_what_stands_between_separators(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in split(text)] == words


def test_a_word_is_found_in_another_text_of_as_many_words() -> None:
    word = word_of("/devices/1001/state", 9, 13)

    assert word == Word(1, 3)
    assert word_at("/devices/2002/state", word) == "2002"


def test_a_word_near_the_end_is_counted_from_the_end() -> None:
    word = word_of("/api/calls/c-17", 11, 15)

    assert word is not None
    assert word_at("https://host/new/api/calls/c-99", word) == "c-99"


def test_a_word_near_the_start_is_counted_from_the_start() -> None:
    word = word_of("c-17 was answered late", 0, 4)

    assert word is not None
    assert word_at("c-99 was answered", word) == "c-99"


def test_a_text_with_too_few_words_has_none_there() -> None:
    assert word_at("gone", Word(1, 4)) is None
    assert word_at("gone", Word(0, 4)) == "gone"
    assert word_at("", Word(3, 4)) is None


def test_a_whole_text_and_a_part_of_a_word_are_no_words() -> None:
    assert word_of("1001", 0, 4) is None
    assert word_of("/1001", 1, 3) is None


@given(st.text())
def test_each_word_of_a_text_is_found_in_that_text(text: str) -> None:
    places = [(word_of(text, start, end), text[start:end]) for start, end in split(text)]

    assert [word_at(text, word) for word, _ in places if word is not None] == [w for word, w in places if word]
