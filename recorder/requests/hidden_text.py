"""Compare a live text with a recorded one that holds pseudonyms: the text around them is equal, and values agree.

A recorded text is read from a marked copy of it: redaction puts a mark where it finds a pseudonym. A mark has
characters that JSON, XML and percent-encoding escape, so the form of a mark tells which encodings it stands in. These
are undone in the live text too: a value may be written in several ways.
"""

from __future__ import annotations

import binascii
import html
import json
import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeAlias
from urllib.parse import quote, quote_plus, unquote

from ..redaction.pseudonyms import Kind
from .bindings import Pairs
from .shapes import LONGER, may_be

_MARK = re.compile(r'zQ"([0-9]{1,9})>Qz')
_NUMBERS = 8_000_000_000_000_000  # the mark of a JSON number is this number plus the place of the value
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Form:
    """An encoding of texts inside other texts.

    Attributes:
        shows: Finds a mark in this encoding.
        pattern: Finds the encoded texts.
        decode: Undoes the encoding; None for a text that is not encoded so.
    """

    shows: re.Pattern[str]
    pattern: re.Pattern[str]
    decode: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """A pseudonym in a recorded text.

    Attributes:
        value: The pseudonym.
        is_free: Whether a rule names its place, so that a value of any shape may stand there.
    """

    value: str
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Coded:
    """An encoded part of a recorded text that holds pseudonyms."""

    form: Form
    inner: HiddenText


Part: TypeAlias = str | Pseudonym | Coded


@dataclass(slots=True)
class Marks:
    """The marks in place of the values that redaction finds; equal values have equal marks."""

    values: list[str] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def __call__(self, kind: Kind, value: str, *, number: bool = False) -> str:  # noqa: ARG002  # all kinds are hidden
        """Return the mark of a value."""
        place = self._places.setdefault(value, len(self.values))
        if place == len(self.values):
            self.values.append(value)
        return str(_NUMBERS + place) if number else f'zQ"{place}>Qz'

    def clear(self) -> None:
        """Forget all values."""
        self.values.clear()
        self._places.clear()


@dataclass(frozen=True, slots=True)
class HiddenText:
    """A recorded text with pseudonyms in it.

    Attributes:
        parts: The text in its order: literal text, pseudonyms, and encoded parts that hold pseudonyms.

    """

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, marked: str, values: Sequence[str], free: Container[str] = ()) -> Self:
        """Read a recorded text from its marked copy.

        Args:
            marked: The copy, with a mark for each pseudonym.
            values: The pseudonyms, as `Marks` numbers them.
            free: Those that a rule names in this text.
        """
        pieces = _MARK.split(marked)  # literal text and places of values in turn
        parts: list[Part] = []
        for number, piece in enumerate(pieces):
            if number % 2:
                value = values[int(piece)] if int(piece) < len(values) else None
                # without a value it is a recorded text in the form of a mark
                parts.append(f'zQ"{piece}>Qz' if value is None else Pseudonym(value, value in free))
            else:
                parts += _read(piece, values, free, _FORMS)
        return cls(tuple(parts))

    @property
    def values(self) -> Iterator[str]:
        """The pseudonyms, in their order."""
        for part in self.parts:
            if isinstance(part, Pseudonym):
                yield part.value
            elif isinstance(part, Coded):
                yield from part.inner.values

    def pairs(self, text: str, known: Pairs) -> Pairs | None:
        """Return the known pairs with those that a live text adds; None if the text is another one."""
        # Depth first. Where a value may end at several places, the text behind it decides, so few paths go on.
        left = [(0, 0, known)]
        while left:
            number, start, pairs = left.pop()
            if number < len(self.parts):
                steps = [*_steps(self.parts[number], text, start, pairs)] or self._any(number, text, start, pairs)
                left += [(number + 1, *step) for step in reversed(steps)]
            elif start == len(text):
                return pairs
        return None

    def _any(self, number: int, text: str, start: int, pairs: Pairs) -> list[tuple[int, Pairs]]:
        """Return the end of a value of any shape where a rule names its place: it ends where the next text begins."""
        part, following = self.parts[number], self.parts[number + 1 : number + 2]
        end = len(text)
        match following:
            case (str(literal),):
                end = text.find(literal, start)
            case (_,):
                end = -1
        if not isinstance(part, Pseudonym) or not part.is_free or pairs.live(part.value) is not None or end <= start:
            return []
        more = pairs.plus(part.value, text[start:end])
        return [] if more is None else [(end, more)]

    def surrounds(self, text: str) -> bool:
        """Return whether a live text has the literal parts in their order, whatever stands between them."""
        literal = [part if isinstance(part, str) else "" for part in self.parts]
        first, last = literal[0], literal[-1] if len(literal) > 1 else ""
        if not (text.startswith(first) and text.endswith(last) and len(first) + len(last) <= len(text)):
            return False
        start, end = len(first), len(text) - len(last)
        for part in literal[1:-1]:
            start = text.find(part, start, end)
            if start < 0:
                return False
            start += len(part)
        return True


def marked_number(value: str) -> HiddenText:
    """Return the text of a JSON number that is a pseudonym."""
    return HiddenText((Pseudonym(value),))


def _steps(part: Part, text: str, start: int, pairs: Pairs) -> Iterator[tuple[int, Pairs]]:
    """Yield where a part may end in a live text that has it at `start`, each with the pairs then known."""
    if isinstance(part, str):
        if text.startswith(part, start):
            yield start + len(part), pairs
    elif isinstance(part, Pseudonym):
        for written, value in _values(part.value, text, start, pairs):
            more = pairs.plus(part.value, value)
            if more is not None:
                yield start + len(written), more
    else:
        found = part.form.pattern.match(text, start)
        plain = part.form.decode(found[0]) if found else None
        more = part.inner.pairs(plain, pairs) if plain is not None else None
        if found and more is not None:
            yield found.end(), more


def _values(pseudonym: str, text: str, start: int, pairs: Pairs) -> Iterator[tuple[str, str]]:
    """Yield what may stand for a pseudonym at a place of a live text, as written and as a value, a bound value first.

    Where the pseudonym needed no encoding, a value of another shape may need one.
    """
    bound = pairs.live(pseudonym)
    if bound is not None:
        forms = (bound, *(write(bound) for write in _WRITTEN))
        yield from ((written, bound) for written in dict.fromkeys(forms) if text.startswith(written, start))
    if text.startswith(pseudonym, start):
        yield pseudonym, pseudonym
    if bound is None:
        for more in LONGER:
            value = text[start : start + len(pseudonym) - more] if len(pseudonym) > more else ""
            if value != pseudonym and may_be(pseudonym, value):
                yield value, value


def _read(text: str, values: Sequence[str], free: Container[str], forms: Sequence[Form]) -> list[Part]:
    """Return the parts of a text whose marks are all encoded, if it has any."""
    if not text or not forms:
        return [text] if text else []
    form, *others = forms
    parts: list[Part] = []
    last = 0
    for found in form.pattern.finditer(text) if form.shows.search(text) else ():
        plain = form.decode(found[0]) if form.shows.search(found[0]) else None
        inner = HiddenText.of(plain, values, free) if plain is not None else None
        if inner is not None and next(inner.values, None) is not None:
            parts += [*_read(text[last : found.start()], values, free, others), Coded(form, inner)]
            last = found.end()
    return parts + _read(text[last:], values, free, others)


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _from_json(text: str) -> str | None:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return None


def _from_base64(text: str) -> str | None:
    bare = text.rstrip("=").translate(_URL_SAFE)
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _from_percent(text: str) -> str:
    return unquote(text, errors="surrogateescape")


_WRITTEN: tuple[Callable[[str], str], ...] = (
    partial(quote, safe=""),
    quote_plus,
    html.escape,
    partial(html.escape, quote=False),
    _in_json,
)
# What shows a form: a mark in it, or for base64 inside it those of its characters that the form escapes.
_FORMS = tuple(
    Form(re.compile(shows), re.compile(pattern, re.DOTALL), decode)
    for shows, pattern, decode in (
        (r'zQ\\+"|\\/', r'"(?:[^"\\]|\\.)*+(?:"|\Z)', _from_json),
        (r"zQ(?:&\w+;|&#\w+;|\")\d+(?:&\w+;|&#\w+;)Qz", r"[^<>]++", html.unescape),
        (r"zQ%(?:25)*22|%(?:2[BbFf]|3[Dd])", r"[\w.~!*'()+:@,;%-]++", _from_percent),
        (r"[A-Za-z0-9+/_-]{8}", r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{4,}+={0,2}+", _from_base64),
    )
)
