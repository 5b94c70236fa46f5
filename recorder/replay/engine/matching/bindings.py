"""Bindings: which live value stands for which recorded one. Finding one takes no longer, however many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ....dialect.paths import as_key
from ....model import JSON

HIDDEN = "(redacted)"  # the key of pseudonyms and the live values they stand for; no dialect can name one so
WHOLE = 4  # characters from which on a pseudonym is taken to be itself where it is a whole value
LONG = 8  # characters from which on a value is taken to be itself wherever it stands
_RUN = re.compile(r"\w+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT  # the live client sent no value where the recorded one did


class Bindings:
    """The bindings of one scope, by key name; one to one.

    Attributes:
        words: Recorded values that are replaced wherever they stand, and what by.
        whole: Pseudonyms that are replaced where they are a whole value, and what by.
        live: Live values by key and recorded value; to be looked at only.
        agreed: Recorded and live session ids, in pairs that are bound: they need not be compared again.
        runs: Texts that hold none of these hold nothing that is replaced; always those of now.

    """

    __slots__ = ("_by_run", "_recorded", "agreed", "live", "runs", "whole", "words")

    def __init__(self) -> None:
        """Bind nothing."""
        self.words: dict[str, str] = {}
        self.whole: dict[str, str] = {}
        self.live: dict[tuple[str, str], JSON] = {}
        self._recorded: dict[tuple[str, str | None], str] = {}
        self.agreed: set[tuple[object, object]] = set()
        self._by_run: dict[str, list[str]] = {}  # what is replaced, by what `runs` finds of it
        self.runs: KeysView[str] = self._by_run.keys()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is bound."""
        return not self.live

    def allows(self, key: str, recorded: str, live: str) -> bool:
        """Whether a pair contradicts none that is bound."""
        if (key, recorded) in self.live:
            return as_key(self.live[key, recorded]) == live
        return (key, live) not in self._recorded

    def bind(self, key: str, recorded: str, live: JSON, run: str | None = None) -> None:
        """Bind a pair; binding it again changes nothing.

        Args:
            key: Of what it is a value.
            recorded: The recorded value as compared, i.e. a device's bare id.
            live: What stands for it.
            run: `first_run(recorded)`, where that is known.

        """
        if (key, recorded) in self.live:
            return
        self.live[key, recorded] = live
        self._recorded.setdefault((key, as_key(live)), recorded)
        text = "" if live is ABSENT else str(live)
        if text == recorded:
            return
        is_word, is_whole = len(recorded) >= LONG, key == HIDDEN and len(recorded) >= WHOLE
        if is_word:
            self.words[recorded] = text
        if is_whole:
            self.whole[recorded] = text
        if is_word or is_whole:
            self._by_run.setdefault(first_run(recorded) if run is None else run, []).append(recorded)

    def is_live(self, key: str, live: str) -> bool:
        """Whether a live value stands for a recorded one."""
        return (key, live) in self._recorded

    def in_text(self, runs: frozenset[str]) -> Iterator[str]:
        """Which of `words` and `whole` a text may hold, by its `runs`; it may name more than there are, never less."""
        for run in self.runs & runs:
            yield from self._by_run[run]


@dataclass(frozen=True, slots=True)
class ScannedText:
    """A text, the runs in it, whether it may name a server: whether it holds a bound value is then quickly told."""

    text: str
    runs: frozenset[str]
    has_address: bool

    @classmethod
    def of(cls, text: str) -> ScannedText:
        """Look at a text."""
        return cls(text, frozenset(runs(text)), "://" in text)


def runs(text: str) -> Iterator[str]:
    """The runs of letters and digits in a text, also behind a percent-encoded character, and "" for all else.

    A bound value is a word, so the first run in it is one of any text that holds it: that narrows a search.
    """
    yield ""
    yield from _RUN.findall(text)
    if "%" in text:
        yield from _RUN.findall(_PERCENT.sub(" ", text))


def first_run(word: str) -> str:
    """The run that all texts have which hold a word."""
    found = _RUN.search(_PERCENT.sub(" ", word) if word.startswith("%") else word)
    return found[0] if found else ""
