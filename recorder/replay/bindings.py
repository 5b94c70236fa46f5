"""Bindings: which live value stands for which recorded one. Finding one takes no longer, however many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ..correlate.dialect import as_key
from ..model import JSON

HIDDEN = "(redacted)"  # the key of pseudonyms and the live values they stand for; no dialect can name one so
WHOLE = 4  # characters from which on a pseudonym is taken to be itself where it is a whole value
LONG = 8  # characters from which on a value is taken to be itself wherever it stands
_NOTHING: Mapping[str, JSON] = MappingProxyType({})
_RUN = re.compile(r"\w+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT  # the live client sent no value where the recorded one did


@dataclass(slots=True)
class Bindings:
    """The bindings of one scope, by key name; one to one.

    Attributes:
        words: Recorded values that are replaced wherever they stand, and what by.
        whole: Pseudonyms that are replaced where they are a whole value, and what by.

    """

    words: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    _live: dict[str, dict[str, JSON]] = field(default_factory=dict)
    _recorded: dict[str, dict[str | None, str]] = field(default_factory=dict)
    _by_run: dict[str, list[str]] = field(default_factory=dict)  # what is replaced, by what `runs` finds of it

    @property
    def is_empty(self) -> bool:
        """Whether nothing is bound."""
        return not self._live

    def allows(self, key: str, recorded: str, live: str) -> bool:
        """Whether a pair contradicts none that is bound."""
        its = self._live.get(key)
        if its is None:
            return True
        if recorded in its:
            return as_key(its[recorded]) == live
        return live not in self._recorded[key]

    def bind(self, key: str, recorded: str, live: JSON) -> None:
        """Bind a pair, the recorded value as compared, i.e. a device's bare id; binding it again changes nothing."""
        its = self._live.setdefault(key, {})
        if recorded in its:
            return
        its[recorded] = live
        self._recorded.setdefault(key, {}).setdefault(as_key(live), recorded)
        text = "" if live is ABSENT else str(live)
        if text == recorded:
            return
        if len(recorded) >= LONG:
            self.words[recorded] = text
        if key == HIDDEN and len(recorded) >= WHOLE:
            self.whole[recorded] = text
        if recorded in self.words or recorded in self.whole:
            self._by_run.setdefault(first_run(recorded), []).append(recorded)

    def of(self, key: str) -> Mapping[str, JSON]:
        """The live values of a key, by the recorded ones they stand for."""
        return self._live.get(key, _NOTHING)

    def is_live(self, key: str, live: str) -> bool:
        """Whether a live value stands for a recorded one."""
        return live in self._recorded.get(key, ())

    def in_text(self, runs: frozenset[str]) -> Iterator[str]:
        """Which of `words` and `whole` a text may hold, by its `runs`; it may name more than there are, never less."""
        for run in self._by_run.keys() & runs:
            yield from self._by_run[run]

    def is_in(self, runs: frozenset[str]) -> bool:
        """Whether a text may hold any of them."""
        return not self._by_run.keys().isdisjoint(runs)


@dataclass(frozen=True, slots=True)
class Seen:
    """A text and the runs in it: whether it holds a bound value is then quickly told."""

    text: str
    runs: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Seen:
        """Look at a text."""
        return cls(text, frozenset(runs(text)))


def runs(text: str) -> Iterator[str]:
    """The runs of letters and digits in a text, also behind a percent-encoded character, and "" for all else.

    A bound value is a word, so the first run in it is one of any text that holds it: that narrows a search.
    """
    yield ""
    yield from _RUN.findall(text)
    if "%" in text:
        yield from _RUN.findall(_PERCENT.sub(" ", text))


@lru_cache(10_000)
def first_run(word: str) -> str:
    """The run that all texts have which hold a word."""
    found = _RUN.search(_PERCENT.sub(" ", word) if word.startswith("%") else word)
    return found[0] if found else ""
