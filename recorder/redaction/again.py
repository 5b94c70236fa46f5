"""Redact a cassette that is already recorded, for the first time or by a stricter policy, and count the changes.

Values that already have the form of a pseudonym (`…@example.com`, country code 999) stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from ..model import Headers, Record
from .blanks import blank, blanks_in
from .finder import Finder, same
from .known import Known
from .leaves import Leaf, changed_leaves, of_header, part
from .policy import Policy
from .pseudonyms import Kind, Pseudonyms, is_phone
from .redactor import Reading, redacted

_HEADERS, _FORMS = 2_000, 2_000  # headers whose changes are kept, values whose form is
Header: TypeAlias = tuple[str, str]

_FREE_MAIL = re.compile(r"(?=[^@\s]+?(?:=|-at-)[^@\s])[^@\s]++@example\.com")
_FREE_PHONE = re.compile(r"\D*999(?:\D*\d){7,}\D*")


@dataclass(frozen=True, slots=True)
class Change:
    """The number of values of one kind that changed at one place in records of one type.

    Attributes:
        record: Type of the records, as in `leaves.part`: request, response …
        where: The place in the record, as in `Leaf.where`.
        kind: Kind of the values.
        values: How many values changed.

    """

    record: str
    where: str
    kind: Kind
    values: int


@dataclass(slots=True)
class Again:
    """A redaction of recorded records, in two passes.

    The first pass learns all values, because a secret may occur in the text of one record before a later record names
    it in a field.

    Attributes:
        policy: The policy that names the values to replace.
        key: 16 to 64 secret bytes, the key of the pseudonyms.

    """

    policy: Policy
    key: bytes
    _counts: Counter[tuple[str, str, Kind]] = field(default_factory=Counter)
    _headers: dict[tuple[Header, Header], list[tuple[Leaf, Kind]]] = field(default_factory=dict)
    _replacing: _Replace = field(init=False)
    _reading: Reading = field(init=False)
    _first: Finder = field(init=False)
    _blank: Finder = field(init=False)
    _replace: Finder = field(init=False)

    def __post_init__(self) -> None:
        self._replacing, self._reading = _Replace(Pseudonyms(self.key)), Reading(self.policy)
        self.begin(Known(), {})

    def begin(self, known: Known, streams: Mapping[int, str]) -> None:
        """Begin with other records, and the memory of those before them.

        Args:
            known: Values that were found.
            streams: Media types of streamed responses whose chunks may follow, by exchange.

        """
        self._first, self._blank = Finder(self.policy, same, known), Finder(self.policy, _blank, known)
        self._replace = Finder(self.policy, self._replacing, known)
        # only some records are blanked
        self._first.streams = self._blank.streams = self._replace.streams = dict(streams)
        self._counts = Counter()

    def add(self, changed: Iterable[Change]) -> None:
        """Count changes that were counted elsewhere."""
        for change in changed:
            self._counts[change.record, change.where, change.kind] += change.values

    def learn(self, record: Record) -> None:
        """Remember the values of a record (first pass)."""
        redacted(record, self._first)

    def redact(self, record: Record) -> Record:
        """Return the redacted record and count its changes (second pass, after `learn` saw all records)."""
        self._replacing.is_asked = False
        read = self._reading.read(record)
        made = None if read is None else read.changed(self._replace, is_ascii=getattr(record, "body", b"").isascii())
        new = redacted(record, self._replace) if made is None else made.whole()
        if self._replacing.is_asked:
            pairs = None if read is None else read.differing(read.changed(self._blank, is_ascii=False))
            pairs = changed_leaves(record, redacted(record, self._blank)) if pairs is None else pairs
            found = [one for pair in pairs for one in blanks_in(*pair)]
        else:  # a header may have its new value from the memory of the finder
            found = self._in_headers(getattr(record, "headers", ()))
        for leaf, kind in found:
            self._counts[part(record), leaf.where, kind] += 1
        return new

    def _in_headers(self, headers: Headers) -> list[tuple[Leaf, Kind]]:
        """Return the places of the values in headers; the values of cookies come with each request."""
        found: list[tuple[Leaf, Kind]] = []
        for was, now in zip(headers, self._blank.headers(headers), strict=True):
            if was == now:
                continue
            known = self._headers.get((was, now))
            if known is None:
                if len(self._headers) >= _HEADERS:
                    self._headers.clear()
                known = self._headers[was, now] = blanks_in(of_header(was), of_header(now))
            found += known
        return found

    def text(self, text: str) -> str:
        """Return a text that is not part of a record, such as the upstream's URL, redacted."""
        return self._replace.text(text)

    def changed(self) -> Iterator[Change]:
        """Return the changes counted so far, sorted by record type, place and kind."""
        found = (Change(*key, values) for key, values in self._counts.items())
        return iter(sorted(found, key=lambda change: (change.record, change.where, change.kind.value)))


@lru_cache(_FORMS)  # a value is asked for several times: when it is learned, counted and replaced
def has_free_form(kind: Kind, value: str) -> bool:
    """Return whether a value has the form of a pseudonym for an e-mail address or a telephone number.

    Such a value belongs to no person: example.com is reserved (RFC 2606), and no country has the code 999 (E.164).
    """
    if kind is Kind.PERSONAL and _FREE_PHONE.fullmatch(value) and is_phone(value):
        return True
    return _FREE_MAIL.fullmatch(value) is not None


def _blank(kind: Kind, value: str, *, number: bool = False) -> str:
    return value if has_free_form(kind, value) else blank(kind, value, number=number)


@dataclass(slots=True)
class _Replace:
    """Replace values by pseudonyms, but keep a value that already has the form of a pseudonym.

    Otherwise each redaction would put another 999 or another `-at-` into the pseudonym of the redaction before.
    """

    pseudonyms: Pseudonyms
    is_asked: bool = False  # since somebody set it to False

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # the pseudonym of a number is always a number
        self.is_asked = True
        return value if has_free_form(kind, value) else self.pseudonyms.of(kind, value)
