"""Bodies that stand in a sealed file once: an equal one that follows names the record of the first.

Writer and reader remember the same bodies, the last 4096 different ones: reading needs no more memory.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from ..errors import CassetteError
from ..model import Record, Request, Response, SocketMessage

SHORT = 64  # bytes: a shorter body costs less than the trouble of naming it
LONG = 16 << 10  # bytes: longer ones are not remembered, so that memory is bounded (64 MiB)
REMEMBERED = 4096


class Repeated:
    """The writer's side."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, int] = OrderedDict()

    def earlier(self, record: Record) -> int | None:
        """Return the `seq` of an earlier record with an equal body, None where the body must be written."""
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
    """The reader's side."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._named = False

    def body(self, seq: int) -> bytes:
        """Return the body of an earlier record.

        Raises:
            CassetteError: If no record of that number is remembered.
        """
        if seq not in self._bodies:
            raise CassetteError(self._path, f"the body of record {seq} is named but is not there")
        self._named = True
        return self._bodies[seq]

    def feed(self, record: Record) -> None:
        """Remember a record that was read, unless it only named its body."""
        body, named, self._named = _worth_naming(record), self._named, False
        if body is not None and not named:
            self._bodies[record.seq] = body
            if len(self._bodies) > REMEMBERED:
                self._bodies.popitem(last=False)


def _worth_naming(record: Record) -> bytes | None:
    if isinstance(record, Request | Response | SocketMessage) and SHORT <= len(record.body) <= LONG:
        return record.body
    return None
