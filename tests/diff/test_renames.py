"""Ids that stand for each other: many pairs at once are what one pair after the other is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.diff.renames import Renames, digest
from recorder.diff.words import Hole

VALUES = st.integers(0, 5)
GROUPS = st.lists(st.lists(st.tuples(VALUES, VALUES), max_size=4), max_size=8)


@given(GROUPS)
def test_pairs_are_noted_together_as_one_by_one(groups: list[list[tuple[int, int]]]) -> None:
    together, alone = Renames(), Renames()
    for group in groups:
        agreed = together.agree([old for old, _ in group], [new for _, new in group])
        # what does not agree is compared pair by pair, in another order, and then tells the contradictions
        told = [pair for pair in group[::-1] if not agreed and together.contradicts(*pair)]

        assert told == [pair for pair in group[::-1] if alone.contradicts(*pair)]


def test_a_pair_that_contradicts_is_told_once() -> None:
    renames = Renames()

    assert [renames.contradicts(*pair) for pair in ((1, 7), (1, 8), (1, 8), (2, 7), (2, 9), (1, 7))] == [
        False,
        True,
        False,
        True,
        False,
        False,
    ]


def test_a_digest_tells_kind_and_value_apart() -> None:
    assert digest(Hole("a", "bc")) != digest(Hole("ab", "c"))
    assert digest(Hole("a", "\ud800")) >= 0
