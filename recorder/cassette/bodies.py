"""Store equal bodies of a sealed cassette once: a later record names the earlier record that has the same body.

The writer and the reader remember the last 4096 different bodies, by equal rules, so the memory of both is bounded.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from ..errors import CassetteError
from ..model import Chunk, Record, Request, Response, SocketMessage

SHORT = 64  # bytes; a shorter body is written again, since a reference would save next to nothing
LONG = 16 << 10  # bytes; longer bodies are not remembered: 4096 bodies of 16 KiB bound the memory at 64 MiB
REMEMBERED = 4096  # bodies
_WITH_BODY = (Request, Response, Chunk, SocketMessage)


class Repeated:
    """The bodies a writer has written, by digest."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def earlier(self, record: Record) -> int | None:
        """Return the `seq` of an earlier record with an equal body, or None where the body must be written."""
        body = _worth_naming(record)
        if body is None:
            return None
        digest = hashlib.blake2b(body, digest_size=16).digest()
        found = self._seen.get(digest)
        if found is None:
            self._seen[digest] = record.seq
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return found


class Remembered:
    """The bodies a reader has read, by the `seq` of their record."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._named = False

    def body(self, seq: int) -> bytes:
        """Return the body of the earlier record `seq`.

        Raises:
            CassetteError: If the body of this record is not remembered.
        """
        if seq not in self._bodies:
            raise CassetteError(self._path, f"a record names the body of record {seq}, which is not available")
        self._named = True
        return self._bodies[seq]

    def feed(self, record: Record) -> None:
        """Remember the body of a record just read, unless the record took its body from an earlier one.

        Call `feed` for each record, in order: the writer counts only bodies written in full, and the reader must
        forget the oldest body at the same point.
        """
        body, named, self._named = _worth_naming(record), self._named, False
        if body is not None and not named:
            self._bodies[record.seq] = body
            if len(self._bodies) > REMEMBERED:
                self._bodies.popitem(last=False)


def _worth_naming(record: Record) -> bytes | None:
    if isinstance(record, _WITH_BODY) and SHORT <= len(record.body) <= LONG:
        return record.body
    return None
