"""Open a cassette as a recording whose triples are read when they are asked for.

The facts stay in the file. What is derived from them stands in an index: that of a sealed file, or one that is built in
one pass into temporary files. So memory does not grow with the cassette.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Protocol, Self

from ..bayeux.messages import Message, carried
from ..bayeux.publishes import as_request, as_response
from ..cassette import codec
from ..cassette.frames import Frame, unframe
from ..cassette.reader import OpenCassette, open_cassette
from ..cassette.tables import Rows, Spool, Table
from ..correlate.engine import Correlator
from ..dialect.carried import dialect_of, under
from ..dialect.definition import Dialect
from ..errors import CassetteError, RecorderError
from ..formats.streamed import EVENTS, streamed_media
from ..model import (
    Chunk,
    Event,
    Failure,
    Header,
    Link,
    Note,
    Record,
    Recording,
    Request,
    Response,
    Row,
    RowEvent,
    SocketMessage,
    State,
    Triple,
    Unsolicited,
)
from ..push.bayeux import beside_of
from ..push.pieces import joined as joined_pieces
from ..push.port import WEBSOCKET
from ..push.rules import PushRules
from ..push.sockets import as_request as message_of
from ..push.sockets import event_on
from ..push.sse import events_in
from .rows import pushed_of, row_of
from .sequences import Lazy

_ADDRESS = struct.Struct(">Q")
_CHUNK = struct.Struct(">II")  # head of a response, chunk of it
_CARRIER = struct.Struct(">III")  # record, place in it from which on its events are of a client, number of the client
_NO_RULES = PushRules()
_RECORDS, _BYTES = 512, 8 << 20  # records kept, and bytes of their bodies


class Index(Protocol):
    """What is stored about a recording: tables by name, and the frames to which the addresses in them lead."""

    def table(self, name: str) -> Table:
        """Return a table; an empty one if there is none of that name."""

    def frame(self, address: int) -> Frame:
        """Return the frame at an address."""


class Records:
    """Looks up records by number; the last ones are kept, up to a number of bytes."""

    def __init__(self, find: Callable[[int], Record], chunks: Table) -> None:
        """Take what reads a record, and the table of the chunks of streamed responses."""
        self._find, self._chunks = find, chunks
        self._kept: OrderedDict[int, Record] = OrderedDict()
        self._size = 0

    def __getitem__(self, seq: int) -> Record:
        found = self._kept.get(seq)
        if found is not None:
            return found
        found = self._kept[seq] = self._find(seq)
        self._size += _size(found)
        while len(self._kept) > _RECORDS or (self._size > _BYTES and len(self._kept) > 1):
            self._size -= _size(self._kept.popitem(last=False)[1])
        return found

    def whole(self, seq: int) -> Record:
        """Return a record as correlation sees it: a streamed response with its lines, a stream of events without."""
        head = self[seq]
        if not isinstance(head, Response) or not head.streamed or streamed_media(head.headers) == EVENTS:
            return head
        chunks = (self[_CHUNK.unpack(entry)[1]] for entry in self._chunks.starting(seq.to_bytes(4, "big")))
        return next(joined_pieces(chain([head], chunks)))


class Triples:
    """Reads the triples of a recording from its index, with the records that they name."""

    def __init__(self, path: str, index: Index, records: Records, about: Recording, dialect: Dialect) -> None:
        """Take the index, and the recording as far as it needs no triples."""
        self._path, self._index, self._records = path, index, records
        self._about, self._dialect = about, dialect
        self._streams = {stream.exchange for stream in about.streams}
        self._sockets = {stream.exchange for stream in about.streams if stream.protocol == WEBSOCKET}
        self._carriers = index.table("carriers")
        self._clients: Sequence[str] = about.index.clients if about.index else ()

    def triple(self, place: int) -> Triple:
        """Return a triple by its place, from 0."""
        row = self._row("triples", place)
        if row.n != place + 1:
            raise self._stale(row, "is not where the index says")
        return self._of(row)

    def plain(self, place: int) -> Triple:
        """Return an exchange that is no operation, by its place."""
        return self._of(self._row("exchanges", place))

    def unsolicited(self, place: int) -> Unsolicited:
        """Return an unsolicited event by its place."""
        match codec.decode_pushed(self._index.frame(self._address("unsolicited", place)), path=self._path):
            case seq, index, channel, name, session:
                event = self._event(seq, index, channel)
            case _:
                event = None
        if event is None:
            raise CassetteError(self._path, f"unsolicited event {place} names an event that is not there")
        return Unsolicited(event, name, session, self._dialect.is_ignored(event))

    def row(self, n: int) -> Row:
        """Return a triple in its stored form, by its number."""
        return self._row("triples", n - 1)

    def _address(self, table: str, place: int) -> int:
        return int(_ADDRESS.unpack(self._index.table(table)[place])[0])

    def _row(self, table: str, place: int) -> Row:
        return codec.decode_row(self._index.frame(self._address(table, place)), path=self._path)

    def _of(self, row: Row) -> Triple:
        request, ack = self._request(row), self._ack(row)
        failure = self._records[row.failure] if row.failure is not None else None
        if not isinstance(ack, Response | None) or not isinstance(failure, Failure | None) or row.state not in _STATES:
            raise self._stale(row, "names records of another kind")
        links = tuple([self._link(row, event) for event in row.events])
        return Triple(row.n, row.operation, row.keys, row.session, _STATES[row.state], request, ack, failure, links)

    def _request(self, row: Row) -> Request:
        record = self._records[row.request]
        if row.message is None:
            if isinstance(record, Request):
                return record
            raise self._stale(row, "names records of another kind")
        if isinstance(record, SocketMessage) and record.exchange in self._sockets:
            return message_of(record, self._dialect.push)
        if isinstance(record, Request | SocketMessage):
            message = self._message(row, carried(record), row.message)
            return as_request(record, row.message, message, record.headers if isinstance(record, Request) else ())
        raise self._stale(row, "names a publish that is not there")

    def _ack(self, row: Row) -> Record | None:
        record = self._records.whole(row.ack) if row.ack is not None else None
        if row.reply is None:
            return record
        if isinstance(record, Response | SocketMessage):
            return as_response(record, row.reply, self._message(row, carried(record), row.reply))
        raise self._stale(row, "names a reply that is not there")

    def _message(self, row: Row, messages: list[Message] | None, index: int) -> Message:
        if messages is None or not 0 <= index < len(messages):
            raise self._stale(row, "names a message that is not there")
        return messages[index]

    def _link(self, row: Row, stored: RowEvent) -> Link:
        event = self._event(stored.seq, stored.index, stored.channel)
        if event is None:
            raise self._stale(row, "names an event that is not there")
        sure, whose = stored.confidence / 1000, (stored.rivals, row.message)
        return Link(event, stored.name, row.request, stored.rule, sure, stored.why, *whose)

    def _event(self, seq: int, index: int, channel: str) -> Event | None:
        record = self._records.whole(seq)
        if isinstance(record, Note | Failure | Request):
            return None
        client = self._client(seq, index)
        if record.exchange in self._streams:
            found = [event_on(record, _NO_RULES)] if isinstance(record, SocketMessage) else events_in(record, _NO_RULES)
            if not 0 <= index < len(found):
                return None
            return replace(found[index], channel=channel, client_id=client)
        messages = [] if isinstance(record, Chunk) else carried(record) or []
        if not 0 <= index < len(messages) or messages[index]["channel"] != channel:
            return None
        message = messages[index]
        place = record.seq, index, record.t, record.exchange
        return Event(*place, client, channel, message.get("data"), beside_of(message))

    def _client(self, seq: int, index: int) -> str:
        """Return the client of an event: that of the last entry of its record at or before its place."""
        after = self._carriers.first(_CHUNK.pack(seq, index + 1))
        found = _CARRIER.unpack(self._carriers[after - 1]) if after else (-1, 0, 0)
        return self._clients[found[2]] if found[0] == seq and found[2] < len(self._clients) else ""

    def _stale(self, row: Row, problem: str) -> CassetteError:
        return CassetteError(self._path, f"triple {row.n} {problem}", hint="run recorder doctor for details")


class OpenRecording:
    """A recording of a cassette that is open; use it as a context manager, or call `close`.

    Attributes:
        recording: The recording; its triples, other exchanges and unsolicited events can be read until `close`.
        cassette: The cassette, open.
        torn: The torn tail of a journal, None where the file ends cleanly.
        records: Looks up records by number.
    """

    def __init__(self, recording: Recording, cassette: OpenCassette, records: Records, index: Built) -> None:
        """Take ownership of the cassette and the index."""
        self.recording, self.cassette, self.records, self.torn = recording, cassette, records, cassette.torn
        self._index = index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing more can be read. Safe to call twice."""
        self.cassette.__exit__(None, None, None)
        self._index.close()


class Built:
    """An index in temporary files, built in one pass over the records of a cassette."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin empty; `folder` is that of the temporary files, None takes the system's."""
        address = _ADDRESS.size
        self._rows = {name: Rows(address, folder=folder) for name in ("records", "triples", "exchanges", "unsolicited")}
        self._rows["chunks"] = Rows(_CHUNK.size, is_sorted=True, folder=folder)
        self._rows["carriers"] = Rows(_CARRIER.size, is_sorted=True, folder=folder)
        self._spool = Spool(folder)
        self._tables: dict[str, Table] = {}
        self._load = lru_cache(16)(self._spool.at)
        self.clients: list[str] = []
        self._numbers: dict[str, int] = {}
        self._last: tuple[int, str] | None = None
        self._heads: dict[int, int] = {}

    def record(self, record: Record, offset: int) -> None:
        """Take the next record, and where its frame stands."""
        self._rows["records"].add(_ADDRESS.pack(offset))
        match record:
            case Response(streamed=True) if streamed_media(record.headers) != EVENTS:
                self._heads[record.exchange] = record.seq
            case Chunk() if record.exchange in self._heads:
                self._rows["chunks"].add(_CHUNK.pack(self._heads[record.exchange], record.seq))
                if record.is_last:
                    del self._heads[record.exchange]
            case Failure():
                self._heads.pop(record.exchange, None)
            case _:
                pass

    def triple(self, triple: Triple) -> None:
        """Take the next triple or other exchange."""
        self._put("triples" if triple.n else "exchanges", codec.encode_row(row_of(triple)))

    def unsolicited(self, pushed: Unsolicited) -> None:
        """Take the next unsolicited event."""
        self._put("unsolicited", codec.encode_value(codec.UNSOLICITED, pushed_of(pushed)))

    def carrier(self, event: Event) -> None:
        """Take an event, in the order in which events are decoded: which client it is for."""
        at = event.seq, event.client_id
        if at == self._last:
            return
        self._last = at
        number = self._numbers.setdefault(event.client_id, len(self.clients))
        if number == len(self.clients):
            self.clients.append(event.client_id)
        self._rows["carriers"].add(_CARRIER.pack(event.seq, event.index, number))

    def finish(self) -> None:
        """End the tables; from now on they can be read."""
        for name, rows in self._rows.items():
            pages = [(first, self._spool.add(content)) for first, content in rows.pages()]
            self._tables[name] = Table(rows.width, pages, self._load)
            rows.close()

    def table(self, name: str) -> Table:
        """Return a table; an empty one if there is none of that name."""
        return self._tables.get(name) or Table(1, [], self._load)

    def frame(self, address: int) -> Frame:
        """Return the frame at an address."""
        return next(unframe(self._spool.at(address)))

    def close(self) -> None:
        """Delete the temporary files."""
        self._spool.close()

    def _put(self, table: str, frame: bytes) -> None:
        self._rows[table].add(_ADDRESS.pack(self._spool.add(frame)))


def open_recording(path: Path, dialect: Dialect | None = None) -> OpenRecording:
    """Open the recording of a cassette by `dialect`, or by its own; its triples are read when they are asked for.

    Raises:
        CassetteError: If the file cannot be read or is damaged, or the dialect in it cannot be used.
        DialectError: If the cassette holds no dialect, and names one that is not shipped.
    """
    cassette = open_cassette(path)
    built = Built()
    try:
        header = cassette.header if dialect is None else under(cassette.header, dialect)
        rules = dialect or _own(cassette)
        rest = _build(cassette, built, Correlator(rules, watch=lambda seen, *_: built.carrier(seen.event)), header)
        records = Records(_Placed(cassette, built.table("records")).record, built.table("chunks"))
        about = replace(rest, triples=(), plain=(), unsolicited=(), index=built)
        triples = Triples(cassette.path, built, records, about, rules)
        recording = replace(
            about,
            triples=Lazy(len(built.table("triples")), triples.triple),
            plain=Lazy(len(built.table("exchanges")), triples.plain),
            unsolicited=Lazy(len(built.table("unsolicited")), triples.unsolicited),
        )
    except BaseException:
        cassette.__exit__(None, None, None)
        built.close()
        raise
    return OpenRecording(recording, cassette, records, built)


def _own(cassette: OpenCassette) -> Dialect:
    """Return the dialect of a cassette; damage of the cassette is told before a dialect that cannot be used."""
    try:
        return dialect_of(cassette.header)
    except RecorderError:
        deque(cassette.records(), maxlen=0)
        raise


def _build(cassette: OpenCassette, built: Built, correlator: Correlator, header: Header) -> Recording:
    for record, offset in cassette.placed():
        built.record(record, offset)
        correlator.feed(record)
        for triple in chain(correlator.triples(), correlator.plain()):
            built.triple(triple)
        for pushed in correlator.unsolicited():
            built.unsolicited(pushed)
    rest = correlator.finish(header)
    for triple in chain(rest.triples, rest.plain):
        built.triple(triple)
    for pushed in rest.unsolicited:
        built.unsolicited(pushed)
    built.finish()
    return rest


class _Placed:
    """Reads the records of a cassette by number."""

    def __init__(self, cassette: OpenCassette, addresses: Table) -> None:
        self._cassette, self._addresses = cassette, addresses

    def record(self, seq: int) -> Record:
        """Return record number `seq`.

        Raises:
            CassetteError: If there is no such record, or it is damaged.
        """
        return self._found(seq, self._body if self._cassette.is_sealed else None)

    def _body(self, seq: int) -> bytes:
        """Return the body of an earlier record, which names none itself: a circle of names must end."""
        return bytes(getattr(self._found(seq, None), "body", b""))

    def _found(self, seq: int, body_of: codec.BodyOf | None) -> Record:
        path = self._cassette.path
        if not 0 <= seq < len(self._addresses):
            raise CassetteError(path, f"holds no record {seq}")
        address = _ADDRESS.unpack(self._addresses[seq])[0]
        found = codec.decode(self._cassette.frame_at(address), path=path, body_of=body_of)
        if found is None or found.seq != seq:
            raise CassetteError(path, f"record {seq} is not where it was", hint="was it changed meanwhile?")
        return found


_STATES = {state.value: state for state in State}


def _size(record: Record) -> int:
    return len(record.body) if isinstance(record, Request | Response | Chunk | SocketMessage) else 0
