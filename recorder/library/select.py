"""Slice a cassette down to some triples, and merge several cassettes: records in, records out."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..bayeux import channels
from ..bayeux.json_bodies import with_json
from ..bayeux.messages import Message, carried, encode, is_event, parse
from ..cassette.reader import Cassette
from ..correlate.anchors import anchors
from ..correlate.sessions import Sessions
from ..dialect.carried import are_same, dialect_of
from ..dialect.definition import Dialect
from ..errors import UsageError
from ..formats.charsets import charset_of, decoded, encoded, media_of
from ..model import (
    AnchorKind,
    Chunk,
    Failure,
    Header,
    Headers,
    Note,
    Record,
    Recording,
    Request,
    Response,
    SocketMessage,
    Triple,
)
from ..push.rules import COMMENT, PushRules
from ..push.sse import events_in
from ..redaction.carried import carrying

SETUPS = frozenset({channels.HANDSHAKE, channels.SUBSCRIBE, channels.UNSUBSCRIBE})


def slice_records(cassette: Cassette, recording: Recording, chosen: Sequence[Triple]) -> Iterator[Record]:
    """Yield the records needed to replay only the chosen triples, renumbered from 0.

    These are the requests, acks and events of the chosen triples; the handshakes, subscriptions and publishes of their
    sessions; the exchanges of these sessions, and of no session, that are no operation; and the unsolicited events of
    these sessions, without those whose anchor is another triple. Events of other triples are removed from the responses
    and chunks that carried them; comments in streams of events stay.

    All records are read twice; the sequences are read, and never copied.
    """
    kept = Kept.of(recording, chosen)
    exchanges = _exchanges(cassette.records, kept, _clients(cassette, recording, chosen))
    found = (stripped(r, kept) for r in cassette.records if _is_kept(r, exchanges, kept))
    left = (record for record in found if record is not None)
    return (replace(record, seq=seq) for seq, record in enumerate(left))


def merge_records(cassettes: Sequence[Cassette], dialect: Dialect | None = None) -> tuple[Header, Iterator[Record]]:
    """Merge several captures into one, ordered by wall-clock time; return its header and records.

    Ids that occur in several captures are renamed, so that their sessions stay separate. All records are read twice,
    the first time before this returns; only the ids are in memory together.

    Args:
        cassettes: The captures.
        dialect: The dialect of the result; None takes the one dialect that the captures have.

    Raises:
        CassetteError: If a cassette is damaged.
        UsageError: If the cassettes have different dialects, and none is given.
    """
    first = cassettes[0].header
    for cassette in cassettes[1:] if dialect is None else ():
        if not are_same(first, cassette.header):
            names = f"{first.dialect!r} and {cassette.header.dialect!r}"
            what = f"two different dialects {first.dialect!r}" if first.dialect == cassette.header.dialect else names
            raise UsageError(
                f"the cassettes have different dialects and cannot be merged: {what}; name one by --dialect"
            )
    started = min(cassette.header.started for cassette in cassettes)
    shown: set[str] = set()
    moving: list[Iterator[tuple[int, int, Record]]] = []
    exchanges = 0
    for place, cassette in enumerate(cassettes):
        sessions = Sessions((dialect or dialect_of(cassette.header)).session_cookies)
        apart, top = _Apart(place, frozenset(shown), sessions), exchanges
        for record in cassette.records:
            shown |= _shown_in(record, sessions)
            if not isinstance(record, Note):
                exchanges = max(exchanges, record.exchange + top + 1)
        moving.append(_moved(cassette, apart, (cassette.header.started - started) * 1000, top))
    # the result counts as not redacted if one of the captures is not redacted
    told = min((cassette.header for cassette in cassettes), key=lambda header: header.redaction != "none")
    header = carrying(
        replace(first, redaction=told.redaction, policy_text=told.policy_text, fitted=told.fitted), dialect
    )
    merged = heapq.merge(*moving, key=lambda item: item[:2])
    return (
        replace(header, started=started, profile="journal", part=None),
        (replace(record, seq=seq) for seq, (_, _, record) in enumerate(merged)),
    )


def _moved(cassette: Cassette, apart: _Apart, shift: int, top: int) -> Iterator[tuple[int, int, Record]]:
    """Yield the records of one of several captures, each with its place in the order of the result.

    Args:
        cassette: The capture.
        apart: Renames its ids.
        shift: Nanoseconds that it began after the first one.
        top: What its numbers of exchanges begin at.
    """
    latest = 0
    for record in cassette.records:
        apart.learn(record)
        moved = replace(apart.separate(record), t=record.t + shift)
        if not isinstance(moved, Note):
            moved = replace(moved, exchange=moved.exchange + top)
        latest = max(latest, moved.t)  # keeps the order of the capture even where its clock went back
        yield latest, apart.place, moved


@dataclass(frozen=True, slots=True)
class Kept:
    """The parts that a slice keeps: exchanges by number, and events by `seq` of the record and place in it.

    `dropped` are the publishes of triples that the slice leaves out, the replies to them, and the messages on
    WebSockets without Bayeux that are such triples, by `seq` and place. `streams` are the exchanges of all streams.
    """

    exchanges: frozenset[int]
    events: frozenset[tuple[int, int]]
    dropped: frozenset[tuple[int, int]] = frozenset()
    streams: frozenset[int] = frozenset()

    @classmethod
    def of(cls, recording: Recording, chosen: Sequence[Triple]) -> Kept:
        sessions = {triple.session for triple in chosen}
        plain = (t.request.exchange for t in recording.plain if t.session in sessions or t.session is None)
        own = (triple.request.exchange for triple in chosen)
        events = {(link.event.seq, link.event.index) for triple in chosen for link in triple.events}
        wanted = {triple.n for triple in chosen}
        left = (t for t in recording.triples if t.n not in wanted)
        places = ((it.seq, it.message) for t in left for it in (t.request, t.ack) if it is not None)
        dropped = frozenset((seq, message) for seq, message in places if message is not None)
        events |= set(_unsolicited(recording, chosen))
        streams = frozenset(stream.exchange for stream in recording.streams)
        return cls(frozenset([*own, *plain]), frozenset(events), dropped, streams)


def _unsolicited(recording: Recording, chosen: Iterable[Triple]) -> Iterator[tuple[int, int]]:
    """Yield the events whose anchors a slice keeps: all but those that follow a triple it leaves out."""
    sessions, wanted = {triple.session for triple in chosen}, {triple.n for triple in chosen}
    for pushed, anchor in zip(recording.unsolicited, anchors(recording), strict=True):
        is_kept = anchor.kind is not AnchorKind.OPERATION or anchor.number in wanted
        if pushed.session in sessions and is_kept:
            yield pushed.event.seq, pushed.event.index


def _clients(cassette: Cassette, recording: Recording, chosen: Iterable[Triple]) -> set[str] | None:
    """Return the clientIds of the sessions of the chosen triples; None (all) if a triple has no known session."""
    sessions = {triple.session for triple in chosen}
    if None in sessions:
        return None
    clients = {link.event.client_id for t in recording.triples if t.session in sessions for link in t.events}
    clients |= {pushed.event.client_id for pushed in recording.unsolicited if pushed.session in sessions}
    starts = (at for label, (at, _) in recording.session_starts.items() if label in sessions)
    return clients.union(*(assigned(cassette.records[at]) for at in starts))


def _exchanges(records: Iterable[Record], kept: Kept, clients: set[str] | None) -> set[int]:
    """Return the exchanges that a slice keeps.

    A request that carries nothing but publishes that the slice leaves out is left out with its response, unless that
    carries an event that is kept.

    Args:
        records: All records.
        kept: What is kept of the triples.
        clients: The clients whose handshakes, subscriptions and publishes are kept; None for all.
    """
    events = {seq for seq, _ in kept.events}
    found, empty, carriers = set(kept.exchanges), set(), set()
    for record in records:
        if isinstance(record, Note):
            continue
        messages = carried(record) or []
        if record.seq in events or any(_is_setup(record, message, clients) for message in messages):
            found.add(record.exchange)
        if kept.dropped and isinstance(record, Request | Response):
            is_empty = _is_empty(record, messages, kept)
            if isinstance(record, Request) and is_empty:
                empty.add(record.exchange)
            elif isinstance(record, Response) and not is_empty:
                carriers.add(record.exchange)
    return found - (empty - carriers)


def _is_setup(record: Record, message: Message, clients: set[str] | None) -> bool:
    """Return whether a message is a handshake, subscription or publish of these clients (None: of all clients)."""
    is_sent = isinstance(record, Request) or (isinstance(record, SocketMessage) and record.from_client)
    is_setup = message["channel"] in SETUPS or (is_sent and not channels.is_meta(message["channel"]))
    return is_setup and (clients is None or str(message.get("clientId")) in clients)


def assigned(record: Record) -> set[str]:
    """Return the clientIds that the server assigned in the handshakes of a record."""
    messages = carried(record) if isinstance(record, Response | SocketMessage) else None
    handshakes = (m for m in messages or [] if m["channel"] == channels.HANDSHAKE)
    return {str(m["clientId"]) for m in handshakes if m.get("clientId")}


def _is_kept(record: Record, exchanges: set[int], kept: Kept) -> bool:
    if isinstance(record, Note) or record.exchange not in exchanges:
        return False
    is_message = bool(kept.dropped) and isinstance(record, SocketMessage)
    return not (is_message and _is_empty(record, carried(record) or [], kept))


def _is_empty(record: Record, messages: Sequence[Message], kept: Kept) -> bool:
    return bool(messages) and all(_goes(record, index, message, kept) for index, message in enumerate(messages))


def _goes(record: Record, index: int, message: Message, kept: Kept) -> bool:
    """Return whether a slice leaves out a message: a dropped publish, its reply, or an event of another triple."""
    place = record.seq, index
    is_sent = isinstance(record, Request) or (isinstance(record, SocketMessage) and record.from_client)
    return place in kept.dropped or (not is_sent and is_event(message) and place not in kept.events)


def stripped(record: Record, kept: Kept) -> Record | None:
    """Return the record without the events and publishes that the slice does not keep; None if nothing is left."""
    if not isinstance(record, Note) and record.exchange in kept.streams:
        return _of_stream(record, kept)
    if not isinstance(record, Request | Response | SocketMessage):
        return record
    messages = parse(record.body, _headers(record)) or []
    left = [m for index, m in enumerate(messages) if not _goes(record, index, m, kept)]
    return (
        record
        if len(left) == len(messages)
        else replace(record, body=with_json(record.body, encode(left), _headers(record)))
    )


def _of_stream(record: Record, kept: Kept) -> Record | None:
    """Return a record of a stream or a WebSocket without the events and messages that the slice does not keep."""
    match record:
        case SocketMessage(from_client=is_sent):
            place = record.seq, 0
            return record if (place not in kept.dropped if is_sent else place in kept.events) else None
        case Chunk() | Response() if record.body:
            events = events_in(record, PushRules())
            left = [one for one in events if one.channel == COMMENT or (one.seq, one.index) in kept.events]
            if len(left) == len(events):
                return record
            body = b"".join(one.raw or b"" for one in left)
            return replace(record, body=body) if body or isinstance(record, Response) or record.is_last else None
        case _:
            return record


def _headers(record: Request | Response | Chunk | SocketMessage) -> Headers:
    return record.headers if isinstance(record, Request | Response) else ()


class _Apart:
    """Renames ids of one capture that occur in an earlier one, so that their sessions are not mixed up."""

    def __init__(self, place: int, taken: frozenset[str], sessions: Sessions) -> None:
        self.place, self._taken, self._sessions = place, taken, sessions
        self._shared: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, record: Record) -> None:
        """Mark the ids in a record that are in `taken`, for renaming from now on."""
        found = _shown_in(record, self._sessions) & self._taken if self._taken else set()
        if not found <= self._shared:
            self._shared |= found
            self._pattern = None

    def separate(self, record: Record) -> Record:
        """Return the record with each marked id replaced by another id of equal length."""
        if not self._shared or isinstance(record, Failure | Note):
            return record
        values = sorted(self._shared)
        text = self._pattern = self._pattern or _any_of(values)

        def apart(found: re.Match[str]) -> str:
            return self._other(values[(found.lastindex or 0) - 1])

        old, codec = decoded(record.body, charset_of(media_of(_headers(record))))
        new = text.sub(apart, old)
        body = record.body if new == old else encoded(new, codec)
        if isinstance(record, Chunk | SocketMessage):
            return replace(record, body=body)
        headers = tuple((name, text.sub(apart, value)) for name, value in record.headers)
        if isinstance(record, Request):
            path, mark, query = record.target.partition("?")  # a path names a resource, not a session
            return replace(record, headers=headers, body=body, target=path + mark + text.sub(apart, query))
        return replace(record, headers=headers, body=body)

    def _other(self, value: str) -> str:
        digest = hashlib.sha256(f"{self.place}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()
        return (digest * (len(value) // len(digest) + 1))[: len(value)]


def _shown_in(record: Record, sessions: Sessions) -> set[str]:
    """Return the ids in a record: clientIds, session cookies, credentials."""
    tokens = sessions.tokens(record.headers) if isinstance(record, Request | Response) else frozenset()
    found = {re.split("[= ]", token, maxsplit=1)[1].rpartition(" ")[2] for token in tokens}
    return found | assigned(record)


def _any_of(values: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of some ids, each a group.

    It matches whole words only: an id may be part of another id, or as short as `7`. In a query an id may follow an
    escape such as %22, whose last digits look like the start of a word.
    """
    shared = "|".join(f"({_in_any_spelling(value)})" for value in values)
    return re.compile(rf"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{{2}}))(?:{shared})(?![\w-])")


def _in_any_spelling(value: str) -> str:
    r"""Return a pattern for an id as it stands, and as JSON may write it: `a/b` also as `a\/b` and `a\u002Fb`."""
    return "".join(char if char.isascii() and char.isalnum() else _spellings(char) for char in value)


def _spellings(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    escape = "".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    short = rf"|\\{re.escape(char)}" if char in '"/\\' else ""
    return rf"(?:{re.escape(char)}|(?i:{escape}){short})"
