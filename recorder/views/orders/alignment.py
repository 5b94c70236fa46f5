"""Put two orders beside each other: what both have in the same order stands on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

NONE = -1
Rows = list[tuple[int, int]]  # places in the two orders; `NONE` where a line has nothing


def aligned(left: Sequence[str], right: Sequence[str], weight: Callable[[str], int]) -> Rows:
    """Return the lines of two orders, from the first to the last.

    On one line stand the names of the heaviest selection that both have in the same order. A name that moved stands
    alone on two lines, one for each order.

    Args:
        left: Names, none twice.
        right: Names; one that comes again counts where it comes first.
        weight: Returns how much it counts that a name stands on one line, from 1.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(right):
        first.setdefault(name, place)
    pairs = [(place, first[name]) for place, name in enumerate(left) if name in first]
    kept = _heaviest([(j, weight(left[i])) for i, j in pairs])
    return [*_lines([pairs[at] for at in kept], len(left), len(right))]


def _heaviest(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return the places of the heaviest increasing selection of numbers (each once), each with its weight.

    A Fenwick tree holds for each number the heaviest selection that ends at it or below, so that it takes O(n log n).
    """
    size = max((number for number, _ in pairs), default=0) + 1
    best = [(0, NONE)] * (size + 1)  # weight, and the place of the last one
    before = []
    for place, (number, weight) in enumerate(pairs):
        sum_, last = max(best[at] for at in _below(number))
        before.append(last)
        at = number + 1
        while at <= size:
            best[at] = max(best[at], (sum_ + weight, place))
            at += at & -at
    _, last = max(best[at] for at in _below(size))
    found = []
    while last != NONE:
        found.append(last)
        last = before[last]
    return found[::-1]


def _below(number: int) -> Iterator[int]:
    """Yield the nodes of the tree that hold what is below a number, and the empty one."""
    while number:
        yield number
        number -= number & -number
    yield 0


def _lines(kept: Sequence[tuple[int, int]], left: int, right: int) -> Iterator[tuple[int, int]]:
    i = j = 0
    for to_left, to_right in [*kept, (left, right)]:
        yield from ((place, NONE) for place in range(i, to_left))
        yield from ((NONE, place) for place in range(j, to_right))
        if (to_left, to_right) != (left, right):
            yield to_left, to_right
        i, j = to_left + 1, to_right + 1
