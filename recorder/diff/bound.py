"""Pair the values that a drive bound: each recorded value with the live one that stands for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from ..dialect.paths import as_key
from ..model import JSON

BOUND = "(bound)"  # the kind of a value that a drive bound; no dialect can name a key so
_WORD = re.compile(r"[\w-]+")


class Bound:
    """Values of two recordings that stand for each other, in classes.

    A recorded value may have had several live ones, and a live one may stand for several recorded ones: all of them
    are one class then.

    Attributes:
        old: The class of each value of the old recording.
        new: The class of each value of the new recording.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take pairs of a value of the old recording and one of the new recording."""
        both = [(old, new) for old, new in dict.fromkeys(pairs) if old and new]
        changed = {old for old, new in both if old != new} | {new for old, new in both if old != new}
        # a value that stands for itself alone needs no class
        both = [(old, new) for old, new in both if old != new or old in changed]
        parent: dict[tuple[bool, str], tuple[bool, str]] = {}

        def root(side: tuple[bool, str]) -> tuple[bool, str]:
            while (above := parent.setdefault(side, side)) != side:
                side = above
            return side

        for old, new in both:
            parent[root((True, new))] = root((False, old))
        names = {side: root(side)[1] for side in list(parent)}
        self.old: Mapping[str, str] = {value: name for (is_new, value), name in names.items() if not is_new}
        self.new: Mapping[str, str] = {value: name for (is_new, value), name in names.items() if is_new}

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self.old)

    def same(self, old: JSON, new: JSON) -> bool:
        """Return whether two scalars are equal, or equal but for words that stand for each other."""
        mine, its = as_key(old), as_key(new)
        if mine is None or its is None:
            return bool(old == new)
        if mine == its or self._stand(mine, its):
            return True
        if _WORD.sub("", mine) != _WORD.sub("", its):
            return False
        words = list(zip(_WORD.findall(mine), _WORD.findall(its), strict=False))
        return all(one == other or self._stand(one, other) for one, other in words) and (
            _WORD.split(mine) == _WORD.split(its)
        )

    def _stand(self, old: str, new: str) -> bool:
        name = self.old.get(old)
        return name is not None and name == self.new.get(new)


def blanked(text: str, classes: Mapping[str, str], take: Callable[[str], str]) -> str:
    """Return a text with what `take` makes of the class of each bound value: the whole text, or words in it."""
    if not classes:
        return text
    whole = classes.get(text)
    if whole is not None:
        return take(whole)
    return _WORD.sub(lambda found: take(classes[found[0]]) if found[0] in classes else found[0], text)
