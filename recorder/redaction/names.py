"""Compare names with lists of names that have wildcards; quickly, because a body may hold a new name at each place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate


@dataclass(frozen=True, slots=True)
class _Globs:
    """Names with wildcards: by how they are compared, for an ordinary search is faster than a pattern of them all."""

    whole: frozenset[str]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    inner: tuple[str, ...]
    other: re.Pattern[str] | None

    @classmethod
    def of(cls, globs: Iterable[str]) -> _Globs:
        """Sort names by where their wildcards are."""
        whole, starts, ends, inner, other = (set[str]() for _ in range(5))
        for glob in globs:
            bare = glob.strip("*")
            if not bare or re.search(r"[*?\[]", bare):
                other.add(translate(glob))
            elif glob == bare:
                whole.add(glob)
            elif glob == f"{bare}*":
                starts.add(bare)
            elif glob == f"*{bare}":
                ends.add(bare)
            else:
                inner.add(bare)
        pattern = re.compile("|".join(sorted(other)), re.DOTALL) if other else None
        return cls(frozenset(whole), tuple(starts), tuple(ends), tuple(inner), pattern)

    def fit(self, name: str) -> bool:
        """Return whether one of the names fits."""
        return (
            name in self.whole
            or name.startswith(self.starts)
            or name.endswith(self.ends)
            or any(part in name for part in self.inner)
            or (self.other is not None and self.other.fullmatch(name) is not None)
        )


@dataclass(frozen=True, slots=True)
class Names:
    """A list of names with wildcards, compared without regard to case.

    Attributes:
        globs: The names, in small letters.

    """

    globs: frozenset[str]
    _by_parts: tuple[tuple[int, _Globs], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Prepare a list of names; a name with n dotted parts is compared with the last n names of a path."""
        globs = frozenset(name.lower() for name in names)
        by_parts: dict[int, list[str]] = {}
        for glob in globs:
            by_parts.setdefault(glob.count(".") + 1, []).append(glob)
        return cls(globs, tuple((parts, _Globs.of(own)) for parts, own in sorted(by_parts.items())))

    def __contains__(self, path: str) -> bool:
        """Return whether a path, in small letters, ends in one of the names."""
        for parts, globs in self._by_parts:
            end = path.rpartition(".")[2] if parts == 1 else ".".join(path.rsplit(".", parts)[-parts:])
            if globs.fit(end):
                return True
        return False

    def __or__(self, other: Names) -> Names:
        """Return the names of both lists."""
        return Names.of(self.globs | other.globs)
