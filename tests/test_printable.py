"""Text of strangers for a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.printable import Count, counted, printable, shortened, to_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Überweisung €", "Überweisung €"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r", "a\\nb\\r"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b31m\x07", "\\x9b31m\\x07"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_would_steer_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert printable(text) == shown


VALUES = st.recursive(
    st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
def test_json_is_inert_and_still_the_same_value(value: object) -> None:
    text = to_json(value)

    assert json.loads(text) == value
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(("number", "text"), [(0, "0 bodies are"), (1, "1 body is"), (2, "2 bodies are")])
def test_the_words_fit_the_number(number: int, text: str) -> None:
    assert counted(number, "body is", "bodies are") == text


def test_a_plural_has_an_s_unless_it_is_given() -> None:
    assert (counted(1, "triple"), counted(2, "triple")) == ("1 triple", "2 triples")


def test_a_template_takes_the_words_that_fit() -> None:
    template = "left out: {count:entry|entries} of {all}"

    assert template.format(count=Count(1), all=Count(7)) == "left out: 1 entry of 7"
    assert template.format(count=Count(2), all=Count(7)) == "left out: 2 entries of 7"


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [
        ("short", 5, "short"),
        ("longer", 5, "longe…"),
        ("", 3, ""),
        ("\0" * 9, 9, "\0\0…"),
        ("ab\x1bcd", 5, "ab…"),
        ("ab\x1bcd", 8, "ab\x1bcd"),
    ],
)
def test_a_text_is_cut_by_what_is_printed_of_it(text: str, most: int, cut: str) -> None:
    assert shortened(text, most) == cut
