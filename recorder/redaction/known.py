"""Remember values that were found by their names, to find them again in texts without names.

A token that was seen in a header is a token in a log line too. Only distinctive values are remembered: a short or plain
word from a customer's data would be found everywhere.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from .pseudonyms import Kind, Span

_WORD = re.compile(r"[^\W_]+")
_SHORTEST, _LONGEST = 6, 4_096  # characters
_MOST_FORMS = 64  # for values with one first word; each form is tried at each occurrence of the word
_PLAIN = re.compile(r"[A-Z]?[a-z]+|\d{1,9}", re.ASCII)
_MOST_TEXTS, _LONGEST_TEXT = 5_000, 200  # texts in `empty`, and characters of the longest one

_Form: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Known:
    """Known values with their kinds, and the texts that hold none.

    Attributes:
        empty: Texts in which no value was found. Adding a value removes the texts that contain its first word.
        has_forgotten: True once a value was forgotten, because there are too many.
        most: Values; beyond it the least recently seen is forgotten.

    """

    most: ClassVar[int] = 20_000

    empty: set[str] = field(default_factory=set)

    _values: OrderedDict[str, Kind] = field(default_factory=OrderedDict)
    # first word of a value → its form: characters before that word, and length of the value. Several forms of one word
    # are a dict with the number of values of each; one form is a bare tuple, because a dict for each word would take
    # more memory than all else here.
    _forms: dict[str, _Form | dict[_Form, int]] = field(default_factory=dict)
    _empty_by_word: dict[str, list[str]] = field(default_factory=dict)
    _shared: dict[_Form, _Form] = field(default_factory=dict)  # equal forms are one object
    has_forgotten: bool = False
    _kept: int = 0  # texts added to `empty` since it was cleared, also those removed again

    def add(self, value: str, kind: Kind, *, plain: bool = True) -> None:
        """Remember a value of 6 to 4096 characters, unless it is an id or a plain word.

        Args:
            value: The value.
            kind: Its kind.
            plain: Whether to remember a secret even if it is a plain word, as a password may be.

        """
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
        # OrderedDict keeps the least recently seen value first, because `touch` moves a value to the end.
        if len(self._values) > self.most:
            self.has_forgotten = True
            self._forget(self._values.popitem(last=False)[0])

    def touch(self, value: str) -> bool:
        """Return whether a value is known, and mark a known one as seen last."""
        if value not in self._values:
            return False
        self._values.move_to_end(value)
        return True

    def copy(self) -> Known:
        """Return another memory with the same values."""
        forms = {word: form if isinstance(form, tuple) else form.copy() for word, form in self._forms.items()}
        return Known(has_forgotten=self.has_forgotten, _values=self._values.copy(), _forms=forms)

    def follow(self, later: Known) -> None:
        """Remember the values of the memory of later records too, as if these records had been seen here."""
        self.has_forgotten |= later.has_forgotten
        for value, kind in later._values.items():
            self.add(value, kind)

    @property
    def values(self) -> tuple[tuple[str, Kind], ...]:
        """The values with their kinds, the least recently seen first."""
        return tuple(self._values.items())

    def kind_of(self, value: str) -> Kind | None:
        """Return the kind of a value, None if the value is not known."""
        return self._values.get(value)

    def spans(self, text: str) -> list[Span]:
        """Return where known values occur in a text, from left to right, without overlaps."""
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
        """Remember that a text holds no value, if it has at most 200 characters."""
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
        """Count a value of this form; return False if its first word has too many forms already."""
        forms = self._forms.get(word)
        if forms is None:
            self._forms[word] = self._shared.setdefault(form, form)
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
