"""Looks for what a policy missed: records in, findings out; no finding holds a value.

What a cassette's own policy names is a pseudonym already, and looks like a secret. So those places are blanked first,
by the same finder that filled them; in them only what cannot be a pseudonym is found (an e-mail address that is not of
example.com, a telephone number without 999, a JWT that can be read). All other places are searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from ..model import Header, Record
from .again import has_free_form
from .blanks import blank, changes
from .detectors import Hit, found, is_jwt, is_pair
from .finder import Finder
from .forms import in_base64
from .known import Known
from .leaves import Leaf, content, leaves, part
from .policy import NO_RULE, Policy
from .pseudonyms import Kind, is_phone
from .redactor import redacted

_DEEPEST = 3  # forms within forms
_REMEMBERED, _LONGEST_REMEMBERED = 20_000, 300  # texts in which nothing was found, and their characters
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_OPAQUE = re.compile(r"etag|if-.*|sec-.*|content-.*|date|server-timing|x-cache.*")  # headers that hold hashes


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found; the value itself is not in it.

    Attributes:
        record: Its number; None for the header of the cassette.
        part: What it is: request, response …
        where: The place in it, as in `Leaf`.
        kind: What it looks like.
        masked: Its first two characters and its length.

    """

    record: int | None
    part: str
    where: str
    kind: str
    masked: str


@dataclass(slots=True)
class Scan:
    """A scan of one cassette.

    Attributes:
        policy: Whatever it names must not be there in the clear.
        done: The policy by which the values were replaced when it was recorded; None if they were not.

    """

    policy: Policy
    done: Policy | None
    _blank: Finder | None = field(init=False)
    _wanted: Finder | None = field(init=False)
    _real: list[tuple[str, str]] = field(default_factory=list)  # kind and value, of the record in hand
    _nothing: set[tuple[str, bool]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._blank = Finder(self.done, self._checked, Known()) if self.done else None
        self._wanted = None if self.policy is self.done else Finder(self.policy, blank, Known())

    def header(self, header: Header) -> list[Finding]:
        """What the header of the cassette gives away."""
        return list(self._searched(None, "header", Leaf("upstream", header.upstream)))

    def record(self, record: Record) -> list[Finding]:
        """What the next record gives away."""
        findings: list[Finding] = []
        if self._blank is not None:
            self._real.clear()
            before, record = record, redacted(record, self._blank)
            findings += [_finding(before, _holding(before, value), kind, value) for kind, value in self._real]
        if self._wanted is not None:
            before, record = record, redacted(record, self._wanted)
            for leaf, kind in changes(before, record):
                hits = found(leaf.text, words=False)
                findings.append(_finding(before, leaf.where, hits[0].kind if hits else _named(kind), leaf.text))
        for leaf in leaves(record):
            findings += self._searched(record.seq, part(record), leaf)
        return list(dict.fromkeys(findings))

    def _checked(self, kind: Kind, value: str, *, number: bool = False) -> str:
        real = _real(kind, value)
        if real is not None:
            self._real.append((real, value))
        return blank(kind, value, number=number)

    def _searched(self, number: int | None, name: str, leaf: Leaf) -> Iterator[Finding]:
        words = not _OPAQUE.fullmatch(leaf.header) and not self._kept(leaf.path)
        if (leaf.text, words) in self._nothing:
            return
        count = 0
        for place, text, hit in self._hits(leaf, words=words, depth=0):
            count += 1
            yield Finding(number, name, place, hit.kind, masked(text[hit.start : hit.end]))
        if not count and len(leaf.text) <= _LONGEST_REMEMBERED:
            if len(self._nothing) >= _REMEMBERED:
                self._nothing.clear()
            self._nothing.add((leaf.text, words))

    def _hits(self, leaf: Leaf, *, words: bool, depth: int) -> Iterator[tuple[str, str, Hit]]:
        """What is in a text, as it is and in other forms of it."""
        text = unquote(leaf.text) if "%" in leaf.text else leaf.text
        inner = content(text, leaf.where) if depth < _DEEPEST and text.lstrip()[:1] in ("{", "[") else []
        if len(inner) > 1 or (inner and inner[0].path):
            for own in inner:
                yield from self._hits(own, words=words and not self._kept(own.path), depth=depth + 1)
            return
        for hit in found(text, words=words):
            yield leaf.where, text, hit
        if depth < _DEEPEST:
            for plain in _decoded(text):
                yield from self._hits(Leaf(leaf.where, plain), words=words, depth=depth + 1)

    def _kept(self, path: str) -> bool:
        """Whether the policy says that a place holds nothing secret, such as an id that looks random."""
        rule = NO_RULE
        while path and rule == NO_RULE:  # what no rule names goes by what it stands in
            rule = self.policy.rule(path)
            path = path.rpartition(".")[0]
        return rule.kept


def masked(value: str) -> str:
    """The first two characters of a value, if it is long enough to spare them, and its length."""
    first = value[:2] if len(value) >= 8 and value[:2].isprintable() else ""
    return f"{first}… ({len(value)} characters)"


def _finding(record: Record, where: str, kind: str, value: str) -> Finding:
    return Finding(record.seq, part(record), where, kind, masked(value))


def _holding(record: Record, value: str) -> str:
    return next((leaf.where for leaf in leaves(record) if value in leaf.text), "inside another form")


def _named(kind: Kind) -> str:
    return {Kind.SECRET: "secret", Kind.PERSONAL: "personal value", Kind.ID: "id"}[kind] + " by its name"


def _real(kind: Kind, value: str) -> str | None:
    """What a value is that stands where a pseudonym should, and is none; None where that cannot be told."""
    if has_free_form(kind, value):
        return None
    if _MAIL.fullmatch(value):
        return "e-mail"
    if kind is Kind.PERSONAL and is_phone(value):
        return "telephone number"
    if "." in value and any(map(is_jwt, (value, f"eyJ{value}"))):
        return "JWT"
    return "basic credentials" if is_pair(value) else None


def _decoded(text: str) -> list[str]:
    """What is base64 of text in it."""
    found: list[str] = []

    def keep(plain: str) -> str:
        found.append(plain)
        return plain

    in_base64(text, keep)
    return found
