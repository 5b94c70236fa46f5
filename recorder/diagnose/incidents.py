"""Find disturbances of sessions: the cassette is sound, but a replay of it repeats an outage or a lost session.

| kind | what happened |
|---|---|
| gap | the upstream could not be reached |
| certificate | a TLS handshake failed |
| upstream-hung-up | the upstream ended connections on which requests waited |
| session-lost | the upstream no longer knew, or no longer accepted, a Bayeux session that had not ended |
| session-ended | the upstream ended a Bayeux session: /meta/disconnect unasked, or the advice `none` |
| session-cycles | the upstream refused Bayeux sessions three times or more |
| handshake-refused | the upstream refused Bayeux handshakes |
| poll-aborted | polls ended without an answer, by the client or the upstream |
| poll-failed | polls were answered by something else than Bayeux messages: an error, a page, a redirect, nothing |
| bayeux-failed | other Bayeux requests were answered so |
| upgrade-refused | WebSockets were refused |
| overlapping-polls | a client began a poll while it held another (a server may end the older one with HTTP 500) |
| two-tabs | two Bayeux sessions were alive under one browser cookie |
| socket-cut | a WebSocket ended without the closing handshake |
| socket-closed | a WebSocket was closed with a code that tells of an error |
| stream-cut | a stream of events broke |

Notes of the kinds in `model.TOLD` are findings of their own kinds. All that is kept is bounded, so that a capture of
any length can be watched while it is recorded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ..bayeux import channels
from ..bayeux.messages import Message, carried
from ..model import GAP, TOLD, Chunk, Failure, Note, Record, Request, Response, SocketMessage
from ..printable import counted
from .answers import asked_for, not_kept, otherwise
from .sessions import SessionEnds
from .streams import StreamEnds
from .tally import Listing, Tally

# How mitmproxy words the end of a request by its client, and a failure of TLS.
_BY_CLIENT = re.compile(r"Client disconnected\.|stream reset by client\b")
_TLS = re.compile(r"certificate|\bTLS\b|OpenSSL|\bSSL\b", re.IGNORECASE)
_CUT = re.compile(r"websocket closed by (client|server), code 1006")
_CERTIFICATE, _POLLS, _OTHERS, _UPGRADES = "certificate", "poll-failed", "bayeux-failed", "upgrade-refused"

Disturbance: TypeAlias = tuple[str, str, str]  # kind, where, text


@dataclass(slots=True)
class _Outage:
    """A time without answers of the upstream, from record `seq` on; times in nanoseconds since the capture began."""

    seq: int
    t: int
    failures: int = 0
    unreachable: bool = False
    end: int | None = None  # time of the next answer


@dataclass(slots=True)
class _Asked:
    """A request without an answer.

    Attributes:
        request: The request.
        messages: Its Bayeux messages; None if it has none.
        polling: The clientIds of its polls.
        upgrades: It asks for a WebSocket.
    """

    request: Request
    messages: list[Message] | None
    polling: list[str]
    upgrades: bool = False


@dataclass(slots=True)
class Disturbances:
    """Collects the disturbances of a cassette; takes its records one at a time.

    Attributes:
        read: Returns the Bayeux messages in a record, None if there are none.
    """

    read: Callable[[Record], list[Message] | None] = carried
    _open: dict[int, _Asked] = field(default_factory=dict)
    _sockets: dict[int, str] = field(default_factory=dict)  # exchange upgraded to a WebSocket → its clientId
    _sessions: SessionEnds = field(default_factory=SessionEnds)
    _outage: _Outage | None = None
    _outages: Listing[_Outage] = field(default_factory=Listing)  # those in which the upstream could not be reached
    _hung_up: Tally = field(default_factory=Tally)
    _untrusted: Tally = field(default_factory=Tally)
    _told: dict[str, Tally] = field(default_factory=dict)  # kind of note → texts
    _polls: Counter[str] = field(default_factory=Counter)  # clientId → polls that it holds
    _overlaps: int = 0
    _overlaps_ended: int = 0
    _aborted: Counter[bool] = field(default_factory=Counter)  # polls without an answer; True: the client hung up
    _failed: dict[str, Tally] = field(default_factory=lambda: {kind: Tally() for kind in (_POLLS, _OTHERS, _UPGRADES)})
    _last: tuple[int, str, str, int] | None = None  # the last of these by its content: record, kind, text, polls
    _cuts: Listing[Disturbance] = field(default_factory=Listing)
    _streams: StreamEnds = field(default_factory=StreamEnds)

    def feed(self, record: Record) -> None:
        """Take the next record into account."""
        match record:
            case Request():
                self._asked(record)
            case Response():
                self._answered(record)
            case Failure():
                self._ended(record)
            case SocketMessage():
                self._spoke(record)
            case Chunk():
                self._streams.told(record)
            case Note():
                self._noted(record)

    def found(self) -> Iterator[Disturbance]:
        """Yield each disturbance as kind, place and sentence; call this after the last record."""
        yield from self._found_of_upstream()
        yield from self._sessions.found()
        if aborted := self._aborted.total():
            polls, which = counted(aborted, "poll"), "this poll" if aborted == 1 else "these polls"
            text = f"{polls} ended without an answer, {self._aborted[True]} of them closed by the client: "
            yield "poll-aborted", "all", f"{text}events in {which} are lost and missing in their triples"
        yield from self._found_of_answers()
        if self._overlaps:
            text = f"{counted(self._overlaps, 'poll')} began while another of the same client was open"
            ended = f"; the server ended {self._overlaps_ended} with an error" if self._overlaps_ended else ""
            yield "overlapping-polls", "all", text + ended
        yield from self._sessions.found_tabs()
        yield from self._cuts.items
        yield from self._cuts.rest("socket-cut")
        yield from self._streams.found()
        for kind, texts in self._told.items():
            yield kind, f"record {texts.first}", texts.texts

    def _found_of_upstream(self) -> Iterator[Disturbance]:
        last = [self._outage] if self._outage is not None and self._outage.unreachable else []
        for outage in (*self._outages.items, *last):
            time = "to the end of the capture" if outage.end is None else f"for {(outage.end - outage.t) / 1e9:.1f} s"
            text = f"the upstream could not be reached {time}; {counted(outage.failures, 'request')} failed"
            yield "gap", f"record {outage.seq}", text
        yield from self._outages.rest("gap")
        if total := self._untrusted.total:
            text = f"the TLS handshake with the upstream failed {counted(total, 'time')}: {self._untrusted}"
            yield _CERTIFICATE, f"record {self._untrusted.first}", text
        if total := self._hung_up.total:
            yield (
                "upstream-hung-up",
                "all",
                f"the upstream ended {counted(total, 'request')} without an answer: {self._hung_up}",
            )

    def _found_of_answers(self) -> Iterator[Disturbance]:
        texts = {
            _POLLS: ("poll", "got no Bayeux messages: {}; they brought no events"),
            _OTHERS: ("Bayeux request", "that asked for no events got no Bayeux messages: {}"),
            _UPGRADES: ("request", "for a WebSocket got none: {}"),
        }
        for kind, failed in self._failed.items():
            if failed.total:
                what, text = texts[kind]
                yield kind, f"record {failed.first}", f"{counted(failed.total, what)} {text.format(failed)}"

    def _asked(self, request: Request) -> None:
        messages = self.read(request)
        asked = self._open[request.exchange] = _Asked(request, messages, _polling(messages))
        if messages is None:
            self._streams.asked(request)
            asked.upgrades = request.method == "GET" and _upgrades(request)
            return
        self._sessions.sent(messages, "")
        for client in asked.polling:
            self._overlaps += self._polls[client] > 0
            self._polls[client] += 1
            self._sessions.polls(client, request.headers)

    def _answered(self, response: Response) -> None:
        if self._outage is not None:
            self._outage.end = response.t
            if self._outage.unreachable:
                self._outages.add(self._outage)
            self._outage = None
        asked = self._open.get(response.exchange)
        if asked is None:
            return
        if response.status == 101:
            self._sockets[response.exchange] = ""
            return
        del self._open[response.exchange]
        if asked.messages is None:
            self._streams.opened(asked.request, response)
            if asked.upgrades:
                self._failed[_UPGRADES].add(f"HTTP {response.status}", response.seq)
            return
        replies = self.read(response)
        overlapped = self._released(asked.polling, is_error=response.status >= 400)
        if not overlapped and (text := otherwise(response, replies)) is not None:
            self._strange(asked, text, response)
        self._sessions.replied(replies or [], _client(asked.messages), response)

    def _released(self, polling: list[str], *, is_error: bool = False) -> bool:
        """Take polls as answered; return whether the server ended one because of a younger one."""
        overlapped = False
        for client in polling:
            overlapped |= is_error and self._polls[client] > 1
            self._overlaps_ended += is_error and self._polls[client] > 1
            self._polls[client] -= 1
            if self._polls[client] <= 0:
                del self._polls[client]
        return overlapped

    def _strange(self, asked: _Asked, text: str, response: Response) -> None:
        """Count an answer that holds no Bayeux messages."""
        kind, times = (_POLLS, len(asked.polling)) if asked.polling else (_OTHERS, 1)
        text = text if asked.polling else f"{asked_for(asked.messages or [])} by {text}"
        for _ in range(times):
            self._failed[kind].add(text, response.seq)
        if response.status < 300:
            self._last = response.seq, kind, text, times

    def _noted(self, note: Note) -> None:
        if note.kind == GAP and not _TLS.search(note.text):
            self._down(note).unreachable = True
        elif note.kind == GAP:
            self._untrusted.add(note.text, note.seq)
        elif note.kind in TOLD:
            self._told.setdefault(note.kind, Tally()).add(note.text, note.seq)
        elif self._last is not None and not_kept(note) == self._last[0]:
            _, kind, text, times = self._last
            for _ in range(times):
                self._failed[kind].drop(text)  # nothing is known about a body that was not kept
            self._last = None

    def _ended(self, failure: Failure) -> None:
        asked = self._open.pop(failure.exchange, None)
        if self._sockets.pop(failure.exchange, None) is not None:
            if cut := _CUT.match(failure.reason):
                waiting = sum(open_.messages is None for open_ in self._open.values())
                requests = counted(waiting, "request")
                text = f"a WebSocket was cut by the {cut[1]} (1006) while {requests} waited for an answer"
                self._cuts.add(("socket-cut", f"record {failure.seq}", text))
                self._down(failure) if cut[1] == "server" else None
            self._streams.closed(failure)
            return
        by_client = _BY_CLIENT.match(failure.reason) is not None
        if self._streams.broke(failure, by_client=by_client):
            return
        for _ in asked.polling if asked is not None else ():
            self._aborted[by_client] += 1
        self._released(asked.polling if asked is not None else [])
        if by_client:
            return
        if _TLS.search(failure.reason):
            self._untrusted.add(failure.reason, failure.seq)
        else:
            self._hung_up.add(failure.reason, failure.seq)
            self._down(failure).failures += 1

    def _down(self, record: Failure | Note) -> _Outage:
        self._outage = self._outage or _Outage(record.seq, record.t)
        return self._outage

    def _spoke(self, message: SocketMessage) -> None:
        messages = self.read(message) or []
        if not messages and not self._sockets.get(message.exchange):
            self._streams.spoke(message.exchange)
        if message.from_client:
            self._sockets[message.exchange] = _client(messages) or self._sockets.get(message.exchange, "")
            self._sessions.sent(messages, self._sockets[message.exchange])
        else:
            self._sessions.replied(messages, self._sockets.get(message.exchange, ""), message)


def _polling(messages: list[Message] | None) -> list[str]:
    """Return the clientId of each `/meta/connect` among the messages."""
    return [str(m.get("clientId", "")) for m in messages or [] if m["channel"] == channels.CONNECT]


def _client(messages: list[Message]) -> str:
    return next((str(m["clientId"]) for m in messages if m.get("clientId")), "")


def _upgrades(request: Request) -> bool:
    return any(name.lower() == "upgrade" and value.lower() == "websocket" for name, value in request.headers)
