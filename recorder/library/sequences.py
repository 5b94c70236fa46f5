"""Sequences whose items are made when they are asked for, alone, mapped and one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Generic, TypeVar, overload

T = TypeVar("T")
S = TypeVar("S")

_ITEMS = 64  # items of a sequence that are kept


class Lazy(Sequence[T]):
    """A sequence whose items are made when they are asked for; the last ones are kept. Iteration keeps none."""

    def __init__(self, count: int, item: Callable[[int], T], ended: Callable[[], None] | None = None) -> None:
        """Take what the sequence is made of.

        Args:
            count: Its length.
            item: Returns an item by its place.
            ended: Called when the sequence was iterated to its end, e.g. to check the whole file then.
        """
        self._count, self._item, self._ended = count, item, ended
        self._kept = lru_cache(_ITEMS)(item)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self._kept(at) for at in range(*place.indices(self._count))]
        at = place + self._count if place < 0 else place
        if not 0 <= at < self._count:
            raise IndexError(place)
        return self._kept(at)

    def __iter__(self) -> Iterator[T]:
        yield from map(self._item, range(self._count))
        if self._ended is not None:
            self._ended()


def mapped(items: Sequence[S], function: Callable[[S], T]) -> Sequence[T]:
    """Return a sequence of `function(item)`: lazy if `items` is, else a tuple."""
    if isinstance(items, tuple):
        return tuple(map(function, items))
    return _Mapped(items, function)


def chained(*parts: Sequence[T]) -> Sequence[T]:
    """Return the items of several sequences one after the other: a tuple if all are tuples, else lazy."""
    if all(isinstance(part, tuple) for part in parts):
        return tuple(chain.from_iterable(parts))
    return _Chained(parts)


class _Mapped(Sequence[T], Generic[S, T]):
    def __init__(self, items: Sequence[S], function: Callable[[S], T]) -> None:
        self._items, self._function = items, function

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        return self._function(self._items[place])

    def __iter__(self) -> Iterator[T]:
        return map(self._function, self._items)


class _Chained(Sequence[T]):
    def __init__(self, parts: Sequence[Sequence[T]]) -> None:
        self._parts = [part for part in parts if len(part)]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...
    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = place + len(self) if place < 0 else place
        for part in self._parts if at >= 0 else ():
            if at < len(part):
                return part[at]
            at -= len(part)
        raise IndexError(place)

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._parts)
