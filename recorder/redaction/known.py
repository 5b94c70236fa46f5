"""Remembers values that were found by their name, to know them again where nothing names them.

A token that was seen in a header is a token in a log line too. Only what is distinctive is remembered: a short or plain
word of a customer's would be found everywhere.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeAlias

from .pseudonyms import Kind, Span

_WORD = re.compile(r"[^\W_]+")
_SHORTEST, _LONGEST = 6, 4_096  # characters
_MOST_FORMS = 64  # of values that begin with the same word; each is tried wherever the word stands
_MOST = 20_000  # values; those not seen for longest are forgotten
_PLAIN = re.compile(r"[A-Z]?[a-z]+|\d{1,9}", re.ASCII)
_MOST_TEXTS, _LONGEST_TEXT = 5_000, 200  # texts, and characters of one

_Form: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Known:
    """Values and their kinds.

    Attributes:
        empty: Texts in which nothing was found; a value that becomes known later and may be in one takes it out.

    """

    empty: set[str] = field(default_factory=set)

    _values: OrderedDict[str, Kind] = field(default_factory=OrderedDict)
    # the first word of a value → where values that have it begin before it, and how long they are → how many there are;
    # of most words there is one value, and a dict for each would take more memory than all the rest
    _forms: dict[str, _Form | dict[_Form, int]] = field(default_factory=dict)
    _empty_by_word: dict[str, list[str]] = field(default_factory=dict)
    _kept: int = 0  # texts that came into `empty`, and maybe out of it again, since it was cleared

    def add(self, value: str, kind: Kind, *, plain: bool = True) -> None:
        """Remember a value, if it is distinctive; `plain` for a secret that may be a plain word."""
        if self.touch(value):
            return
        if kind is Kind.ID or not _SHORTEST <= len(value) <= _LONGEST:
            return
        if (kind is Kind.PERSONAL or not plain) and _PLAIN.fullmatch(value):
            return
        word = _WORD.search(value)
        if word is None:
            return
        if not self._learn_form(word[0], (word.start(), len(value))):
            return
        self._values[value] = kind
        self.empty.difference_update(self._empty_by_word.pop(word[0], ()))
        if len(self._values) > _MOST:
            self._forget(self._values.popitem(last=False)[0])

    def touch(self, value: str) -> bool:
        """Whether a value is known; if so, it was seen now."""
        if value not in self._values:
            return False
        self._values.move_to_end(value)
        return True

    def kind_of(self, value: str) -> Kind | None:
        """The kind of a whole value; None for one that is not known."""
        return self._values.get(value)

    def spans(self, text: str) -> list[Span]:
        """Where known values stand in a text, from left to right and apart from each other."""
        found: list[Span] = []
        if not self._forms:
            return found
        end = 0
        for word in _WORD.finditer(text):
            forms = self._forms.get(word[0])
            if forms is None or word.start() < end:
                continue
            for before, length in (forms,) if isinstance(forms, tuple) else sorted(forms, key=lambda form: -form[1]):
                start, end_of = word.start() - before, word.start() - before + length
                kind = self._values.get(text[start:end_of]) if start >= end else None
                if kind is not None and not _in_a_word(text, end_of):
                    found.append((start, end_of, kind))
                    end = end_of
                    break
        return found

    def keep_empty(self, text: str) -> None:
        """Remember that nothing was found in a text."""
        if len(text) > _LONGEST_TEXT:
            return
        if self._kept >= _MOST_TEXTS:
            self.empty.clear()
            self._empty_by_word.clear()
            self._kept = 0
        self._kept += 1
        self.empty.add(text)
        for word in set(_WORD.findall(text)):
            self._empty_by_word.setdefault(word, []).append(text)

    def _learn_form(self, word: str, form: _Form) -> bool:
        """Whether there is room for a value of this form."""
        forms = self._forms.get(word)
        if forms is None:
            self._forms[word] = form
            return True
        if isinstance(forms, tuple):
            forms = self._forms[word] = {forms: 1}
        if form not in forms and len(forms) >= _MOST_FORMS:
            return False
        forms[form] = forms.get(form, 0) + 1
        return True

    def _forget(self, value: str) -> None:
        word = _WORD.search(value)
        if word is None:
            return
        forms, form = self._forms[word[0]], (word.start(), len(value))
        if isinstance(forms, dict):
            forms[form] -= 1
            if not forms[form]:
                del forms[form]
        if isinstance(forms, tuple) or not forms:
            del self._forms[word[0]]


def _in_a_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()
