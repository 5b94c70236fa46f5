"""Find disturbances of sessions: the cassette is sound, but a replay of it repeats an outage or a lost session.

| kind | what happened |
|---|---|
| gap | the upstream could not be reached |
| upstream-hung-up | the upstream ended connections on which requests waited |
| session-lost | the upstream no longer knew a Bayeux session (402, faye: 401) that had not ended |
| session-ended | the upstream ended a Bayeux session: /meta/disconnect unasked, or the advice `none` |
| session-cycles | the upstream refused a Bayeux session three times or more |
| poll-aborted | polls ended without an answer, by the client or the upstream |
| overlapping-polls | a client began a poll while it held another (a server may end the older one with HTTP 500) |
| two-tabs | two Bayeux sessions were alive under one browser cookie |
| socket-cut | a WebSocket ended without the closing handshake |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ..bayeux import channels
from ..bayeux.messages import Message, parse, parse_request
from ..bayeux.replies import is_end
from ..model import GAP, Failure, Headers, Note, Record, Request, Response, SocketMessage

_CYCLES = 3  # refusals in one cassette that are reported as session-cycles
_BY_CLIENT = "Client disconnected."  # text of mitmproxy for a connection that the client closed
_CUT = re.compile(r"websocket closed by (client|server), code 1006")
_BROWSER = re.compile(r"(?:^|;)\s*BAYEUX_BROWSER\s*=\s*([^;\s]+)")  # the cookie by which CometD knows a browser

Disturbance: TypeAlias = tuple[str, str, str]  # kind, where, text


@dataclass(slots=True)
class _Outage:
    """A time without answers of the upstream, from record `seq` on; `t` in nanoseconds since the capture began."""

    seq: int
    t: int
    failures: int = 0
    unreachable: bool = False


@dataclass(slots=True)
class _Loss:
    """A session that the server no longer knew, or ended; `t` in nanoseconds since the capture began."""

    client: str
    error: str
    seq: int
    t: int
    back: int | None = None  # nanoseconds until the next handshake
    ended: bool = False


@dataclass(slots=True)
class Disturbances:
    """Collects the disturbances of a cassette; takes its records one at a time."""

    _open: dict[int, tuple[Request, list[Message] | None]] = field(default_factory=dict)
    _sockets: dict[int, str] = field(default_factory=dict)  # exchange upgraded to a WebSocket → its clientId
    _outage: _Outage | None = None
    _outages: list[tuple[_Outage, int | None]] = field(default_factory=list)  # outage, time of the next answer (ns)
    _hung_up: int = 0
    _losses: list[_Loss] = field(default_factory=list)
    _refusals: int = 0
    _gone: set[str] = field(default_factory=set)  # clientIds whose session was lost or disconnected
    _leaving: set[str] = field(default_factory=set)  # clientIds that sent a /meta/disconnect
    _polls: Counter[str] = field(default_factory=Counter)
    _overlaps: int = 0
    _overlaps_ended: int = 0
    _aborted: Counter[bool] = field(default_factory=Counter)  # polls without an answer; True: the client hung up
    _tabs: dict[str, list[str]] = field(default_factory=dict)  # browser cookie → clientIds, in order of last poll
    _two_tabs: set[str] = field(default_factory=set)  # clientIds that shared a browser cookie
    _cuts: list[Disturbance] = field(default_factory=list)

    def feed(self, record: Record) -> None:
        """Take the next record into account."""
        match record:
            case Request():
                self._asked(record)
            case Response():
                self._answered(record)
            case Failure():
                self._failed(record)
            case SocketMessage():
                self._told(record)
            case Note(kind=kind) if kind == GAP:
                self._down(record).unreachable = True
            case _:
                pass

    def found(self) -> Iterator[Disturbance]:
        """Yield each disturbance as kind, place and sentence; call this after the last record."""
        last = [(self._outage, None)] if self._outage else []
        for outage, end in (*self._outages, *last):
            if outage.unreachable:
                time = "to the end of the capture" if end is None else f"for {(end - outage.t) / 1e9:.1f} s"
                text = f"the upstream could not be reached {time}; {outage.failures} requests failed"
                yield "gap", f"record {outage.seq}", text
        if self._hung_up:
            yield "upstream-hung-up", "all", f"the upstream ended {self._hung_up} requests without an answer"
        for loss in self._losses:
            again = "no client shook hands again"
            if loss.back is not None:
                again = f"a client shook hands again {loss.back / 1e9:.1f} s later"
            if loss.ended:
                yield "session-ended", f"record {loss.seq}", f"the server ended the session of {loss.client}; {again}"
                continue
            text = f"the server no longer knew the client {loss.client} ({loss.error}); {again}"
            yield "session-lost", f"record {loss.seq}", text
        if self._refusals >= _CYCLES:
            yield "session-cycles", "all", f"the server refused a session {self._refusals} times (402 or 401)"
        if aborted := self._aborted.total():
            text = f"{aborted} polls ended without an answer, {self._aborted[True]} of them closed by the client: "
            yield "poll-aborted", "all", text + "events in these polls are lost and missing in their triples"
        if self._overlaps:
            text = f"{self._overlaps} polls began while another of the same client was open"
            ended = f"; the server ended {self._overlaps_ended} with an error" if self._overlaps_ended else ""
            yield "overlapping-polls", "all", text + ended
        if self._two_tabs:
            text = f"{len(self._two_tabs)} live sessions shared a browser cookie with another: two tabs, or windows"
            yield "two-tabs", "all", text
        yield from self._cuts

    def _asked(self, request: Request) -> None:
        messages = parse_request(request.target, request.body)
        self._open[request.exchange] = request, messages
        self._leave(messages or [], "")
        for client in _polling(messages):
            self._overlaps += self._polls[client] > 0
            self._polls[client] += 1
            self._seen(client, request.headers)

    def _answered(self, response: Response) -> None:
        if self._outage:
            self._outages.append((self._outage, response.t))
            self._outage = None
        if response.exchange not in self._open:
            return
        if response.status == 101:
            self._sockets[response.exchange] = ""
            return
        _, messages = self._open.pop(response.exchange)
        for client in _polling(messages):
            self._overlaps_ended += self._polls[client] > 1 and response.status >= 400
            self._polls[client] -= 1
        if messages is not None:
            self._replied(parse(response.body) or [], _client(messages), response)

    def _failed(self, failure: Failure) -> None:
        cut = _CUT.match(failure.reason)
        _, messages = self._open.pop(failure.exchange, (None, None))
        if self._sockets.pop(failure.exchange, None) is not None:
            if cut:
                waiting = sum(asked is None for _, asked in self._open.values())
                text = f"a WebSocket was cut by the {cut[1]} (1006) while {waiting} requests waited for their answer"
                self._cuts.append(("socket-cut", f"record {failure.seq}", text))
                self._down(failure) if cut[1] == "server" else None
            return
        by_client = failure.reason == _BY_CLIENT
        for client in _polling(messages):
            self._polls[client] -= 1
            self._aborted[by_client] += 1
        if not by_client:
            self._hung_up += 1
            self._down(failure).failures += 1

    def _down(self, record: Failure | Note) -> _Outage:
        self._outage = self._outage or _Outage(record.seq, record.t)
        return self._outage

    def _told(self, message: SocketMessage) -> None:
        messages = parse(message.body) or []
        if message.from_client:
            self._sockets[message.exchange] = _client(messages) or self._sockets.get(message.exchange, "")
            self._leave(messages, self._sockets[message.exchange])
        else:
            self._replied(messages, self._sockets.get(message.exchange, ""), message)

    def _replied(self, replies: list[Message], client: str, record: Response | SocketMessage) -> None:
        for reply in replies:
            advice, error = reply.get("advice"), str(reply.get("error", ""))
            if reply["channel"] == channels.HANDSHAKE and reply.get("successful"):
                self._gone.discard(str(reply.get("clientId")))
                lost = next((loss for loss in self._losses if loss.back is None), None)
                if lost:
                    lost.back = record.t - lost.t
            elif error.startswith(("402", "401")) and not reply.get("successful"):
                self._refusals += 1
                if self._losses and self._losses[-1].ended and self._losses[-1].seq == record.seq:
                    self._losses[-1] = _Loss(client, error, record.seq, record.t)  # the refusal behind it says why
                if client not in self._gone:
                    self._losses.append(_Loss(client, error, record.seq, record.t))
                self._leaves(client)
            elif reply["channel"] == channels.DISCONNECT or (reply["channel"] == channels.CONNECT and is_end(reply)):
                if client not in self._leaving | self._gone:
                    self._losses.append(_Loss(client, "", record.seq, record.t, ended=True))
                self._leaves(client)
            if isinstance(advice, dict) and advice.get("multiple-clients"):
                self._two_tabs.add(client)

    def _leave(self, messages: list[Message], client: str) -> None:
        for message in messages:
            if message["channel"] == channels.DISCONNECT:
                self._leaving.add(str(message.get("clientId") or client))

    def _seen(self, client: str, headers: Headers) -> None:
        """Note a poll of a client, and detect two live sessions under one browser cookie.

        If client A polls, then B, then A again, both are alive. Without the second poll of A, the page may just have
        been reloaded.
        """
        for browser in (found[1] for name, value in headers if name.lower() == "cookie" if (found := _browser(value))):
            clients = self._tabs.setdefault(browser, [])
            if client in clients[:-1]:
                self._two_tabs.update(clients[clients.index(client) :])
            if client in clients:
                clients.remove(client)
            clients.append(client)

    def _leaves(self, client: str) -> None:
        self._gone.add(client)
        for browser in [browser for browser, clients in self._tabs.items() if client in clients]:
            self._tabs[browser].remove(client)


def _polling(messages: list[Message] | None) -> list[str]:
    """Return the clientId of each `/meta/connect` among the messages."""
    return [str(m.get("clientId", "")) for m in messages or [] if m["channel"] == channels.CONNECT]


def _client(messages: list[Message]) -> str:
    return next((str(m["clientId"]) for m in messages if m.get("clientId")), "")


def _browser(cookies: str) -> re.Match[str] | None:
    return _BROWSER.search(cookies)
