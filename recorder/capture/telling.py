"""Decide what a recording tells its user while it runs: the first of each kind at once, and how many at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

_MOST = 1000  # places remembered; a capture of days meets more hosts than a user reads lines


@dataclass(slots=True)
class Told:
    """The facts that a recording has told, by kind and by the place they concern, e.g. a host."""

    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def is_first(self, kind: str, place: str) -> bool:
        """Count a fact; return whether it is the first of its kind at this place, and so must be told now."""
        key = (kind, place) if (kind, place) in self._seen or len(self._seen) < _MOST else (kind, "")
        self._seen[key] += 1
        return self._seen[key] == 1

    def again(self) -> list[str]:
        """Return a line for each fact that was met more than once, to tell at the end."""
        return [
            f"{kind}{' at ' * bool(place)}{place}: {count} times"
            for (kind, place), count in sorted(self._seen.items())
            if count > 1
        ]
