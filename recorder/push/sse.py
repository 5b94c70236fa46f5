"""Parse streams of server-sent events (HTML, section 9.2 "Server-sent events"), and decode them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..formats.streamed import EVENTS, streamed_media
from ..model import Chunk, Event, Failure, Headers, Record, Response
from .port import SSE, Closed, Observation, Opened
from .rules import COMMENT, UNNAMED, PushRules, read

_LINE = re.compile(rb"(?<![^\r\n])([^\r\n]*+)(?>\r\n|\n|\r)")
_HEADERS = 1000  # blocks whose media type is remembered: each response is asked, and servers repeat them
_BOM = b"\xef\xbb\xbf"
_LONGEST = 15  # digits of `retry`: whatever has more is no time to wait


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """A block of a stream, or a comment in it.

    Attributes:
        data: The lines of its data; None if it has none, so that clients get no event.
        event: Its name, None if none was sent.
        id: The id that it gives the client to go on from, None if none was sent.
        retry: Milliseconds to wait before connecting again, None if none was sent.
        comment: Text of a comment between blocks; then it has nothing else. A comment within a block is only in `raw`.
        raw: The bytes that it was read from.
    """

    data: str | None = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None
    raw: bytes = field(default=b"", compare=False)


@dataclass(slots=True)
class EventStream:
    """Parses one stream, which may come in any pieces."""

    _left: list[bytes] = field(default_factory=list)  # pieces of a line that has not ended
    _has_begun: bool = False
    _after_return: bool = False  # the last piece ended in CR, so an LF at the start of the next one ends no line
    _raw: list[bytes] = field(default_factory=list)  # lines since the last event
    _data: list[str] = field(default_factory=list)
    _fields: dict[str, str] = field(default_factory=dict)

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Take the next piece; return what was finished in it. An unfinished block at the end counts for nothing."""
        if self._after_return and piece:
            if piece.startswith(b"\n"):
                self._raw.append(b"\n")
            piece, self._after_return = piece.removeprefix(b"\n"), False
        if b"\n" not in piece and b"\r" not in piece:
            self._left.append(piece)
            return []
        piece = b"".join((*self._left, piece))
        self._after_return = piece.endswith(b"\r")
        found: list[ServerSentEvent] = []
        end = 0
        for line in _LINE.finditer(piece):
            end = line.end()
            self._raw.append(line[0])
            self._line(line[1], found)
        self._left = [piece[end:]]
        return found

    def _line(self, raw: bytes, found: list[ServerSentEvent]) -> None:
        if not self._has_begun:
            raw, self._has_begun = raw.removeprefix(_BOM), True
        if not raw:
            self._blank(found)
            return
        name, _, value = raw.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if not name and self._is_between:
            found.append(ServerSentEvent(comment=value, raw=self._taken()))
        elif name == "data":
            self._data.append(value)
        elif (name == "id" and "\0" not in value) or name == "event" or (name == "retry" and _is_time(value)):
            self._fields[name] = value

    @property
    def _is_between(self) -> bool:
        """Return whether no block has begun."""
        return not self._data and not self._fields

    def _blank(self, found: list[ServerSentEvent]) -> None:
        if self._is_between:
            if found:  # the line after a comment; at the start of a piece it goes with the next event
                found[-1] = replace(found[-1], raw=found[-1].raw + self._taken())
            return
        own, data = self._fields, "\n".join(self._data) if self._data else None
        self._data, self._fields = [], {}
        retry = own.get("retry")
        time = None if retry is None else int(retry)
        found.append(ServerSentEvent(data, own.get("event"), own.get("id"), time, raw=self._taken()))

    def _taken(self) -> bytes:
        raw, self._raw = b"".join(self._raw), []
        return raw


class SseDecoder:
    """Decodes responses that are streams of events, whole or in chunks."""

    def __init__(self, rules: PushRules) -> None:
        self._rules = rules
        self._open: dict[int, EventStream] = {}

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows."""
        match record:
            case Response() if is_stream(record):
                return self._opened(record)
            case Chunk() if record.exchange in self._open:
                seen: list[Observation] = [*self._events(record, self._open[record.exchange])]
                if record.is_last:
                    seen.append(self._closed(record, ended=True))
                return seen
            case Failure() if record.exchange in self._open:
                return [self._closed(record, ended=False, reason=record.reason)]
            case _:
                return []

    def _opened(self, response: Response) -> list[Observation]:
        opened = Opened(key(response.exchange), response.exchange, response.seq, response.t, SSE)
        stream = self._open[response.exchange] = EventStream()
        if response.streamed:
            return [opened]
        return [opened, *self._events(response, stream), self._closed(response, ended=True)]

    def _events(self, record: Response | Chunk, stream: EventStream) -> Iterator[Event]:
        for index, found in enumerate(stream.feed(record.body)):
            yield _event(found, record, index, self._rules)

    def _closed(self, record: Response | Chunk | Failure, *, ended: bool, reason: str = "") -> Closed:
        del self._open[record.exchange]
        return Closed(key(record.exchange), record.exchange, record.seq, record.t, ended, reason=reason)


def key(exchange: int) -> str:
    """Return the name of the stream that an exchange asked for, in the place of a clientId."""
    return f"stream-{exchange}"


def is_stream(response: Response) -> bool:
    """Return whether a response is a stream of events; one whose whole body is empty is none."""
    if not response.streamed and response.body == b"":
        return False
    return _are_of_stream(response.headers)


@lru_cache(_HEADERS)
def _are_of_stream(headers: Headers) -> bool:
    return streamed_media(headers) == EVENTS


def events_in(record: Response | Chunk, rules: PushRules) -> list[Event]:
    """Return the events in a whole stream, or in a chunk, which holds whole events."""
    return [_event(found, record, index, rules) for index, found in enumerate(EventStream().feed(record.body))]


def _event(found: ServerSentEvent, record: Response | Chunk, index: int, rules: PushRules) -> Event:
    channel, data = COMMENT, found.comment
    beside = {name: value for name in ("id", "event", "retry") if (value := getattr(found, name)) is not None}
    if found.data is not None:
        data = read(found.data)
        channel = rules.topic(data) or found.event or UNNAMED
    exchange = record.exchange
    return Event(record.seq, index, record.t, exchange, key(exchange), channel, data, beside or None, found.raw)


def _is_time(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= _LONGEST
