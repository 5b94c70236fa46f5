"""Pair the items of two sequences: first equal items, then similar ones, then moved ones."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol, TypeAlias

_Gap: TypeAlias = tuple[range, range]
# Pairs of equal items from which on the search for the longest run of them (difflib), which is quadratic, would take
# seconds; then equal items are paired in turn.
_MOST_COMPARED = 4_000_000


class Keys(Protocol):
    """The keys of some items, from the strictest to the most lenient; all items have equally many."""

    def __len__(self) -> int:
        """Return the number of items."""

    def __getitem__(self, at: int, /) -> Sequence[Hashable]:
        """Return the keys of an item."""


@dataclass(frozen=True, slots=True)
class Match:
    """A pair of items, each given by its place in its sequence; None for an item without a partner."""

    old: int | None
    new: int | None
    moved: bool = False


def align(old: Keys, new: Keys, strict: int = 2) -> list[Match]:
    """Return the pairs of items, in the order of the old sequence.

    An item that is only in the new sequence stands behind the item it follows there.

    The keys are compared stage by stage, from strict to lenient. Each stage searches only the gaps between the pairs of
    the stages before, so these pairs never cross. Among the items without a partner, two with an equal key of one of
    the strictest stages become a pair with `moved`.

    Args:
        old: The keys of each old item; all items have equally many keys.
        new: The keys of each new item, in as many stages.
        strict: Number of the stages by which items may have moved.
    """
    gaps: list[_Gap] = [(range(len(old)), range(len(new)))]
    pairs: list[Match] = []
    for stage in range(len(old[0]) if len(old) else 0):
        left: list[_Gap] = []
        for gap in gaps:
            found = list(_common(old, new, gap, stage))
            pairs += [Match(i, j) for i, j in found]
            left += _between(gap, found)
        gaps = left
    old_left = [i for mine, _ in gaps for i in mine]
    new_left = [j for _, its in gaps for j in its]
    for stage in range(strict):
        moved = dict(_same(old, new, old_left, new_left, stage))
        pairs += [Match(i, j, moved=True) for i, j in moved.items()]
        taken = set(moved.values())
        old_left = [i for i in old_left if i not in moved]
        new_left = [j for j in new_left if j not in taken]
    return _in_order([*pairs, *(Match(i, None) for i in old_left), *(Match(None, j) for j in new_left)])


def pair_groups(
    old: Mapping[str | None, Iterable[Hashable]], new: Mapping[str | None, Iterable[Hashable]]
) -> list[tuple[str | None, str | None]]:
    """Pair groups (sessions) by the number of items they share, in the order of the old groups.

    A group without a partner is paired with None; new groups without a partner come last.

    Args:
        old: The items of each old group, by label.
        new: The items of each new group, by label.
    """
    mine, its = list(old), list(new)
    shared = _shared(old.values(), new.values())
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in sorted(shared, key=lambda pair: (-shared[pair], pair)):
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    left = iter([j for j in range(len(its)) if j not in taken])  # groups that share nothing are paired in their order
    for i in range(len(mine)):
        if i not in partner and (other := next(left, None)) is not None:
            partner[i] = other
    taken = set(partner.values())
    pairs = [(label, its[partner[i]] if i in partner else None) for i, label in enumerate(mine)]
    return [*pairs, *((None, label) for j, label in enumerate(its) if j not in taken)]


def _shared(old: Iterable[Iterable[Hashable]], new: Iterable[Iterable[Hashable]]) -> dict[tuple[int, int], int]:
    """Return how many items two groups share, for each pair of groups that share one."""
    counts: dict[Hashable, tuple[dict[int, int], dict[int, int]]] = {}
    for side, groups in enumerate((old, new)):
        for place, items in enumerate(groups):
            for item, count in Counter(items).items():
                counts.setdefault(item, ({}, {}))[side][place] = count
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for mine, its in counts.values():
        for i, count in mine.items():
            for j, other in its.items():
                shared[i, j] += min(count, other)
    return shared


def _common(old: Keys, new: Keys, gap: _Gap, stage: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs in a gap that have an equal key at this stage.

    First come the pairs whose key occurs once on each side (patience diff), then the pairs between them. Without the
    first step, thousands of items with few different keys would take minutes.
    """
    mine, its = gap
    a, b = [old[i][stage] for i in mine], [new[j][stage] for j in its]
    if a == b:
        yield from zip(mine, its, strict=True)
        return
    anchors = _ascending(_unique(a, b))
    for inner, anchor in zip(
        [*_between((range(len(a)), range(len(b))), anchors, empty=True)], [*anchors, None], strict=True
    ):
        for i, j in _matching(a, b, inner):
            yield mine[i], its[j]
        if anchor is not None:
            yield mine[anchor[0]], its[anchor[1]]


def _matching(a: Sequence[Hashable], b: Sequence[Hashable], gap: _Gap) -> Iterator[tuple[int, int]]:
    """Yield the places of equal items in a part of two sequences, in an order that is the same in both."""
    mine, its = gap
    left, right = a[mine.start : mine.stop], b[its.start : its.stop]
    if not left or not right:
        return
    counts = Counter(left), Counter(right)
    if sum(count * counts[1][item] for item, count in counts[0].items()) > _MOST_COMPARED:
        for i, j in _ascending(_in_turn(left, right)):
            yield mine.start + i, its.start + j
        return
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        for place in range(block.size):
            yield mine.start + block.a + place, its.start + block.b + place


def _in_turn(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the places of the first, second … item of each kind in both sequences, in the order of the first."""
    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for place, item in enumerate(b):
        waiting[item].append(place)
    return [(place, waiting[item].popleft()) for place, item in enumerate(a) if waiting.get(item)]


def _unique(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return the places of the items that occur once in each sequence, in the order of the first."""
    mine, its = _once(a), _once(b)
    return [(place, its[item]) for item, place in mine.items() if place >= 0 and its.get(item, -1) >= 0]


def _once(items: Sequence[Hashable]) -> dict[Hashable, int]:
    """Return the place of each item, -1 for one that occurs again."""
    places: dict[Hashable, int] = {}
    for place, item in enumerate(items):
        places[item] = -1 if item in places else place
    return places


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest subsequence of pairs that ascends on the right; the pairs already ascend on the left."""
    tops: list[int] = []  # for each length of a run, the least right side at which such a run ends
    ends: list[int] = []  # for each length, the number of the pair at that end
    before: list[int] = []  # for each pair, the number of the pair before it in its run, -1 at the start
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
    """Yield the parts of a gap before, between and behind its pairs; empty parts only if `empty`."""
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

    # an item of the new sequence alone takes the place of the pair before it; -1 puts that pair first
    def place(match: Match) -> tuple[int, int]:
        if match.old is not None:
            return match.old, -1
        before = bisect_left(fixed, (match.new or 0, -1))
        return fixed[before - 1][1] if before else -1, match.new or 0

    return sorted(matches, key=place)
