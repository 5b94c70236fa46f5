"""Text of strangers for a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.printable import printable, to_json


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
