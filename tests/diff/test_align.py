from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.diff.align import Match, align, pair_groups

ITEMS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=8)  # a strict key and a lenient one


def letters(text: str) -> list[tuple[str, str]]:
    """Capitals are the same as small letters by the second key."""
    return [(char, char.lower()) for char in text]


def pairs(old: str, new: str) -> list[str]:
    matches = align(letters(old), letters(new))
    return [
        ("" if m.old is None else old[m.old]) + ">" + ("" if m.new is None else new[m.new]) + ("!" if m.moved else "")
        for m in matches
    ]


def test_the_same_items_are_pairs() -> None:
    assert pairs("abc", "abc") == ["a>a", "b>b", "c>c"]


def test_what_is_in_one_only_stands_where_it_was() -> None:
    assert pairs("abc", "axc") == ["a>a", ">x", "b>", "c>c"]
    assert pairs("", "xy") == [">x", ">y"]


def test_what_is_nearly_the_same_is_a_pair_between_those_that_are() -> None:
    assert pairs("abc", "aBc") == ["a>a", "b>B", "c>c"]


def test_what_is_exactly_the_same_goes_before_what_nearly_is() -> None:
    assert pairs("ab", "Aab") == [">A", "a>a", "b>b"]


def test_an_item_at_another_place_has_moved() -> None:
    assert sorted(pairs("abcd", "bcda")) == ["a>a!", "b>b", "c>c", "d>d"]


@given(ITEMS, ITEMS)
def test_each_item_is_in_one_match_and_no_pairs_cross(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    matches = align(old, new)

    assert sorted(m.old for m in matches if m.old is not None) == list(range(len(old)))
    assert sorted(m.new for m in matches if m.new is not None) == list(range(len(new)))
    fixed = [m.new for m in matches if m.old is not None and m.new is not None and not m.moved]
    assert fixed == sorted(j for j in fixed if j is not None)


@given(ITEMS)
def test_a_sequence_is_itself(items: list[tuple[int, int]]) -> None:
    assert align(items, items) == [Match(place, place) for place in range(len(items))]


def test_groups_are_paired_by_what_they_share() -> None:
    assert pair_groups({"s1": "ab", "s2": "cd", "s3": "x"}, {"s1": "cd", "s2": "abb"}) == [
        ("s1", "s2"),
        ("s2", "s1"),
        ("s3", None),
    ]
    assert pair_groups({}, {None: "a"}) == [(None, None)]


def test_thousands_of_items_of_which_many_are_the_same_take_no_minutes() -> None:
    old = [key for n in range(3000) for key in ((n, n), ("poll", "poll"))]
    new = [key for n in range(3000) if n % 50 for key in ((n, n), ("poll", "poll"))]

    matches = align(old, new)

    assert sum(match.new is None for match in matches) == 120
    assert not any(match.moved for match in matches)


GROUPS = st.dictionaries(st.sampled_from(["s1", "s2", "s3", None]), st.lists(st.integers(0, 4), max_size=5))


@given(GROUPS, GROUPS)
def test_groups_are_paired_as_if_each_were_compared_with_each(
    old: dict[str | None, list[int]], new: dict[str | None, list[int]]
) -> None:
    by_share = sorted(
        (-(Counter(mine) & Counter(its)).total(), i, j)
        for i, mine in enumerate(old.values())
        for j, its in enumerate(new.values())
    )
    partner: dict[int, int] = {}
    for _, i, j in by_share:
        if i not in partner and j not in partner.values():
            partner[i] = j
    found = dict(pair for pair in enumerate(pair_groups(old, new)) if pair[0] < len(old))

    labels = [*new]
    assert [pair[0] for pair in found.values()] == [*old]
    assert [pair[1] for pair in found.values()] == [
        labels[partner[i]] if i in partner else None for i in range(len(old))
    ]


@given(ITEMS, ITEMS)
def test_pairs_made_in_turn_do_not_cross_either(old: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("recorder.diff.align._MOST_COMPARED", 0)
        matches = align(old, new)

    assert sorted(m.old for m in matches if m.old is not None) == list(range(len(old)))
    assert sorted(m.new for m in matches if m.new is not None) == list(range(len(new)))
    fixed = [m.new for m in matches if m.old is not None and m.new is not None and not m.moved]
    assert fixed == sorted(j for j in fixed if j is not None)


def test_thousands_of_equal_items_take_no_minutes() -> None:
    old, new = ([("poll", "poll")] * count + [("x", "x")] + [("poll", "poll")] * 4000 for count in (4000, 3990))

    matches = align([*old, ("y", "y")], [*new, ("z", "z")])

    assert sum(match.new is None for match in matches) == 11
