"""Pairs the items of two sequences: first what is the same, then what is nearly so, then what has moved."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

Keys: TypeAlias = Sequence[tuple[Hashable, ...]]  # of each item its keys, from the strictest to the most lenient
_Gap: TypeAlias = tuple[range, range]


@dataclass(frozen=True, slots=True)
class Match:
    """An item of both sequences, or of one; by place."""

    old: int | None
    new: int | None
    moved: bool = False


def align(old: Keys, new: Keys) -> list[Match]:
    """Pair the items, in the order of the old sequence; what is only in the new one stands behind what it follows.

    Each stage of keys is tried between the pairs that the stages before it found, so that pairs do not cross. Of what
    is left, items with an equal key of the two strictest stages are pairs that have moved.
    """
    gaps: list[_Gap] = [(range(len(old)), range(len(new)))]
    pairs: list[Match] = []
    for stage in range(len(old[0]) if old else 0):
        left: list[_Gap] = []
        for gap in gaps:
            found = list(_common(old, new, gap, stage))
            pairs += [Match(i, j) for i, j in found]
            left += _between(gap, found)
        gaps = left
    old_left = [i for mine, _ in gaps for i in mine]
    new_left = [j for _, its in gaps for j in its]
    for stage in (0, 1):
        moved = list(_same(old, new, old_left, new_left, stage))
        pairs += [Match(i, j, moved=True) for i, j in moved]
        old_left = [i for i in old_left if i not in {pair[0] for pair in moved}]
        new_left = [j for j in new_left if j not in {pair[1] for pair in moved}]
    return _in_order([*pairs, *(Match(i, None) for i in old_left), *(Match(None, j) for j in new_left)])


def pair_groups(
    old: Mapping[str | None, Iterable[Hashable]], new: Mapping[str | None, Iterable[Hashable]]
) -> list[tuple[str | None, str | None]]:
    """Pair groups (sessions) by how many items they share, in the order of the old ones; the rest stays alone."""
    mine, its = ({label: Counter(items) for label, items in groups.items()} for groups in (old, new))
    shared = [
        (-(count & other).total(), i, j)
        for i, count in enumerate(mine.values())
        for j, other in enumerate(its.values())
    ]
    old_labels, new_labels = list(mine), list(its)
    partner: dict[int, int] = {}
    for _, i, j in sorted(shared):
        if i not in partner and j not in partner.values():
            partner[i] = j
    pairs = [(label, new_labels[partner[i]] if i in partner else None) for i, label in enumerate(old_labels)]
    return [*pairs, *((None, label) for j, label in enumerate(new_labels) if j not in partner.values())]


def _common(old: Keys, new: Keys, gap: _Gap, stage: int) -> Iterator[tuple[int, int]]:
    """The pairs with an equal key in a gap: first those whose key is there once (patience diff), then between them.

    Without the former, thousands of items with few different keys would take minutes.
    """
    anchors = _ascending(_unique(old, new, gap, stage))
    for inner, anchor in zip([*_between(gap, anchors, empty=True)], [*anchors, None], strict=True):
        mine, its = inner
        matcher = SequenceMatcher(None, [old[i][stage] for i in mine], [new[j][stage] for j in its], autojunk=False)
        for block in matcher.get_matching_blocks() if mine and its else ():
            for place in range(block.size):
                yield mine[block.a + place], its[block.b + place]
        if anchor is not None:
            yield anchor


def _unique(old: Keys, new: Keys, gap: _Gap, stage: int) -> list[tuple[int, int]]:
    """Pairs with a key that no other item of the gap has, in the order of the old ones."""
    places: dict[Hashable, list[list[int]]] = defaultdict(lambda: [[], []])
    for side, (keys, own) in enumerate(zip((old, new), gap, strict=True)):
        for place in own:
            places[keys[place][stage]][side].append(place)
    return [(mine[0], its[0]) for mine, its in places.values() if len(mine) == len(its) == 1]


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of pairs, ascending on the left, that ascends on the right too."""
    tops: list[int] = []  # the least right side at which a run of each length ends, and which pair that is
    ends: list[int] = []
    before: list[int] = []
    for number, (_, right) in enumerate(pairs):
        length = bisect_left(tops, right)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [right]
        ends[length : length + 1] = [number]
    found = []
    number = ends[-1] if ends else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


def _between(gap: _Gap, pairs: Iterable[tuple[int, int]], *, empty: bool = False) -> Iterator[_Gap]:
    """What is left of a gap before, between and behind the pairs found in it; where nothing is, only if `empty`."""
    mine, its = gap
    i, j = mine.start, its.start
    for a, b in [*pairs, (mine.stop, its.stop)]:
        if empty or a > i or b > j:
            yield range(i, a), range(j, b)
        i, j = a + 1, b + 1


def _same(
    old: Keys, new: Keys, old_left: Iterable[int], new_left: Iterable[int], stage: int
) -> Iterator[tuple[int, int]]:
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for j in new_left:
        waiting[new[j][stage]].append(j)
    for i in old_left:
        if waiting.get(old[i][stage]):
            yield i, waiting[old[i][stage]].popleft()


def _in_order(matches: Sequence[Match]) -> list[Match]:
    fixed = sorted((m.new, m.old) for m in matches if m.new is not None and m.old is not None and not m.moved)

    def place(match: Match) -> tuple[int, int]:
        if match.old is not None:
            return match.old, -1
        before = bisect_left(fixed, (match.new or 0, -1))
        return fixed[before - 1][1] if before else -1, match.new or 0

    return sorted(matches, key=place)
