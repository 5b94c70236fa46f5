"""Find the entries of a HAR of any size: the elements of `log.entries`, one at a time.

A streaming JSON parser (ijson 3.6, measured) is ended by one character that is no JSON, by NULs at the end and by one
byte that is no UTF-8, loses half surrogates, and cannot skip a value of a gigabyte. This module only looks for the end
of each element, by brackets and strings, and `json` parses the element: an element that is no JSON, or is too large,
costs itself alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from ..errors import CassetteError

LARGEST_ENTRY = 32 << 20  # bytes; parsed it takes several times as much memory
MOST_VALUES = 400_000  # objects and arrays in one entry; in memory an empty one takes twenty times its text
_PIECE = 1 << 20
_SPACE = re.compile(rb"[\s\0]*+")
# Possessive quantifiers: without them a long string would fill the stack of the regular expression.
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'(?:[^"{}\[\]]++|%b)*+' % _STRING
# What does not change the depth, with whole objects and arrays that hold none: most headers are such.
_PLAIN = re.compile(rb'(?:[^"{}\[\]]++|%b|\{%b\}|\[%b\])*+' % (_STRING, _FLAT, _FLAT), re.DOTALL)
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]*+")


@dataclass(frozen=True, slots=True)
class Element:
    """An element of `log.entries`.

    Attributes:
        offset: Place in the text, in bytes.
        size: Length in bytes.
        text: The JSON text; None for one of more than `LARGEST_ENTRY` bytes.
    """

    offset: int
    size: int
    text: bytes | None


@dataclass(frozen=True, slots=True)
class Damage:
    """The place at which the text stops being a list of entries, with the reason."""

    problem: str


class _EndError(Exception):
    """The text ends."""


def elements(stream: IO[bytes], path: str) -> Iterator[Element | Damage]:
    """Yield the elements of `log.entries`; last the damage, if the list does not end as it must.

    Raises:
        CassetteError: If the text has no list `log.entries`.
    """
    text = _Text(stream)
    try:
        found = text.descend(b"log") and text.descend(b"entries")
    except _EndError:
        found = False
    if not found or text.next() != b"[":
        raise CassetteError(path, "is not a HAR: there is no list log.entries")
    text.skip(1)
    try:
        yield from text.items()
    except _EndError:
        yield Damage("the file ends early")


def again(stream: IO[bytes], places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Yield texts by their offsets and sizes, in ascending order, from a stream at its beginning."""
    at = 0
    for offset, size in places:
        while at < offset:
            at += len(stream.read(min(_PIECE, offset - at))) or offset
        yield stream.read(size)
        at = offset + size


def parsed(text: bytes) -> Any:
    """Parse an element, with control characters in strings.

    Raises:
        ValueError: If the element is no JSON, or holds too many or too deeply nested values.
    """
    if len(text) > MOST_VALUES and text.count(b"{") + text.count(b"[") > MOST_VALUES:
        raise ValueError("too many values")
    try:
        return json.loads(_decoded(text), strict=False)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")  # tools on Windows that write text as it came


class _Text:
    """A text that is read piece by piece; `_at` is the place in the buffer, `_base` that of the buffer in the text."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._at = self._base = 0

    def descend(self, name: bytes) -> bool:
        """Go to the value of a member of the object that begins here; return whether there is one."""
        if self.next() != b"{":
            return False
        self.skip(1)
        while self.next() == b'"':
            key = self.value().text
            if self.next() != b":":
                return False
            self.skip(1)
            if key == b'"' + name + b'"':
                return True
            self.value(kept=False)
            if self.next() == b",":
                self.skip(1)
        return False

    def items(self) -> Iterator[Element | Damage]:
        """Yield the elements of the array whose bracket was read."""
        while (following := self.next()) != b"]":
            if following in (b"}", b":"):
                yield Damage("the file is damaged")
                return
            if following == b",":
                self.skip(1)
                continue
            yield self.value()

    def next(self) -> bytes:
        """Return the next character that is no white space, without reading it."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer):
                return bytes(self._buffer[self._at : self._at + 1])
            self._more(self._at)

    def skip(self, count: int) -> None:
        self._at += count

    def value(self, *, kept: bool = True) -> Element:
        """Read the value that begins here."""
        first, offset = self.next(), self._base + self._at
        end = self._scalar() if first not in (b"{", b"[", b'"') else self._extent(offset, kept=kept)
        size = self._base + end - offset
        start = offset - self._base
        text = bytes(self._buffer[start:end]) if kept and start >= 0 and size <= LARGEST_ENTRY else None
        self._at = end
        return Element(offset, size, text)

    def _scalar(self) -> int:
        while True:
            match = _SCALAR.match(self._buffer, self._at)
            end = match.end() if match else self._at
            if end < len(self._buffer):
                return max(end, self._at + 1)
            self._more(self._at)

    def _extent(self, offset: int, *, kept: bool) -> int:
        """Return the end of an object, array or string in the buffer; bytes of an oversized value are dropped."""
        at, depth, inside = self._at, 0, False
        while True:
            match = (_INSIDE if inside else _PLAIN).match(self._buffer, at) if depth or inside else None
            at = match.end() if match else at
            if at >= len(self._buffer) or (inside and self._buffer[at] == 0x5C):  # an escape that is cut in two
                small = kept and self._base + at - offset <= LARGEST_ENTRY
                at -= self._more(self._at if small else at)
                continue
            character = self._buffer[at]
            at += 1
            if character == 0x22:
                inside = not inside
            else:
                depth += 1 if character in b"{[" else -1
            if depth == 0 and not inside:
                return at

    def _more(self, keep: int) -> int:
        """Read a piece, drop what stands before `keep`, and return by how much places in the buffer have moved.

        Raises:
            _EndError: If the text ends.
        """
        piece = self._stream.read(_PIECE)
        if not piece:
            raise _EndError
        del self._buffer[:keep]
        self._buffer += piece
        self._base += keep
        self._at = max(0, self._at - keep)
        return keep
