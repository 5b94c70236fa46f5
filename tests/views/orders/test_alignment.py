"""Two orders beside each other: what is the same stands on one line, and as little as can be is told as moved."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.views.orders.alignment import NONE, aligned

NAMES = st.lists(st.sampled_from("abcdefg"), unique=True)


def lines(left: str, right: str, light: str = "") -> list[str]:
    """The lines of two orders of single letters; those in `light` are rather moved than others."""
    rows = aligned(left, right, lambda name: 1 if name in light else 4)
    return ["".join(["." if i == NONE else left[i], "." if j == NONE else right[j]]) for i, j in rows]


@pytest.mark.parametrize(
    ("left", "right", "light", "expected"),
    [
        ("abc", "abc", "", ["aa", "bb", "cc"]),
        ("abc", "acb", "c", ["aa", ".c", "bb", "c."]),
        ("abc", "acb", "b", ["aa", "b.", "cc", ".b"]),
        ("abcd", "bcda", "cd", ["a.", "bb", "cc", "dd", ".a"]),
        ("abc", "ac", "", ["aa", "b.", "cc"]),
        ("abc", "abbc", "", ["aa", "bb", ".b", "cc"]),
        ("abc", "", "", ["a.", "b.", "c."]),
        ("", "", "", []),
    ],
)
def test_what_moved_stands_on_two_lines(left: str, right: str, light: str, expected: list[str]) -> None:
    assert lines(left, right, light) == expected


@given(NAMES, st.lists(st.sampled_from("abcdefg")))
def test_each_place_is_on_one_line_in_its_order(left: list[str], right: list[str]) -> None:
    rows = aligned(left, right, lambda _: 1)

    assert [i for i, _ in rows if i != NONE] == [*range(len(left))]
    assert [j for _, j in rows if j != NONE] == [*range(len(right))]
    assert all(left[i] == right[j] for i, j in rows if NONE not in (i, j))


@given(NAMES, NAMES, st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 4)))
def test_no_other_selection_is_heavier(left: list[str], right: list[str], weights: dict[str, int]) -> None:
    def weight(name: str) -> int:
        return weights.get(name, 2)

    both = [name for name in left if name in right]
    best = max(
        sum(map(weight, some))
        for size in range(len(both) + 1)
        for some in combinations(both, size)
        if all(right.index(a) < right.index(b) for a, b in pairwise(some))
    )

    rows = aligned(left, right, weight)

    assert sum(weight(left[i]) for i, j in rows if NONE not in (i, j)) == best


def test_long_orders_are_aligned_too() -> None:
    left = [str(n) for n in range(5000)]

    rows = aligned(left, [*left[2500:], *left[:2500]], lambda _: 1)

    assert sum(NONE not in row for row in rows) == 2500
