"""Lay out rows of fixed width by which a stand-in finds what was recorded without reading the recording.

A row of the table `requests` stands for one recorded request, one of `anchors` for one event, reply or end of a stream
that nobody asked for. The table `matching` is a JSON text in chunks: what must be known of the whole recording.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self, overload

from ...dialect.paths import path_of as as_path
from ...dialect.paths import unescaped
from ...errors import CassetteError
from ...model import Anchor, AnchorKind, Entries
from ..masks import BLANK, Mask
from ..masks import path_of as path_mask

VERSION = 1  # of all that is written here; rows of another version are made anew
REQUESTS, ANCHORS, SUMMARY = "requests", "anchors", "matching"
EVENT, REPLY, END = 0, 1, 2  # what an anchor is of: an unsolicited event, a reply to a poll, the end of a stream

_REQUEST = struct.Struct(">16sII16sIHH8s")
_ANCHOR = struct.Struct(">16sBIBIqIqIHIHB")
_ALIKE = struct.Struct(">20xI16s4xH10x")  # of a request: its place, id and host alone
_ASKED = struct.Struct(">16xII32x")  # of a request: its session and place alone
_FOLLOWED = struct.Struct(">16xBIB24xI9x")  # what an anchor is of, and its number; its kind and number
_CHUNK = 256
WIDTH: Final[Mapping[str, int]] = {REQUESTS: _REQUEST.size, ANCHORS: _ANCHOR.size, SUMMARY: _CHUNK}
IS_SORTED: Final[Mapping[str, bool]] = {REQUESTS: True, ANCHORS: True, SUMMARY: False}

_KINDS = tuple(AnchorKind)
_OPERATION = _KINDS.index(AnchorKind.OPERATION)
_COPY, _IGNORED, _ECHO, _REPEATS = 1, 2, 4, 8
_THOUSANDTHS = 1000


class RequestRow(NamedTuple):
    """A recorded request in the table of requests, which is sorted by key, session and place.

    Attributes:
        key: Digest, equal for all live requests that may be it.
        session: Number of its session in the summary, 0 for none.
        place: Place among the triples, then the other exchanges.
        id: Digest that tells apart requests of one key (`RecordedRequest.id`).
        mask: Number of the mask of its leaves that hold remembered values, 0 for none.
        host: Number of the host that it names in the summary, 0 for none.
        operation: Number of its operation in the summary, by its text alone; 0 for none.
        path: Digest of its path (`path_digest`).
    """

    key: bytes
    session: int
    place: int
    id: bytes
    mask: int
    host: int
    operation: int
    path: bytes

    def packed(self) -> bytes:
        """Return the row as bytes."""
        return _REQUEST.pack(*self)

    @classmethod
    def of(cls, row: bytes) -> Self:
        """Read a row."""
        return cls(*_REQUEST.unpack(row))


def astray(file: str, what: str) -> CassetteError:
    """Return the error for a row that names what is not there: the table was damaged after it was written."""
    return CassetteError(file, f"the index names {what}, which is not there", hint="run recorder doctor for details")


def asked_in(rows: bytes) -> Iterator[tuple[int, int]]:
    """Yield the session and the place of each request in joined rows."""
    return _ASKED.iter_unpack(rows)


def followed_in(rows: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield of each anchor on an operation in joined rows what it is of, with its number, and that of the operation."""
    return ((what, number, n) for what, number, kind, n in _FOLLOWED.iter_unpack(rows) if kind == _OPERATION)


def path_digest(path: str, mask: Mask = ()) -> bytes:
    """Return the digest of an unescaped path without the segments of a mask."""
    if mask:
        hidden = {number for _, number in path_mask(mask)}
        segments = (BLANK if number in hidden else one for number, one in enumerate(path.split("/")))
        path = "/".join(segments)
    return blake2b(path.encode(errors="surrogatepass"), digest_size=8).digest()


def recorded_path(target: str) -> str:
    """Return the path of a recorded request as it is compared on a miss."""
    return unescaped(as_path(target))


def alike_in(rows: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield the place, the id and the number of the host of each request in joined rows."""
    return _ALIKE.iter_unpack(rows)


class AnchorRow(NamedTuple):
    """An event that nobody asked for in the table of anchors, which is sorted by what the events follow.

    Attributes:
        group: Digest of what it follows (`after_place`, `after_publish`, `after_message`).
        what: `EVENT`, `REPLY` or `END`.
        number: Place among the unsolicited events, the replies to polls, or the streams that end.
        anchor: What it follows; of a request or operation, without its name.
        is_copy: An earlier window got it too.
        is_ignored: The dialect ignores it.
    """

    group: bytes
    what: int
    number: int
    anchor: Anchor
    is_copy: bool = False
    is_ignored: bool = False

    def packed(self, name: int) -> bytes:
        """Return the row as bytes; `name` is the number of the anchor's name in the summary."""
        one = self.anchor
        flags = self.is_copy * _COPY | self.is_ignored * _IGNORED | one.is_echo * _ECHO | bool(one.repeats) * _REPEATS
        place = 0 if one.place is None else one.place + 1
        where = (_KINDS.index(one.kind), name, *one.at, one.t, one.number, one.window, place)
        return _ANCHOR.pack(
            self.group, self.what, self.number, *where, round(one.confidence * _THOUSANDTHS), flags
        )  # fmt: skip

    @classmethod
    def of(cls, row: bytes, names: Sequence[str], repeats: Mapping[str, Sequence[str]]) -> Self:
        """Read a row; `names` and `repeats` are those of the summary."""
        group, what, number, kind, name, seq, index, t, n, window, place, sure, flags = _ANCHOR.unpack(row)
        ids = tuple(repeats[str(number)]) if flags & _REPEATS else ()
        where = None if not place else place - 1
        sure /= _THOUSANDTHS
        echo = bool(flags & _ECHO)
        anchor = Anchor(_KINDS[kind], (seq, index), t, names[name], n, window, where, echo, ids, sure)
        return cls(group, what, number, anchor, bool(flags & _COPY), bool(flags & _IGNORED))


def after_place(place: int) -> bytes:
    """Return the group of what follows a request, by its place among the triples and the other exchanges."""
    return _digest("place", place)


def after_publish(session: str, at: tuple[int, int]) -> bytes:
    """Return the group of what follows a publish, by its place on the wire."""
    return _digest("publish", session, *at)


def after_message(session: str, kind: AnchorKind, name: str, number: int, window: int) -> bytes:
    """Return the group of what follows a handshake, subscription or unsubscription."""
    return _digest(kind.value, session, name, number, window)


def group_of(session: str, anchor: Anchor, window: int) -> bytes:
    """Return the group of what follows an anchor in a session."""
    if anchor.place is not None:
        return after_place(anchor.place)
    if anchor.kind is AnchorKind.PUBLISH:
        return after_publish(session, anchor.at)
    return after_message(session, anchor.kind, anchor.name, anchor.number, window)


def chunks(summary: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the entries of the table that holds the summary."""
    text = json.dumps(summary, separators=(",", ":")).encode()
    for at in range(0, len(text), _CHUNK):
        yield text[at : at + _CHUNK].ljust(_CHUNK)


class StoredSummary(dict[str, Any]):
    """The summary of a cassette, whose damage is told where what it should hold is asked for."""

    def __init__(self, file: str, summary: Mapping[str, Any]) -> None:
        """Take what was read; `file` is named if something is not there."""
        super().__init__(summary)
        self._file = file

    def __missing__(self, name: str) -> Any:
        raise astray(self._file, f"{name} in its summary")


def summary_in(table: Entries) -> dict[str, Any]:
    """Read the summary from its table; empty if there is none, or if it is damaged: all in it can be made anew."""
    try:
        value = json.loads(b"".join(table[place] for place in range(len(table))))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


class MemoryTable(Sequence[bytes]):
    """A table in memory."""

    def __init__(self, width: int, rows: Iterable[bytes]) -> None:
        """Take the rows, in the order of the table."""
        self._width, self._rows = width, b"".join(rows)

    def __len__(self) -> int:
        return len(self._rows) // self._width

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._rows[place * self._width : (place + 1) * self._width]

    def read(self, start: int, end: int) -> bytes:
        """Return the entries from `start` to before `end`, one after the other."""
        return self._rows[start * self._width : end * self._width]

    def first(self, wanted: bytes) -> int:
        """Return the place of the first entry that is not below `wanted`, or begins with it."""
        return bisect_left(self, wanted)

    def starting(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the entries that begin with `prefix`, in order."""
        for place in range(self.first(prefix), len(self)):
            entry = self[place]
            if not entry.startswith(prefix):
                return
            yield entry


def _digest(*parts: object) -> bytes:
    return blake2b(repr(parts).encode(errors="surrogatepass"), digest_size=16).digest()
