"""Scan the records of a cassette for values that redaction missed. A finding never contains the value.

Pseudonyms look like secrets. So the places that the cassette's own policy names are blanked first, with the finder that
also puts pseudonyms there. In these places the scan reports only a value that cannot be a pseudonym: an e-mail address
outside example.com, a telephone number without 999, a JWT that can be decoded, base64 of `user:password`. All other
places are searched in full.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count
from sys import intern
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

from ..model import Failure, Header, Headers, Note, Record
from .again import has_free_form
from .blanks import blank, changes
from .bodies.change import Unread
from .bodies.json_shapes import Shape, text_of
from .detectors import Hit, found, is_jwt, is_pair, is_too_short
from .finder import Finder
from .forms import in_base64
from .known import Known
from .leaves import Leaf, Shaped, content, leaves, of_body, of_head, of_header, of_target, part, shaped, unlooked
from .policy import Place, Policy
from .pseudonyms import Kind, is_phone
from .redactor import Reading, redacted

_DEEPEST = 3  # encodings within encodings
_MOST_ELSEWHERE = 100  # searches of a whole record: each takes as long as the record is
_REMEMBERED, _LONGEST_REMEMBERED = 20_000, 300  # texts without findings, characters of the longest one
_VALUES = 2_000  # values of which it is kept what they are
_SHAPES = 1_000  # shapes of JSON bodies whose leaves are kept
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
# A URL up to its query, or the path of one; a secret in base64 may begin with a slash too, but not like a path.
_URL_PATH = re.compile(r"(?:[a-z]{2,5}://[^\s/?#]+/|/[a-z][\w.-]*/)[^\s?#]*")
# Headers that may hold hashes, which look like random words.
_OPAQUE = re.compile(r"etag|if-.*|sec-.*|content-.*|date|server-timing|x-cache.*")


_One = TypeVar("_One")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value that should not be in a cassette, described without the value itself.

    Attributes:
        record: `seq` of the record; None for the header of the cassette.
        part: Type of the record: request, response …; "header" for the header of the cassette.
        where: The place in the record, as in `Leaf.where`.
        kind: What the value looks like.
        masked: The first two characters and the length of the value.

    """

    record: int | None
    part: str
    where: str
    kind: str
    masked: str


class _Left(NamedTuple):
    """A record as it is searched: with blanks for what was replaced.

    Attributes:
        record: The record; for a body without a shape the one with blanks.
        target: The target of a request, with blanks.
        headers: Headers, with blanks.
        body: The texts of a body of a known shape, with blanks.
        wanted: The places of values that are to be replaced.

    """

    record: Record
    target: str | None
    headers: Headers
    body: Shaped | None
    wanted: Iterable[tuple[Leaf, Kind]]


@dataclass(slots=True)
class Scan:
    """A scan of one cassette.

    Attributes:
        policy: Names the values that must not be in the cassette in the clear.
        done: The policy the cassette was redacted by; None if it was not redacted.

    """

    policy: Policy
    done: Policy | None
    _blank: Finder | None = field(init=False)
    _wanted: Finder | None = field(init=False)
    _real: list[tuple[str, str]] = field(default_factory=list)  # kinds and values in the current record
    unlooked: Counter[tuple[str, Unread]] = field(default_factory=Counter)  # bodies that no reader looked through
    names_more: bool = False  # some value is no telephone number with a plus, which is found alike in any text
    # texts in which nothing was found, searched for random words or not
    _nothing: set[tuple[str, bool]] = field(default_factory=set)
    _quiet_headers: set[tuple[str, str]] = field(default_factory=set)
    _quiet_targets: set[str] = field(default_factory=set)
    _quiet_pieces: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    _shapes: dict[Shape, list[tuple[int, Leaf, bool, set[str]]]] = field(default_factory=dict)
    _reading: Reading | None = field(init=False)
    _places: dict[str, Place] = field(default_factory=dict)  # of the policy, by path

    def __post_init__(self) -> None:
        self._reading = Reading(self.done) if self.done else None
        self.begin(Known(), Known(), {})

    def begin(self, done: Known, wanted: Known, streams: Mapping[int, str]) -> None:
        """Begin with other records, and the memory of those before them.

        Args:
            done: Values that the policy of the cassette replaced.
            wanted: Values that `policy` names.
            streams: Media types of streamed responses whose chunks may follow, by exchange.

        """
        self._blank = Finder(self.done, self._checked, done, streams=dict(streams)) if self.done else None
        same = self.policy is self.done
        self._wanted = None if same else Finder(self.policy, blank, wanted, streams=dict(streams))
        self.unlooked, self.names_more = Counter(), False

    def header(self, header: Header) -> list[Finding]:
        """Return the findings in the header of the cassette."""
        findings = list(self._searched(None, "header", Leaf("upstream", header.upstream), words=True))
        for name, text in (("dialect", header.dialect_text), ("policy", header.policy_text)):
            # no search for random words: names of fields and events look like them
            hits = found(text, words=False)
            findings += [Finding(None, "header", name, hit.kind, masked(text[hit.start : hit.end])) for hit in hits]
        return findings

    def record(self, record: Record) -> list[Finding]:
        """Return the findings in the next record."""
        self._note_unlooked(record)
        return self.again(record)

    def settled(self, record: Record) -> list[Finding] | None:
        """Return the findings in the next record; None if there are some that later records may explain.

        A value that cannot be a pseudonym, at a place that the policy names, is a finding whatever comes later. But if
        `names_more`, such a value may stand in any text, and is found there only once a record names it.
        """
        self._note_unlooked(record)
        left = self._left(record)
        if (self._real and self._wanted is not None) or next(self._found(left), None) is not None:
            return None
        return list(dict.fromkeys(_placed(record, self._real))) if self._real else []

    def again(self, record: Record) -> list[Finding]:
        """Return the findings in a record that later records may explain, after `record` saw all of them.

        A cassette that was redacted after its recording has pseudonyms before the record that names their values.
        """
        left = self._left(record)
        return list(dict.fromkeys(chain(_placed(record, self._real), self._found(left))))

    def _note_unlooked(self, record: Record) -> None:
        if bodies := unlooked(record):
            self.unlooked.update(bodies)

    def _left(self, record: Record) -> _Left:
        """Return what is left of a record without the values that were replaced, and without those that are wanted too.

        Both are remembered; values in the place of pseudonyms that cannot be such are kept for `_placed`.
        """
        self._real.clear()
        read = self._reading.read(record) if self._reading is not None and self._wanted is None else None
        if read is not None and self._blank is not None:
            left = read.changed(self._blank, is_ascii=False)
            return _Left(record, left.target, left.headers, left.body, ())
        whole = record if self._blank is None else redacted(record, self._blank)
        blanked = whole if self._wanted is None else redacted(whole, self._wanted)
        target, headers = getattr(blanked, "target", None), getattr(blanked, "headers", ())
        return _Left(blanked, target, headers, shaped(blanked), () if whole is blanked else changes(whole, blanked))

    def _found(self, left: _Left) -> Iterator[Finding]:
        """Yield the findings in what is left of a record, perhaps some of them twice."""
        number, name = left.record.seq, part(left.record)
        for leaf, kind in dict.fromkeys(left.wanted):
            hits = found(leaf.text, words=False)
            yield Finding(number, name, intern(leaf.where), hits[0].kind if hits else _named(kind), masked(leaf.text))
        # Places that a policy names are blanked by now, so no pseudonym is reported, and no value twice.
        for leaf, words in self._unsearched(left):
            yield from self._searched(number, name, leaf, words=words)

    def _unsearched(self, left: _Left) -> Iterator[tuple[Leaf, bool]]:
        """Yield the texts of a record, but for those in which nothing was found before.

        Each with whether to search for random words too.
        """
        if left.target is not None and left.target not in self._quiet_targets:
            yield from self._of_target(left.target)
        for header in left.headers:
            if header not in self._quiet_headers:
                leaf = of_header(header)
                words = self._words(leaf)
                if (leaf.text, words) in self._nothing:
                    _keep(self._quiet_headers, header)
                else:
                    yield leaf, words
        if left.body is None:
            record = left.record
            others = leaves(record) if isinstance(record, Failure | Note) else of_body(record)
            yield from ((leaf, self._words(leaf)) for leaf in others if not is_too_short(leaf.text))
            return
        pieces = left.body.pieces
        for number, leaf, words, quiet in self._to_search(left.body):
            if number < 0:
                yield leaf, words
            elif (piece := pieces[number]) not in quiet:
                text = text_of(piece)
                if is_too_short(text) or (text, words) in self._nothing:
                    _keep(quiet, piece)
                else:
                    yield Leaf(leaf.where, text, leaf.path), words

    def _of_target(self, target: str) -> Iterator[tuple[Leaf, bool]]:
        """Yield the texts of a target, and remember it if nothing was found in them before."""
        found = [(leaf, self._words(leaf)) for leaf in of_target(target)]
        if all((leaf.text, words) in self._nothing for leaf, words in found):
            _keep(self._quiet_targets, target)
        else:
            yield from found

    def _to_search(self, body: Shaped) -> list[tuple[int, Leaf, bool, set[str]]]:
        """Return the leaves of the template of a body, but for those that all its bodies share and hold nothing.

        Each with whether to search for random words, and the pieces in which nothing was found by such a search.
        """
        found = self._shapes.get(body.shape)
        if found is None:
            searched = ((number, leaf, self._words(leaf)) for number, leaf in body.template)
            every = ((number, leaf, words, self._quiet_pieces[words]) for number, leaf, words in searched)
            found = [one for one in every if one[0] >= 0 or next(self._hits(one[1], words=one[2], depth=0), None)]
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            self._shapes[body.shape] = found
        return found

    def _words(self, leaf: Leaf) -> bool:
        """Return whether to search a leaf for random words too."""
        return not _OPAQUE.fullmatch(leaf.header) and not self._kept(leaf.path)

    def _checked(self, kind: Kind, value: str, *, number: bool = False) -> str:
        real = _real(kind, value)
        if real is not None:
            self._real.append((real, value))
            self.names_more = self.names_more or value[0] != "+"
        return blank(kind, value, number=number)

    def _searched(self, number: int | None, name: str, leaf: Leaf, *, words: bool) -> Iterator[Finding]:
        if is_too_short(leaf.text) or (leaf.text, words) in self._nothing:
            return
        count = 0
        for place, text, hit in self._hits(leaf, words=words, depth=0):
            count += 1
            yield Finding(number, name, intern(place), hit.kind, masked(text[hit.start : hit.end]))
        if not count and len(leaf.text) <= _LONGEST_REMEMBERED:
            _keep(self._nothing, (leaf.text, words))

    def _hits(self, leaf: Leaf, *, words: bool, depth: int) -> Iterator[tuple[str, str, Hit]]:
        """Yield place, text and hit for each suspicious value in a leaf, also inside encoded texts."""
        text = unquote(leaf.text) if "%" in leaf.text else leaf.text
        inner = content(text, leaf.where) if depth < _DEEPEST and text.lstrip()[:1] in ("{", "[") else []
        if len(inner) > 1 or (inner and inner[0].path):
            for own in inner:
                yield from self._hits(own, words=words and not self._kept(own.path), depth=depth + 1)
            return
        ids = _end_of_path(leaf, text)
        for hit in found(text, words=words):
            if hit.kind != "random word" or hit.start >= ids:  # in a path a random word is the id of a resource
                yield leaf.where, text, hit
        if depth < _DEEPEST:
            for plain in _decoded(text):
                yield from self._hits(Leaf(leaf.where, plain), words=words, depth=depth + 1)

    def _kept(self, path: str) -> bool:
        """Return whether the policy keeps the values at a place, such as an id that looks random."""
        return self._place(path).rule.kept

    def _place(self, path: str) -> Place:
        """Return a place by its path; one without a rule of its own follows the object around it."""
        found = self._places.get(path)
        if found is None:
            # from the place around it, not from the root: a path may have a hundred names
            around, dot, name = path.rpartition(".")
            outer = self._place(around) if dot else self.policy.root()
            found = self.policy.walk(outer, name) if name else outer
            if len(self._places) >= _REMEMBERED:
                self._places.clear()
            self._places[path] = found
        return found


def _keep(kept: set[_One], one: _One) -> None:
    """Add to a set, which is emptied when it is full."""
    if len(kept) >= _REMEMBERED:
        kept.clear()
    kept.add(one)


def masked(value: str) -> str:
    """Return the length of a value, after its first two characters if the value has at least 8.

    Two characters of a shorter value would reveal too much of the value.
    """
    first = value[:2] if len(value) >= 8 and value[:2].isprintable() else ""
    return intern(f"{first}… ({len(value)} characters)")  # most findings of a long recording are alike


def _end_of_path(leaf: Leaf, text: str) -> int:
    """Return where the path of a URL ends in a text; 0 if the text is none."""
    if leaf.where == "path":
        return len(text)
    path = _URL_PATH.match(text)
    return path.end() if path else 0


def _finding(record: Record, where: str, kind: str, value: str) -> Finding:
    return Finding(record.seq, part(record), where, kind, masked(value))


def _placed(record: Record, values: list[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a finding for each kind and value, with its place.

    The values are in the order of the record, so the search for one goes on where the one before it was.
    """
    texts = _Texts(_texts(record, {value for _, value in values}))
    number = start = 0
    elsewhere = 0  # values that are further back, or not as they are in any text
    for kind, value in dict.fromkeys(values):
        here, at = texts.first(value, number, start)
        if at < 0 and elsewhere < _MOST_ELSEWHERE:
            elsewhere += 1
            here, at = texts.first(value, 0, 0)
        elif at >= 0:
            number, start = here, at
        yield _finding(record, texts.seen[here][1] if at >= 0 else "inside an encoded text", kind, value)


def _texts(record: Record, values: AbstractSet[str]) -> Iterator[tuple[str, str]]:
    """Yield the texts of a record, each with its place; perhaps only those that hold a single value."""
    body = shaped(record)
    for leaf in leaves(record) if body is None else of_head(record):
        yield leaf.text, leaf.where
    if body is None:
        return
    pieces, template = body.pieces, body.template
    if len(values) == 1 and "\\" not in "".join(pieces):  # each text is as it is written
        (value,) = values
        template = tuple([one for one in template if value in (one[1].text if one[0] < 0 else pieces[one[0]])])
    for number, leaf in template:
        yield leaf.text if number < 0 else text_of(pieces[number]), leaf.where


@dataclass(slots=True)
class _Texts:
    """Texts of a record with their places, each taken when the search for a value comes to it."""

    coming: Iterator[tuple[str, str]]
    seen: list[tuple[str, str]] = field(default_factory=list)

    def first(self, value: str, number: int, start: int) -> tuple[int, int]:
        """Return the number of the first text with a value, from a place on, and its index in the text; -1 for none."""
        for here in count(number):
            if here == len(self.seen):
                text = next(self.coming, None)
                if text is None:
                    break
                self.seen.append(text)
            at = self.seen[here][0].find(value, start if here == number else 0)
            if at >= 0:
                return here, at
        return 0, -1


def _named(kind: Kind) -> str:
    return {Kind.SECRET: "secret", Kind.PERSONAL: "personal value", Kind.ID: "id"}[kind] + " by its name"


@lru_cache(_VALUES)  # the ids of sessions come with each request
def _real(kind: Kind, value: str) -> str | None:
    """Return what a value is that stands in the place of a pseudonym but cannot be one.

    None if the value is a pseudonym, or may be one.
    """
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
    """Return the texts that are encoded as base64 in a text."""
    found: list[str] = []

    def keep(plain: str) -> str:
        found.append(plain)
        return plain

    in_base64(text, keep)
    return found
