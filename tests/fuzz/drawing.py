"""Take choices out of the bytes of an input, so that whoever changes the bytes changes the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

# values that have broken readers before
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 7, -1, 10**400, -(2**63), 2**64, 0.5, 1e308, float("nan"), float("inf"), "", "/", "/**", "r1",
    "\ud800", "\udfff/x", "\x00", "x" * 300, "7", "1445412480000", "2026-10-21T10:00:00Z", "+1 555 010 9999",
)  # fmt: skip


class Draw:
    """The choices of one input; when its bytes are used up, each choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Bytes that were not used."""
        return len(self._data) - self._at

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, end: int) -> int:
        """Return a number from 0 to before `end`."""
        return int.from_bytes(self.raw(1 if end <= 256 else 4), "big") % end

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def raw(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += len(found)
        return found

    def rest(self) -> bytes:
        return self.raw(self.left)

    def text(self, most: int = 12) -> str:
        """Return a short text, with half surrogate pairs for bytes that are no UTF-8."""
        return self.raw(self.below(most + 1)).decode("utf-8", "surrogateescape")

    def value(self, names: Sequence[str], depth: int = 4) -> Any:
        """Return a JSON value; objects have members of these names."""
        kind = self.byte()
        if kind < 100 or not depth:
            return self.pick(SCALARS)
        if kind < 140:
            return self.text()
        if kind < 180:
            return [self.value(names, depth - 1) for _ in range(self.below(4))]
        return {self.pick(names): self.value(names, depth - 1) for _ in range(self.below(4))}

    def pieces(self, data: bytes) -> list[bytes]:
        """Return data cut at a few places."""
        cuts = sorted(self.below(len(data) + 1) for _ in range(1 + self.below(5)))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
