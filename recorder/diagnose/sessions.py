"""Find what became of Bayeux sessions: lost, ended by the server, refused, or two of them in one browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..bayeux import channels
from ..bayeux.messages import Message
from ..bayeux.replies import is_end, is_lost, is_unknown
from ..model import Headers, Response, SocketMessage
from ..printable import counted
from .tally import Listing, Tally, remember

_CYCLES = 3  # refusals in one cassette that are reported as session-cycles
_BROWSER = re.compile(r"(?:^|;)\s*BAYEUX_BROWSER\s*=\s*([^;\s]+)")  # the cookie by which CometD knows a browser
_ENDED, _LOST = "session-ended", "session-lost"
_BROWSERS = 10_000  # clients whose browser is remembered


@dataclass(slots=True)
class _Loss:
    """A session that the server ended, did not know any more, or accepted no more.

    Attributes:
        t: Nanoseconds since the capture began.
        back: Nanoseconds until the next handshake; None if there was none.
    """

    kind: str
    client: str
    error: str
    seq: int
    t: int
    back: int | None = None

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        again = "no client began a new session"
        if self.back is not None:
            again = f"a client began a new session {self.back / 1e9:.1f} s later"
        why = f" ({self.error})" if self.error else ""
        if self.kind == _ENDED:
            return f"the server ended the session of {self.client}{why}; {again}"
        verb = "knew" if is_unknown(self.error) else "accepted"
        return f"the server no longer {verb} the client {self.client}{why}; {again}"


@dataclass(slots=True)
class SessionEnds:
    """Collects what became of the sessions of a capture."""

    _losses: dict[str, Listing[_Loss]] = field(default_factory=lambda: {_LOST: Listing(), _ENDED: Listing()})
    _ended: _Loss | None = None  # the last one that the server ended
    _refusals: int = 0
    _handshakes: Tally = field(default_factory=Tally)  # refused ones
    _is_out: bool = False  # no handshake succeeded after the last refused one
    _gone: dict[str, None] = field(default_factory=dict)  # clientIds whose session was lost or disconnected
    _leaving: dict[str, None] = field(default_factory=dict)  # clientIds that sent a /meta/disconnect
    _tabs: dict[str, list[str]] = field(default_factory=dict)  # browser cookie → clientIds, in order of last poll
    _browsers: dict[str, str] = field(default_factory=dict)  # clientId → browser cookie of its last poll
    _two_tabs: dict[str, None] = field(default_factory=dict)  # clientIds that shared a browser cookie

    def sent(self, messages: list[Message], client: str) -> None:
        """Take the messages of a client, which may say goodbye."""
        for message in messages:
            if message["channel"] == channels.DISCONNECT:
                remember(self._leaving, str(message.get("clientId") or client))

    def replied(self, replies: list[Message], client: str, record: Response | SocketMessage) -> None:
        """Take the messages of the server to a client."""
        for reply in replies:
            channel = reply["channel"]
            if channel == channels.HANDSHAKE:
                self._shaken(reply, record)
            elif reply.get("successful") is False and _is_loss(reply):
                self._lost(str(reply.get("error", "")), client, record)
            elif channel == channels.DISCONNECT or (channel == channels.CONNECT and is_end(reply)):
                self._end(str(reply.get("error", "")), client, record)
            advice = reply.get("advice")
            if isinstance(advice, dict) and advice.get("multiple-clients"):
                remember(self._two_tabs, client)

    def polls(self, client: str, headers: Headers) -> None:
        """Take a poll of a client, and detect two live sessions under one browser cookie.

        If client A polls, then B, then A again, both are alive. Without the second poll of A, the page may just have
        been reloaded.
        """
        browser = next((found[1] for cookies in _cookies(headers) if (found := _BROWSER.search(cookies))), None)
        if browser is None:
            return
        clients = self._tabs.get(browser, [])
        if clients[-1:] == [client]:
            return
        if client in clients:
            for other in clients[clients.index(client) :]:
                remember(self._two_tabs, other)
        self._closes_tab(client)
        self._tabs.setdefault(browser, []).append(client)
        self._browsers[client] = browser
        if len(self._browsers) > _BROWSERS:
            self._closes_tab(next(iter(self._browsers)))

    def found(self) -> Iterator[tuple[str, str, str]]:
        """Yield the findings about sessions that ended, as kind, place and sentence."""
        for kind, losses in self._losses.items():
            for loss in losses.items:
                yield kind, f"record {loss.seq}", str(loss)
            yield from losses.rest(kind)
        if self._refusals >= _CYCLES:
            yield "session-cycles", "all", f"the server refused sessions {counted(self._refusals, 'time')}"
        if self._handshakes.total:
            later = "; none succeeded after that" if self._is_out else ""
            text = f"the server refused {counted(self._handshakes.total, 'handshake')}: {self._handshakes}{later}"
            yield "handshake-refused", f"record {self._handshakes.first}", text

    def found_tabs(self) -> Iterator[tuple[str, str, str]]:
        """Yield the finding about sessions that shared a browser cookie."""
        if self._two_tabs:
            text = f"{len(self._two_tabs)} live sessions shared a browser cookie with another: two tabs, or windows"
            yield "two-tabs", "all", text

    def _shaken(self, reply: Message, record: Response | SocketMessage) -> None:
        if not reply.get("successful"):
            self._handshakes.add(str(reply.get("error") or "no error is named"), record.seq)
            self._is_out = True
            return
        self._is_out = False
        self._gone.pop(str(reply.get("clientId")), None)
        waiting = (loss for losses in self._losses.values() for loss in losses.items if loss.back is None)
        lost = min(waiting, key=lambda loss: loss.seq, default=None)
        if lost is not None:
            lost.back = record.t - lost.t

    def _lost(self, error: str, client: str, record: Response | SocketMessage) -> None:
        self._refusals += 1
        if self._ended is not None and self._ended.seq == record.seq:
            self._losses[_ENDED].drop(self._ended)  # the refusal behind it says why
            self._gone.pop(client, None)
            self._ended = None
        if client not in self._gone and client not in self._leaving:
            self._losses[_LOST].add(_Loss(_LOST, client, error, record.seq, record.t))
        self._leaves(client)

    def _end(self, error: str, client: str, record: Response | SocketMessage) -> None:
        if client not in self._leaving and client not in self._gone:
            self._ended = _Loss(_ENDED, client, error, record.seq, record.t)
            self._losses[_ENDED].add(self._ended)
        self._leaves(client)

    def _leaves(self, client: str) -> None:
        remember(self._gone, client)
        self._closes_tab(client)

    def _closes_tab(self, client: str) -> None:
        browser = self._browsers.pop(client, None)
        if browser is not None:
            self._tabs[browser].remove(client)
            if not self._tabs[browser]:
                del self._tabs[browser]


def _cookies(headers: Headers) -> Iterator[str]:
    return (value for name, value in headers if name.lower() == "cookie")


def _is_loss(reply: Message) -> bool:
    """Return whether a refusal means that the client has no session any more, also if it is told to stop."""
    return is_lost(reply) or is_unknown(str(reply.get("error", ""))) or str(reply.get("error", ""))[:3] == "401"
