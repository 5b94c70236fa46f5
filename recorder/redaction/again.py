"""Redacts what was recorded already, by a stricter policy or for the first time, and tells where something changed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..model import Record
from .blanks import blank, changes, place
from .finder import Finder
from .known import Known
from .leaves import part
from .policy import Policy
from .pseudonyms import Kind, Pseudonyms, is_phone
from .redactor import redacted

_FREE_MAIL = re.compile(r"[^@\s]+(?:=|-at-)[^@\s]+@example\.com")
_FREE_PHONE = re.compile(r"\D*999(?:\D*\d){7,}\D*")


@dataclass(frozen=True, slots=True)
class Change:
    """How many values of a kind changed at a place of records of one kind."""

    record: str
    where: str
    kind: Kind
    values: int


@dataclass(slots=True)
class Again:
    """A second redaction, in two passes over the records: a secret may stand in one before it is named in another.

    Attributes:
        key: Of the pseudonyms; a new one unless the user keeps it.

    """

    policy: Policy
    key: bytes
    _counts: Counter[tuple[str, str, Kind]] = field(default_factory=Counter)
    _first: Finder = field(init=False)
    _blank: Finder = field(init=False)
    _replace: Finder = field(init=False)

    def __post_init__(self) -> None:
        known = Known()
        self._first, self._blank = Finder(self.policy, _blank, known), Finder(self.policy, _blank, known)
        self._replace = Finder(self.policy, _Replace(Pseudonyms(self.key)), known)

    def learn(self, record: Record) -> None:
        """First pass: remember the values of a record."""
        redacted(record, self._first)

    def redact(self, record: Record) -> Record:
        """Second pass: the record as it may be kept; what changed is counted."""
        for leaf, kind in changes(record, redacted(record, self._blank)):
            self._counts[part(record), place(leaf.where), kind] += 1
        return redacted(record, self._replace)

    def text(self, text: str) -> str:
        """Any other text as it may be kept."""
        return self._replace.text(text)

    def changed(self) -> Iterator[Change]:
        """What changed so far, in order of the places."""
        found = (Change(*key, values) for key, values in self._counts.items())
        return iter(sorted(found, key=lambda change: (change.record, change.where, change.kind.value)))


def has_free_form(kind: Kind, value: str) -> bool:
    """Whether a value is nobody's beyond doubt: the form that pseudonyms of e-mail addresses and telephones have."""
    if kind is Kind.PERSONAL and is_phone(value) and _FREE_PHONE.fullmatch(value):
        return True
    return _FREE_MAIL.fullmatch(value) is not None


def _blank(kind: Kind, value: str, *, number: bool = False) -> str:
    return value if has_free_form(kind, value) else blank(kind, value, number=number)


@dataclass(slots=True)
class _Replace:
    """Pseudonyms; those whose form shows that they are some stay, else each redaction would make them longer."""

    pseudonyms: Pseudonyms

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # it always is one
        return value if has_free_form(kind, value) else self.pseudonyms.of(kind, value)
