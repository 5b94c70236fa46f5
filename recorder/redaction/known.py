"""Remembers values that were found by their name, to know them again where nothing names them.

A token that was seen in a header is a token in a log line too. Only what is distinctive is remembered: a short or plain
word of a customer's would be found everywhere.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from .pseudonyms import Kind

WORD = re.compile(r"[^\s\"'`<>,;:=&?/\\(){}\[\]|]+")
_SHORTEST = 6  # characters
_MOST = 20_000  # values; those not seen for longest are forgotten
_PLAIN = re.compile(r"[A-Z]?[a-z]+|\d{1,9}", re.ASCII)


@dataclass(slots=True)
class Known:
    """Values and their kinds."""

    _values: OrderedDict[str, Kind] = field(default_factory=OrderedDict)
    _by_word: dict[str, set[str]] = field(default_factory=dict)  # the first word of a value → values

    def add(self, value: str, kind: Kind) -> None:
        """Remember a value, if it is distinctive."""
        if kind is Kind.ID or len(value) < _SHORTEST or (kind is Kind.PERSONAL and _PLAIN.fullmatch(value)):
            return
        word = WORD.search(value)
        if word is None:
            return
        if value not in self._values:
            self._by_word.setdefault(word[0], set()).add(value)
        self._values[value] = self._values.get(value, kind)
        self._values.move_to_end(value)
        if len(self._values) > _MOST:
            self._forget(*self._values.popitem(last=False))

    def __bool__(self) -> bool:
        return bool(self._values)

    def kind_of(self, value: str) -> Kind | None:
        """The kind of a whole value; None for one that is not known."""
        return self._values.get(value)

    def spans(self, text: str) -> list[tuple[int, int, Kind]]:
        """Where known values stand in a text, from left to right and apart from each other."""
        if not self._by_word:
            return []
        found: list[tuple[int, int, Kind]] = []
        end = 0
        for word in WORD.finditer(text):
            value = self._longest_at(word, text) if word.start() >= end else None
            if value is not None:
                start = word.start() - _offset(value)
                end = start + len(value)
                found.append((start, end, self._values[value]))
        return found

    def _longest_at(self, word: re.Match[str], text: str) -> str | None:
        values = self._by_word.get(word[0]) or self._by_word.get(word[0].rstrip(".!")) or ()  # the end of a sentence
        fitting = (v for v in values if text.startswith(v, max(0, word.start() - _offset(v))))
        return max(fitting, key=len, default=None)

    def _forget(self, value: str, _: Kind) -> None:
        word = WORD.search(value)
        if word is not None:
            others = self._by_word[word[0]]
            others.discard(value)
            if not others:
                del self._by_word[word[0]]


def _offset(value: str) -> int:
    word = WORD.search(value)
    return 0 if word is None else word.start()
