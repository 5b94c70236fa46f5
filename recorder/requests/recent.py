"""Remember the values that were used lately, up to a size."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remembers the values that were used lately; those that were not are forgotten.

    Two generations, because a look-up then costs little more than that of a dict: a value that is used moves to the
    younger one, and when that is full the older one is dropped.
    """

    __slots__ = ("_most", "_old", "_size", "_young")

    def __init__(self, most: int) -> None:
        """Begin with nothing; `most` is the size of both generations together."""
        self._most = max(most // 2, 1)
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def get(self, key: K) -> V | None:
        """Return a value, None if it is not known."""
        found = self._young.get(key)
        if found is not None:
            return found[0]
        found = self._old.get(key)
        if found is None:
            return None
        self.put(key, *found)
        return found[0]

    def put(self, key: K, value: V, size: int = 1) -> None:
        """Remember a value of a size."""
        if self._size and self._size + size > self._most:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[key] = value, size
        self._size += size
