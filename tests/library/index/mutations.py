"""Change a byte of a sealed cassette, and make the checksums right again."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from benchmarks.synthetic import HEADER, records
from recorder.cassette import codec, sealed
from recorder.cassette.codec import encode
from recorder.cassette.frames import unframe
from recorder.cassette.journal import create
from recorder.library.sealing import seal
from recorder.model import Request, Response

HEAD = 7  # bytes of a frame before its body


def make(folder: Path) -> Path:
    """A sealed cassette with an index: triples, exchanges that are no operations, events that nobody asked for."""
    *spoken, end = records(60, seed=2)
    for exchange in (9_998, 9_999):  # no operations
        asked = Request(len(spoken), end.t, exchange, "c", "GET", "/api/v2/ping", (("Host", "gws.example:8090"),), b"")
        spoken += [asked, Response(asked.seq + 1, end.t, exchange, 200, (), b"")]
    journal = create(folder / "journal", replace(HEADER, redaction="gws"))
    journal.append(list(map(encode, [*spoken, replace(end, seq=len(spoken))])))
    journal.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "INDEX_FROM", 0)
        seal(folder / "journal", folder / "sealed")
    return folder / "sealed"


def frames(data: bytes) -> list[tuple[int, int, int]]:
    """The kind of each frame, and the bytes between which its body stands."""
    return [(one.kind, one.offset + HEAD, one.offset + HEAD + len(one.body)) for one in unframe(data)]


def changed(data: bytes, at: int, new: bytes) -> bytes:
    """The file with other bytes in the body of a frame; the checksums of the frame and of the file are right again."""
    (begin, end) = next((begin, end) for _, begin, end in frames(data) if begin <= at < end)
    made = bytearray(data)
    made[at : at + len(new)] = new
    made[end + 1 : end + 5] = zlib.crc32(made[begin - HEAD : end]).to_bytes(4, "big")
    last = len(made) - codec.END_SIZE
    made[last + HEAD + 10 : last + HEAD + 42] = hashlib.sha256(made[:last]).digest()
    made[-4:] = zlib.crc32(made[last:-5]).to_bytes(4, "big")
    return bytes(made)


def mutated(data: bytes, spans: Sequence[tuple[int, int]], seed: int) -> bytes:
    """The file with one byte changed in one of these places, at random."""
    chance = random.Random(seed)
    at = chance.randrange(*chance.choice(spans))
    return changed(data, at, bytes([data[at] ^ chance.randrange(1, 256)]))


def pages(data: bytes, table: str) -> list[tuple[int, int]]:
    """The bytes between which the entries of a table stand."""
    found = {begin - HEAD: (begin, end) for _, begin, end in frames(data)}
    spans = [found[offset] for group in contents(data)[table] for _, offset in group]
    return [(begin + (3 if data[begin] == 0xC5 else 2), end) for begin, end in spans]  # behind the head of a `bin`


def contents(data: bytes) -> Any:
    (body,) = (data[begin:end] for kind, begin, end in frames(data) if kind == codec.CONTENTS)
    return msgpack.unpackb(body)


def tables(data: bytes) -> list[str]:
    """The names of the tables of the index that have entries."""
    return [name for name, groups in contents(data).items() if groups]
