"""Look up the records, triples, exchanges and events of an open cassette through an index."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Protocol

from ...bayeux.messages import Message, carried
from ...bayeux.publishes import as_request, as_response
from ...cassette import codec
from ...cassette.frames import Frame
from ...cassette.index import frame_digest
from ...cassette.reader import OpenCassette
from ...cassette.tables import ADDRESS, Table
from ...cassette.usual import BodyOf
from ...dialect.definition import Dialect
from ...errors import CassetteError
from ...formats.streamed import EVENTS, streamed_media
from ...model import (
    Chunk,
    Event,
    Failure,
    Link,
    Note,
    Record,
    Request,
    Response,
    Row,
    RowEvent,
    SocketMessage,
    State,
    Stream,
    Triple,
    Unsolicited,
)
from ...push.bayeux import beside_of
from ...push.pieces import joined
from ...push.port import WEBSOCKET
from ...push.rules import PushRules
from ...push.sockets import as_request as message_of
from ...push.sockets import event_on
from ...push.sse import events_in
from .deriving import CARRIER, MEMBER, ORDER, SORTED, member_prefix
from .details import Told

_PLACE = struct.Struct(">II")  # record, place in it
_HINT = "run recorder doctor for details"
_NO_RULES = PushRules()
_RECORDS, _BYTES = 256, 4 << 20  # records of a generation, and bytes of their bodies; two are kept
_STATES = {state.value: state for state in State}
_EVENTLESS = (Note, Failure, Request)
_BODILESS = (Note, Failure)


class Index(Protocol):
    """An index of a recording: tables by name, and the frames to which the addresses in them lead."""

    def table(self, name: str) -> Table:
        """Return a table; an empty one if there is none of that name."""

    def frame(self, address: int) -> Frame:
        """Return the frame at an address."""

    def kept(self, address: int) -> Row | None:
        """Return a triple that is larger than a frame may be, and is in memory; None for any other."""


class Records:
    """Looks up records by number; the last ones are kept, up to a number of bytes."""

    def __init__(self, cassette: OpenCassette, index: Index) -> None:
        """Take the cassette, and its index."""
        self.path, self.index, self._cassette = cassette.path, index, cassette
        self._window = cassette.window()
        self._addresses = index.table("records")
        self._body_of = self._body if cassette.is_sealed else None
        self._kept: dict[int, Record] = {}
        self._older: dict[int, Record] = {}  # the generation before
        self._size = 0  # of the bodies in `_kept`

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, seq: int) -> Record:
        """Return record number `seq`.

        Raises:
            CassetteError: If there is no such record, or it is damaged.
        """
        found = self._kept.get(seq) or self._older.get(seq)
        if found is not None:
            return found
        found = self._read(seq, self._body_of)
        if self._size > _BYTES or len(self._kept) >= _RECORDS:
            self._older, self._kept, self._size = self._kept, {}, 0
        self._kept[seq] = found
        if not isinstance(found, _BODILESS):
            self._size += len(found.body)
        return found

    def whole(self, seq: int) -> Record:
        """Return a record as correlation sees it: a streamed response with its lines, a stream of events without."""
        head = self[seq]
        if not isinstance(head, Response) or not head.streamed or streamed_media(head.headers) == EVENTS:
            return head
        following = self.of_exchange(head.exchange, after=seq)
        return next(joined(chain([head], following)))

    def of_exchange(self, exchange: int, after: int = -1) -> Iterator[Record]:
        """Yield the records of an exchange in order; those behind record `after` only."""
        for entry in self.index.table("members").starting(member_prefix(exchange)):
            seq = MEMBER.unpack(entry)[1]
            if seq > after:
                yield self[seq]

    def _body(self, seq: int) -> bytes:
        """Return the body of an earlier record, which names none itself: a circle of names must end."""
        return bytes(getattr(self._read(seq, None), "body", b""))

    def _read(self, seq: int, body_of: BodyOf | None) -> Record:
        try:
            address = ADDRESS.unpack(self._addresses[seq])[0]
        except IndexError as exc:
            raise CassetteError(self.path, f"holds no record {seq}") from exc
        frame = self._cassette.at(address, self._window)
        found = codec.decode(frame, path=self.path, body_of=body_of)
        if found is None or found.seq != seq:
            raise CassetteError(self.path, f"record {seq} is not where the index says", hint=_HINT)
        return found


class Triples:
    """Reads the triples of a recording from its index, with the records that they name."""

    def __init__(self, records: Records, streams: Iterable[Stream], told: Told, dialect: Dialect) -> None:
        """Take what the triples are made of.

        Args:
            records: The records, with the index.
            streams: The streams of the recording.
            told: What the tables name by numbers.
            dialect: The rules by which the triples were derived.
        """
        self._path, self._index, self._records = records.path, records.index, records
        self._clients, self._orders, self._dialect = told.clients, told.orders, dialect
        self._streams = {stream.exchange: stream.protocol for stream in streams}
        self._parsed: tuple[Record | None, list[Message]] = (None, [])
        self._carriers, self._order = self._index.table("carriers"), self._index.table("orders")
        self._carried = (-1, 0), (-1, 0), ""  # the places of events that the last entry of a client tells of, and whose
        self._digests = self._index.table("digests")
        triples, plain = (len(self._index.table(name)) for name in ("triples", "exchanges"))
        self._before = {"triples": 0, "exchanges": triples, "unsolicited": triples + plain}

    def triple(self, place: int) -> Triple:
        """Return a triple by its place, from 0."""
        return self._of(self.row(place + 1))

    def plain(self, place: int) -> Triple:
        """Return an exchange that is no operation, by its place."""
        row = self._row("exchanges", place)
        if row.n:
            raise self._stale(row, "is no exchange without an operation, as the index says")
        return self._of(row)

    def request(self, table: str, place: int) -> Request:
        """Return the request of a triple or of another exchange, given by its place, without the rest."""
        return self._request(self._row(table, place))

    def pushed(self, place: int) -> tuple[int, int, str, str, str | None]:
        """Return an unsolicited event in its stored form: record, place in it, channel, name, session."""
        return codec.decode_pushed(self._frame("unsolicited", place), path=self._path)

    def unsolicited(self, place: int) -> Unsolicited:
        """Return an unsolicited event by its place."""
        match self.pushed(place):
            case seq, index, channel, name, session:
                event = self._event(seq, index, channel)
            case _:
                event = None
        if event is None:
            raise CassetteError(self._path, f"unsolicited event {place} names an event that is not there", hint=_HINT)
        return Unsolicited(event, name, session, self._dialect.is_ignored(event))

    def row(self, n: int) -> Row:
        """Return a triple in its stored form, by its number."""
        row = self._row("triples", n - 1)
        if row.n != n:
            raise CassetteError(self._path, f"triple {n} is not where the index says", hint=_HINT)
        return self._ordered(row) if len(row.keys) > 1 else row

    def _ordered(self, row: Row) -> Row:
        """Return a row with its keys in the order in which they were found; a row holds them in that of their names."""
        number = ORDER.unpack(self._order[row.n - 1])[0] if row.n <= len(self._order) else SORTED
        names = self._orders[number] if number < len(self._orders) else ()
        keys = row.keys
        if names == list(keys) or len(names) != len(keys) or not keys.keys() >= set(names):
            return row
        ordered = {name: keys[name] for name in names}
        return Row(
            row.n, row.operation, ordered, row.session, row.state, row.request, row.ack, row.failure, row.events,
            row.message, row.reply,
        )  # fmt: skip

    def _address(self, table: str, place: int) -> int:
        entries = self._index.table(table)
        count = len(entries)
        if not 0 <= place < count:
            raise CassetteError(self._path, f"holds no entry {place} of its {table}", hint=_HINT)
        entry = entries[place]
        # other exchanges and unsolicited events have no number: their order tells whether an entry is the right one
        if table != "triples" and not (
            (place == 0 or entries[place - 1] < entry) and (place + 1 == count or entry < entries[place + 1])
        ):
            raise CassetteError(self._path, f"entry {place} of its {table} is not in order", hint=_HINT)
        return int(ADDRESS.unpack(entry)[0])

    def _frame(self, table: str, place: int) -> Frame:
        found = self._index.frame(self._address(table, place))
        # an index in temporary files has no digests: nobody else writes them
        if len(self._digests) and self._digests[self._before[table] + place] != frame_digest(found):
            what = f"triple {place + 1}" if table == "triples" else f"entry {place} of its {table}"
            raise CassetteError(self._path, f"the checksum of {what} is wrong", hint=_HINT)
        return found

    def _row(self, table: str, place: int) -> Row:
        kept = self._index.kept(self._address(table, place))
        return codec.decode_row(self._frame(table, place), path=self._path) if kept is None else kept

    def _of(self, row: Row) -> Triple:
        request, ack = self._request(row), self._ack(row)
        failure = self._records[row.failure] if row.failure is not None else None
        state = _STATES.get(row.state)
        if (
            (ack is not None and not isinstance(ack, Response))
            or (failure is not None and not isinstance(failure, Failure))
            or state is None
        ):
            raise self._stale(row, "names records of another kind")
        links = tuple([self._link(row, event) for event in row.events])
        return Triple(row.n, row.operation, row.keys, row.session, state, request, ack, failure, links)

    def _request(self, row: Row) -> Request:
        record = self._records[row.request]
        if row.message is None:
            if isinstance(record, Request):
                return record
            raise self._stale(row, "names records of another kind")
        if isinstance(record, SocketMessage) and self._streams.get(record.exchange) == WEBSOCKET:
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
        if isinstance(record, _EVENTLESS):
            return None
        client = self._client(seq, index)
        if record.exchange in self._streams:
            found = [event_on(record, _NO_RULES)] if isinstance(record, SocketMessage) else events_in(record, _NO_RULES)
            if not 0 <= index < len(found):
                return None
            return replace(found[index], channel=channel, client_id=client)
        messages = self._messages(record)
        if not 0 <= index < len(messages) or messages[index]["channel"] != channel:
            return None
        message = messages[index]
        place = record.seq, index, record.t, record.exchange
        return Event(*place, client, channel, message.get("data"), beside_of(message))

    def _messages(self, record: Record) -> list[Message]:
        """Return the Bayeux messages of a record; those of the last one are kept, since events stand side by side."""
        if record is not self._parsed[0]:
            self._parsed = record, [] if isinstance(record, Chunk) else carried(record) or []
        return self._parsed[1]

    def _client(self, seq: int, index: int) -> str:
        """Return the client of an event: that of the last entry of its record at or before its place."""
        place = seq, index
        begin, end, client = self._carried
        if begin <= place < end:
            return client
        entries = self._carriers
        after = entries.first(_PLACE.pack(seq, index + 1))
        record, index, number = CARRIER.unpack(entries[after - 1]) if after else (-1, 0, 0)
        if record != seq:
            return ""
        client = self._clients[number] if number < len(self._clients) else ""
        following = CARRIER.unpack(entries[after]) if after < len(entries) else (seq + 1, 0, 0)
        self._carried = (seq, index), min((following[0], following[1]), (seq + 1, 0)), client
        return client

    def _stale(self, row: Row, problem: str) -> CassetteError:
        return CassetteError(self._path, f"triple {row.n} {problem}", hint=_HINT)
