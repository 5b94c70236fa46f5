"""Keep of the records of a capture what the rows of a page tell: times, targets, statuses, polls, notes.

Bodies are not kept: some 30 bytes a record. Of a sealed file the records are only glanced at, if there are many.
"""

from __future__ import annotations

from array import array
from dataclasses import replace

from ...cassette import codec
from ...cassette.bulk import decoding
from ...cassette.reader import OpenCassette
from ...diagnose.polls import Poll, Polls
from ...errors import CassetteError
from ...library.lazy import OpenRecording
from ...model import Chunk, Failure, Note, Record, Request, Response, SocketMessage
from ...push.decoders import Decoders

EXACT = 100_000  # records up to which polls are told: to find them all bodies are parsed
_SPAN = 8_192  # records
_HINT = "run recorder doctor for details"
_NONE = -1
_TIME, _STATUS = (1 << 63) - 1, (1 << 15) - 1  # the largest here; a file may hold any number


class Wire:
    """The times, targets and statuses of all records, for the rows of a page.

    Attributes:
        times: Nanoseconds since the capture began, by record.
        statuses: Status of each response; -1 for other records.
        notes: The notes.
        ended: Time of the last record.
        is_plain: Whether the capture has no WebSocket and no streamed answer: each part of a triple is a record.
    """

    def __init__(self, *, polls: bool = True) -> None:
        """Begin without records; `polls` tells whether to find polls."""
        self.times, self.statuses = array("q"), array("h")
        self.notes: list[Note] = []
        self.ended, self.is_plain = 0, True
        self._asked = array("l")  # number of the method and the target of each request
        self._numbers: dict[tuple[str, str], int] = {}
        self._texts: list[tuple[str, str]] = []
        self._reasons: dict[int, str] = {}
        self._found: list[tuple[int, Poll]] = []
        self._polls: Polls | None = Polls(Decoders()) if polls else None

    @classmethod
    def of(cls, found: OpenRecording) -> Wire:
        """Return what the rows need of the records of a sealed cassette.

        Raises:
            CassetteError: If the file is damaged.
        """
        cassette = found.cassette
        if cassette.count <= EXACT:
            wire = cls()
            for record in cassette.records():
                wire.feed(record)
            return wire
        wire = cls(polls=False)
        for span in cassette.spans("records", _SPAN):
            wire._glance(cassette, span)
        if len(wire.times) != cassette.count:
            raise CassetteError(cassette.path, f"record {len(wire.times)} is missing", hint=_HINT)
        return wire

    def feed(self, record: Record) -> None:
        """Take the next record."""
        asked = status = _NONE
        match record:
            case Request():
                asked = self._number(record.method, record.target)
            case Response():
                status = record.status
                self.is_plain &= not record.streamed
            case Failure():
                self._reasons[record.seq] = record.reason
            case Note():
                self.notes.append(record)
            case Chunk() | SocketMessage():
                self.is_plain = False
        self._add(record.t, asked, status)
        if self._polls is not None:
            self._found += self._polls.feed(record)
            if len(self.times) > EXACT:
                self._polls, self._found = None, []

    @property
    def microseconds(self) -> array[int]:
        """The time of each record, in microseconds."""
        return array("q", [t // 1000 for t in self.times])

    def asked(self, seq: int) -> tuple[str, str]:
        """Return the method and the target of a request."""
        return self._texts[self._asked[seq]]

    def reason(self, seq: int) -> str:
        """Return the reason of a failure."""
        return self._reasons[seq]

    def polls(self, heard: dict[str, set[str]]) -> tuple[Poll, ...]:
        """Return the polls, in order; none of a capture with more than `EXACT` records.

        Args:
            heard: The clients of each session.
        """
        if self._polls is None:
            return ()
        labels = {client: label for label, clients in heard.items() for client in clients}
        found = sorted([*self._found, *self._polls.end()], key=lambda numbered: numbered[0])
        return tuple(replace(poll, session=labels.get(poll.client_id)) for _, poll in found)

    def _glance(self, cassette: OpenCassette, span: tuple[int, int]) -> None:
        for frame in decoding.frames(cassette, span):
            kind = frame[1]
            if kind not in codec.FACTS:
                continue
            seen = decoding.fact(frame[2]) if kind in (codec.REQUEST, codec.RESPONSE) else None
            if seen is None:
                record = codec.decode(decoding.plain_frame(*frame), path=cassette.path, body_of=lambda _: b"")
                if record is not None and record.seq == len(self.times):
                    self.feed(record)
            elif seen.n == len(self.times):  # else, of an archive: the block in which the facts end is in two spans
                is_request = kind == codec.REQUEST
                self._add(
                    seen.t, self._number(seen.m, seen.u) if is_request else _NONE, _NONE if is_request else seen.s
                )
                self.is_plain &= is_request or not seen.st

    def _add(self, t: int, asked: int, status: int) -> None:
        t = max(-_TIME, min(t, _TIME))
        self.times.append(t)
        self._asked.append(asked)
        self.statuses.append(status if -_STATUS <= status <= _STATUS else _NONE)
        self.ended = max(self.ended, t)

    def _number(self, method: str, target: str) -> int:
        key = method, target
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._texts)
            self._texts.append(key)
        return number
