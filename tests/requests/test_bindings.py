"""A bound value is found in a text wherever it stands, without trying all that are bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.replay.engine.rewriting.rewriter import any_of
from recorder.requests.bindings import HIDDEN, Bindings, first_run, runs


def test_a_live_value_is_known_by_what_it_stands_for() -> None:
    bindings = Bindings()
    bindings.bind("device", "recorded", "live")

    assert bindings.live == {("device", "recorded"): "live"}
    assert bindings.is_live("device", "live")
    assert not bindings.is_live("reference", "live")
    assert not bindings.is_empty


@pytest.mark.parametrize(
    ("key", "recorded", "is_word", "is_whole"),
    [
        ("device", "1234567", False, False),
        ("device", "12345678", True, False),
        (HIDDEN, "123", False, False),
        (HIDDEN, "1234", False, True),
        (HIDDEN, "12345678", True, True),
    ],
)
def test_how_long_a_value_is_decides_where_it_is_replaced(
    key: str, recorded: str, is_word: bool, is_whole: bool
) -> None:
    bindings = Bindings()
    bindings.bind(key, recorded, "live")

    assert (recorded in bindings.words, recorded in bindings.whole) == (is_word, is_whole)


def test_what_stands_for_itself_is_replaced_nowhere() -> None:
    bindings = Bindings()
    bindings.bind("device", "12345678", "12345678")

    assert list(bindings.in_text(frozenset(runs("12345678")))) == []


CHARACTERS = st.text(st.sampled_from("aB1_-%2Fé +./:\n"), max_size=12)


@given(CHARACTERS, CHARACTERS.filter(bool), CHARACTERS)
def test_a_text_that_holds_a_word_has_its_first_run(before: str, word: str, after: str) -> None:
    text = before + word + after

    if any_of([word]).search(text):
        assert first_run(word) in set(runs(text))
