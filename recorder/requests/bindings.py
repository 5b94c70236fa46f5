"""Bind recorded values to the live values that stand for them; look-ups cost the same however many there are."""

from __future__ import annotations

import re
from collections.abc import Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from ..dialect.paths import as_key
from ..lazy import Lazy, Makes, made_of
from ..model import JSON
from .shapes import are_of_one_value

HIDDEN = "(redacted)"  # the key of pseudonyms and the live values they stand for; no dialect can name one so
MINTED = "(minted)"  # the key of values that the server made for a session, and those that stand for them here
WHOLE = 4  # characters from which on a pseudonym is taken to be itself where it is a whole value
LONG = 8  # characters from which on a value is taken to be itself wherever it stands
_AGREED = 8  # pairs that are remembered as bound: the requests of one client have one or two
_RUN = re.compile(r"\w+")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")


_NO_RUNS: Final[KeysView[str]] = dict[str, str]().keys()  # shared: of thousands of sessions most bind no word


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT  # the live client sent no value where the recorded one did


class Bindings(Lazy):
    """One-to-one bindings of one scope: a session, or an operation.

    Attributes:
        words: Recorded values that are replaced wherever they stand, with their replacements.
        whole: Pseudonyms that are replaced where they are a whole value, with their replacements.
        live: Live values by key and recorded value; read only.
        agreed: Recorded and live session ids, in pairs that are bound: the last of these need not be compared again.
        runs: First runs of all replaced values; a text with none of them holds no replaced value. Always current.

    """

    __slots__ = ("_by_run", "_recorded", "agreed", "live", "runs", "whole", "words")

    MAKES: ClassVar[Makes] = {
        **dict.fromkeys(("words", "whole", "live", "_recorded", "_by_run"), made_of(dict)),
        "runs": lambda _: _NO_RUNS,
        "agreed": lambda _: (),
    }

    words: dict[str, str]
    whole: dict[str, str]
    live: dict[tuple[str, str], JSON]
    _recorded: dict[tuple[str, str | None], str]
    agreed: tuple[tuple[object, object], ...]
    _by_run: dict[str, list[str]]  # what is replaced, by what `runs` finds of it
    runs: KeysView[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is bound."""
        return not self.live

    def agree(self, pair: tuple[object, object]) -> None:
        """Note that a recorded and a live request have the same session ids, as far as they are bound."""
        self.agreed = (*self.agreed[1 - _AGREED :], pair)

    def allows(self, key: str, recorded: str, live: str) -> bool:
        """Return whether a pair contradicts no pair that is bound."""
        if (key, recorded) in self.live:
            return as_key(self.live[key, recorded]) == live
        return (key, live) not in self._recorded

    def bind(self, key: str, recorded: str, live: JSON, run: str | None = None) -> None:
        """Bind a pair; binding it again changes nothing.

        Args:
            key: Name of the key, e.g. `reference`.
            recorded: The recorded value as compared, e.g. the bare id of a device.
            live: The live value that stands for it.
            run: `first_run(recorded)`, where it is known.

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
            self.runs = self._by_run.keys()

    def pseudonyms(self) -> dict[str, str]:
        """Return the pseudonyms by the live values that they stand for, where these are long enough to be told."""
        pairs = ((as_key(live), recorded) for (key, recorded), live in self.live.items() if key == HIDDEN)
        return {live: recorded for live, recorded in pairs if live is not None and len(live) >= WHOLE}

    def is_live(self, key: str, live: str) -> bool:
        """Return whether a live value stands for a recorded one."""
        return (key, live) in self._recorded

    def recorded(self, key: str, live: str) -> str | None:
        """Return the first recorded value that a live one stands for; None if it stands for none."""
        return self._recorded.get((key, live))

    def in_text(self, runs: frozenset[str]) -> Iterator[str]:
        """Yield the replaced values that a text of these runs may hold: all that it holds, and perhaps others."""
        for run in self.runs & runs:
            yield from self._by_run[run]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pseudonyms with the live values that stand for them: those of a session, and those that one request adds.

    Attributes:
        session: The bindings of the session.
        added: The live values that the request adds, by pseudonym.

    """

    session: Bindings
    added: Mapping[str, str] = field(default_factory=dict)
    _pseudonyms: Mapping[str, str] = field(default_factory=dict)  # `added`, by live value

    def live(self, pseudonym: str) -> str | None:
        """Return the live value of a pseudonym; None where it has none."""
        bound = self.session.live.get((HIDDEN, pseudonym))
        return self.added.get(pseudonym) if bound is None else as_key(bound)

    def plus(self, pseudonym: str, live: str) -> Pairs | None:
        """Return the pairs with one more; None if it contradicts one of them.

        A pseudonym that the server sent stands for itself too. A value that was replaced as being of two kinds, such as
        a telephone number in a header and in a field, has two pseudonyms.
        """
        if pseudonym == live:
            return self
        bound = self.live(pseudonym)
        if bound is not None:
            return self if bound == live else None
        other = self._pseudonyms.get(live) or self.session.recorded(HIDDEN, live)
        if other is not None and not are_of_one_value(pseudonym, other, live):
            return None
        return Pairs(self.session, {**self.added, pseudonym: live}, {**self._pseudonyms, live: pseudonym})


@dataclass(frozen=True, slots=True)
class ScannedText:
    """A text, prepared for a quick check whether it may hold a replaced value."""

    runs: frozenset[str]

    @classmethod
    def of(cls, text: str) -> ScannedText:
        """Scan a text."""
        return cls(frozenset(runs(text)))


def runs(text: str) -> Iterator[str]:
    """Yield the runs of letters and digits in a text, also behind a percent-encoded character; and "", for any text.

    A bound value is a word, so its first run is a run of every text that holds it: that narrows a search.
    """
    yield ""
    yield from _RUN.findall(text)
    if "%" in text:
        yield from _RUN.findall(_PERCENT.sub(" ", text))


def first_run(word: str) -> str:
    """Return the run that every text has which holds this word."""
    found = _RUN.search(_PERCENT.sub(" ", word) if word.startswith("%") else word)
    return found[0] if found else ""
