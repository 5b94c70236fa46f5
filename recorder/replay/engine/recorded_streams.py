"""Find in a recording what its streams and plain WebSockets need: their requests, what they owe, and how they end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

from ...correlate.anchors import At, anchors
from ...model import AnchorKind, Recording, Request, Stream, Triple
from ...push.port import WEBSOCKET
from ...push.rules import COMMENT, MESSAGE
from ...requests.index.streams import BEHIND

_BEATS = ("ping", "pong", "heartbeat")  # parts of the names of messages that clients send at their own pace
_SOON = 1.0  # seconds after what it follows in which an event counts as the answer to it


class Preamble(NamedTuple):
    """The messages and answers that precede all other events of a stream.

    Attributes:
        asked: Targets of the messages that the client sends.
        told: Events that answer them, or the opening of the stream.

    """

    asked: frozenset[str]
    told: frozenset[At]


class RecordedStreams:
    """The streams of a recording.

    Attributes:
        at: Streams by the places of the requests that opened them, among the triples and the other exchanges.
        protocols: Protocols of all streams, by their keys.
        sockets: Paths at which plain WebSockets were opened.

    """

    def __init__(self, recording: Recording, triples: Sequence[Triple], opening: Iterable[Sequence[Any]]) -> None:
        """Take the streams.

        Args:
            recording: The recording.
            triples: Its triples, then its other exchanges.
            opening: Of each request that opened a stream its place, exchange, method and path, in order.

        """
        self._recording, self._triples = recording, triples
        self._by_key = {stream.key: stream for stream in reversed(recording.streams)}
        self.protocols = {key: stream.protocol for key, stream in self._by_key.items()}
        by_exchange = {stream.exchange: stream for stream in recording.streams}
        self._key_of = {exchange: stream.key for exchange, stream in by_exchange.items()}
        self.at: dict[int, Stream] = {}
        self.sockets: set[str] = set()
        self._asked: dict[str, tuple[str, str]] = {}  # method and path of the first request, by key
        for place, exchange, method, path in opening:
            stream = by_exchange[exchange]
            self.at[place] = stream
            self._asked.setdefault(stream.key, (method, path))
            if stream.protocol == WEBSOCKET:
                self.sockets.add(path)
        self._preambles: dict[int, Preamble] = {}

    def place_of(self, key: str) -> str:
        """Return what the first stream of a key was asked for by, for people."""
        return " ".join(self._asked.get(key, ("", key)))

    def key_of(self, exchange: int) -> str | None:
        """Return the key of the stream that an exchange opened, None if it opened none."""
        return self._key_of.get(exchange)

    def alike(self, stream: Stream, key: str) -> Stream:
        """Return the stream of a key that stands for one of another key: the first of it for the first, and so on."""
        if stream.key == key:
            return stream
        mine, its = list(self._by(key)), list(self._by(stream.key))
        return mine[min(its.index(stream), len(mine) - 1)]

    def owed(self, key: str) -> dict[int, set[At]]:
        """Return the events that the streams of a key carried, by exchange, without comments and heartbeats."""
        return {stream.exchange: set(self._owed[stream.exchange]) for stream in self._by(key)}

    def _by(self, key: str) -> Iterator[Stream]:
        return (stream for stream in self._recording.streams if stream.key == key)

    @property
    def topics(self) -> Mapping[str, str]:
        """Keys of the streams on which events of a topic came first, by the topic."""
        return self._owing[1]

    @property
    def _owed(self) -> Mapping[int, set[At]]:
        return self._owing[0]

    @cached_property
    def _owing(self) -> tuple[Mapping[int, set[At]], Mapping[str, str]]:
        """Events by the exchange that carried them, and streams by topic; read when the first stream is opened."""
        owed: dict[int, set[At]] = defaultdict(set)
        topics: dict[str, str] = {}
        if not self._by_key:
            return owed, topics
        for triple in self._recording.triples:
            for link in triple.events:
                owed[link.event.exchange].add((link.event.seq, link.event.index))
                topics.setdefault(link.event.channel, link.event.client_id)
        for pushed in self._recording.unsolicited:
            if not pushed.is_ignored and pushed.event.channel != COMMENT:
                owed[pushed.event.exchange].add((pushed.event.seq, pushed.event.index))
                topics.setdefault(pushed.event.channel, pushed.event.client_id)
        return owed, topics

    def like(self, key: str) -> list[str]:
        """Return the keys of the streams that one session asked for alike, among them the given one."""
        stream, asked = self._by_key[key], self._asked.get(key)
        others = (one for one in self._recording.streams if one is self._by_key[one.key])
        return [one.key for one in others if one.session == stream.session and self._asked.get(one.key) == asked]

    def opens_socket(self, place: int) -> bool:
        """Return whether a recorded request opened a plain WebSocket."""
        return place in self.at and self.at[place].protocol == WEBSOCKET

    def preamble(self, stream: Stream) -> Preamble:
        """Return what came first on a stream, before the first event that something else caused.

        Until it has come, a client takes no other event: it has not subscribed yet, or knows no subscription.
        """
        if self._asked.get(stream.key, ("", ""))[0] != "GET":
            return Preamble(frozenset(), frozenset())
        if stream.exchange not in self._preambles:
            events = self._caused[stream.exchange]
            own = [(at, seconds) for at, cause, seconds in events if cause == stream.exchange]
            first = min((at for at, cause, _ in events if cause != stream.exchange), default=(BEHIND, 0))
            sent = [one for one in self._said[stream.exchange] if (one.seq, 0) < first]
            often = Counter(one.body for one in sent)
            steady = (one for one in sent if often[one.body] == 1)
            asked = {one.target for one in steady if not any(beat in one.target.lower() for beat in _BEATS)}
            told = {at for at, seconds in own if at < first and seconds <= _SOON}
            self._preambles[stream.exchange] = Preamble(frozenset(asked), frozenset(told))
        return self._preambles[stream.exchange]

    @cached_property
    def _said(self) -> dict[int, list[Request]]:
        """Messages of clients on each plain WebSocket."""
        said: dict[int, list[Request]] = defaultdict(list)
        for triple in chain(self._recording.triples, self._recording.plain):
            if triple.request.method == MESSAGE:
                said[triple.request.exchange].append(triple.request)
        return said

    @cached_property
    def _caused(self) -> dict[int, list[tuple[At, int | None, float]]]:
        """Events of each stream, with the exchange that caused each of them, or that it followed, and seconds since."""
        caused: dict[int, list[tuple[At, int | None, float]]] = defaultdict(list)
        for triple in self._recording.triples:
            for event in (link.event for link in triple.events):
                seconds = (event.t - triple.request.t) / 1e9
                caused[event.exchange].append(((event.seq, event.index), triple.request.exchange, seconds))
        for pushed, anchor in zip(self._recording.unsolicited, anchors(self._recording), strict=True):
            event = pushed.event
            if not pushed.is_ignored:
                exchange = event.exchange if anchor.kind is AnchorKind.START else None
                exchange = exchange if anchor.place is None else self._triples[anchor.place].request.exchange
                caused[event.exchange].append(((event.seq, event.index), exchange, (event.t - anchor.t) / 1e9))
        return caused

    def own(self, key: str, session: str | None) -> str:
        """Return the key of the stream that a client of a recorded session has in place of another session's.

        That is the one that was asked for alike, else one of the same protocol: the first one for the first one.
        """
        stream = self._by_key[key]
        if session is None or stream.session in (None, session):
            return key

        def is_asked_alike(other: Stream) -> bool:
            return self._asked.get(other.key) == self._asked.get(key) and other.protocol == stream.protocol

        def is_of_protocol(other: Stream) -> bool:
            return other.protocol == stream.protocol

        return self._own(stream, session, is_asked_alike) or self._own(stream, session, is_of_protocol) or key

    def _own(self, stream: Stream, session: str, is_like: Callable[[Stream], bool]) -> str | None:
        firsts = [one for one in self._recording.streams if one is self._by_key[one.key] and is_like(one)]
        mine = [one.key for one in firsts if one.session == session]
        before = [one.key for one in firsts if one.session == stream.session].index(stream.key)
        return mine[min(before, len(mine) - 1)] if mine else None
