"""Decode of each record and each stored triple only the fields that a table of all of them needs.

A frame that has another form is left to `codec`, which reads each form and tells of damage. So whoever uses both has
what `codec` gives, in a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import msgspec

from ...errors import CassetteError
from .. import blocks, codec
from ..frames import OVERHEAD, Frame, frame
from ..index import DIGEST
from ..reader import OpenCassette

_HEAD = 7  # bytes of a frame before its body
_TAIL = OVERHEAD - _HEAD
_HINT = "run recorder doctor for details"


class Fact(msgspec.Struct, gc=False):
    """The fields of a request or a response that tell when it was, and of what, by their names in `docs/format.md`.

    Attributes:
        n: Number of the record.
        t: Nanoseconds since the capture began.
        x: Number of the exchange.
        s: Status of a response; 0 of a request.
        m: Method of a request.
        u: Target of a request.
        st: Whether a response is streamed.
    """

    n: int
    t: int
    x: int
    s: int = 0
    m: str = ""
    u: str = ""
    st: bool | None = False


class StoredEvent(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """An event of a stored triple, as `RowEvent`; `why` is still encoded."""

    seq: int
    index: int
    channel: str
    name: str
    rule: str
    confidence: int
    why: msgspec.Raw
    rivals: list[int]


class Stored(msgspec.Struct, gc=False):
    """A stored triple, as `Row`, by the names in `docs/format.md`; the keys are in the order of their names."""

    ev: list[StoredEvent]
    keys: dict[str, str]
    n: int
    req: int
    st: str
    ack: int | None = None
    fail: int | None = None
    op: str | None = None
    s: str | None = None
    pub: int | None = None


_fact = msgspec.msgpack.Decoder(Fact).decode
_stored = msgspec.msgpack.Decoder(Stored).decode


def frames(cassette: OpenCassette, span: tuple[int, int]) -> Iterator[tuple[int, int, memoryview]]:
    """Yield the frames in a span of a sealed cassette, those of a block one by one: byte of the file, type, frame.

    Raises:
        CassetteError: If the file is damaged.
    """
    for offset, kind, encoded in cassette.window().encoded(*span):
        if kind != codec.BLOCK:
            yield offset, kind, encoded
            continue
        for found in blocks.inside(Frame(offset, kind, bytes(encoded[_HEAD:-_TAIL])), path=cassette.path):
            yield offset, found.kind, memoryview(frame(found.kind, found.body))


def plain_frame(offset: int, kind: int, encoded: memoryview) -> Frame:
    """Return one of `frames` as `codec` takes it."""
    return Frame(offset, kind, bytes(encoded[_HEAD:-_TAIL]))


def fact(encoded: memoryview) -> Fact | None:
    """Return the fields in the frame of a request or a response; None if they have another form."""
    try:
        return _fact(encoded[_HEAD:-_TAIL])
    except msgspec.DecodeError:
        return None


def stored(cassette: OpenCassette, span: tuple[int, int], before: int) -> list[Stored] | int:
    """Return the stored triples in a span, in order; their number if one of them has another form.

    Args:
        cassette: A sealed cassette.
        span: Bytes of the file, as `OpenCassette.spans` gives them for `triples`.
        before: Number of triples in the spans before.

    Raises:
        CassetteError: If the file is damaged, or a triple is not the one that the index names.
    """
    every = [encoded for _, kind, encoded in frames(cassette, span) if kind == codec.TRIPLE]
    wanted = cassette.table("digests", DIGEST).read(before, before + len(every))
    for n, encoded in enumerate(every if wanted else ()):
        if sha256(encoded).digest()[:DIGEST] != wanted[n * DIGEST : n * DIGEST + DIGEST]:
            raise CassetteError(cassette.path, f"the checksum of triple {before + n + 1} is wrong", hint=_HINT)
    try:
        rows = [_stored(encoded[_HEAD:-_TAIL]) for encoded in every]
    except msgspec.DecodeError:
        return len(every)
    for n, row in enumerate(rows, before + 1):
        if row.n != n:
            raise CassetteError(cassette.path, f"triple {n} is not where the index says", hint=_HINT)
    return rows
