"""Pair the ids and pseudonyms of two recordings, one to one, by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from .words import Hole

_REPEATED = 2_000  # holes whose digests are kept: the values of the last triples, and those of whole sessions


@lru_cache(_REPEATED)
def digest(hole: Hole) -> int:
    """Return the digest of a value with its kind: 63 bits, so that two of a million values collide once in 10⁷ runs."""
    text = f"{hole.kind}\0{hole.value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1


class Renames:
    """The values of the old recording, each with the one of the new recording that stands in its place."""

    def __init__(self) -> None:
        """Start without pairs."""
        self._new: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._told: set[tuple[int, int]] = set()

    def contradicts(self, old: int, new: int) -> bool:
        """Note a pair and return whether it contradicts an earlier pair; True only once for each contradicting pair."""
        if self._noted(old, new):
            return False
        is_new = (old, new) not in self._told
        self._told.add((old, new))
        return is_new

    def agree(self, old: Sequence[int], new: Sequence[int]) -> bool:
        """Note pairs unless one contradicts a pair and was not told yet; return whether they were noted.

        Args:
            old: The old values, in the order of the new ones.
            new: The new values.
        """
        added = []
        for mine, its in zip(old, new, strict=True):
            is_known = mine in self._new
            if self._noted(mine, its):
                if not is_known:
                    added.append((mine, its))
            elif (mine, its) not in self._told:
                for one, other in added:
                    del self._new[one], self._old[other]
                return False
        return True

    def _noted(self, old: int, new: int) -> bool:
        """Note a pair if neither has another partner; return whether the two are partners."""
        known = self._new.get(old)
        if known is not None:
            return known == new
        if new in self._old:
            return False
        self._new[old], self._old[new] = new, old
        return True
