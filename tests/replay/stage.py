"""A stand-in with desktops in front of it, and no sockets: requests go in, a transcript comes out.

stage = Stage(recording, rate=1)
desk = stage.desk()               # handshake, first connect, subscription
desk.listens()                    # holds a poll from now on
desk.posts(chained(7, "live"))
stage.wait(1.0)
desk.heard                        # [(0.1, "ack 200"), (0.25, "ChainedRecordsDataEnd")]
"""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from itertools import count
from typing import Any

from recorder.bayeux.messages import is_event
from recorder.dialect.definition import Dialect, load
from recorder.model import Headers, Recording
from recorder.replay.engine.http import HttpRequest, HttpResponse, Piece, Reply
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from tests.wire import UPGRADE, URL, Ask, Message, body

START = 100.0  # seconds on the stage's clock


class Stage:
    """Owns the clock. Replies reach the desks at once, and are reported as sent."""

    def __init__(
        self, recording: Recording, rate: float = INSTANT, dialect: Dialect | None = None, **options: Any
    ) -> None:
        ids = count(1)
        dialect = dialect or load(recording.header.dialect)
        self.standin = ReplayEngine(recording, dialect, new_id=lambda: f"id{next(ids)}", rate=rate, **options)
        self.requests: dict[int, HttpRequest] = {}
        self.now = START
        self._numbers = count(1)
        self._waiting: dict[int, Desk] = {}
        self.stuck: set[int] = set()  # numbers of streams whose clients do not read

    @property
    def misses(self) -> list[str]:
        """The first lines of the misses."""
        return [miss.summary for miss in self.standin.misses]

    def desk(self, headers: Headers = (), connection: str = "", *, cookies: bool = True) -> Desk:
        """A desktop with its Bayeux session; it keeps no cookies where `cookies` is off."""
        desk = self.stranger(headers, connection, cookies=cookies)
        desk.handshakes()
        return desk

    def stranger(self, headers: Headers = (), connection: str = "", *, cookies: bool = True) -> Desk:
        """A desktop that did not shake hands yet."""
        return Desk(self, headers, connection, cookies=cookies)

    def wait(self, seconds: float) -> None:
        """Let time pass, as a front does: it comes back at each deadline."""
        end = self.now + seconds
        while (deadline := self.standin.deadline()) is not None and deadline <= end:
            assert deadline > self.now, "a deadline that has passed already would make a front spin"
            self.now = deadline
            self.driver()
        self.now = end
        self.driver()

    def receive(self, desk: Desk, method: str, target: str, headers: Headers, content: bytes) -> int:
        number = next(self._numbers)
        self._waiting[number] = desk
        connection = desk.connection or f"connection {number}"
        request = HttpRequest(number, connection, method, target, headers, content)
        self.requests[number] = request
        self.standin.receive(request, self.now)
        self.driver()
        return number

    def driver(self) -> None:
        """Hand out what leaves, until nothing more does."""
        while replies := self.standin.replies(self.now):
            owners = [self._owner(reply) for reply in replies]
            for desk, reply in zip(owners, replies, strict=True):
                if reply.number not in self.stuck:
                    self.standin.sent(reply.number)
                if isinstance(reply, Piece):
                    desk.gets_piece(reply)
                else:
                    desk.gets(reply)
            for desk in owners:
                desk.polls_again()

    def _owner(self, reply: Reply) -> Desk:
        return self._waiting[reply.number] if reply.more else self._waiting.pop(reply.number)

    def message(self, number: int, content: bytes, socket: HttpRequest, *, is_text: bool = True) -> None:
        """A message on a plain WebSocket, which gets no answer."""
        own = socket._replace(number=next(self._numbers), method="MESSAGE", body=content)
        self.standin.receive(own._replace(on_socket=True, socket=number, is_text=is_text), self.now)
        self.driver()

    def abort(self, number: int) -> None:
        self._waiting.pop(number, None)
        self.standin.abort(number)
        self.driver()


class Desk:
    """One live desktop; `heard` tells what came back, and how long after the start."""

    def __init__(self, stage: Stage, headers: Headers, connection: str, *, cookies: bool) -> None:
        self.stage, self.headers, self.connection, self._keeps_cookies = stage, headers, connection, cookies
        self.jar: dict[str, str] = {}
        self.client_id = ""
        self.replies: dict[int, HttpResponse] = {}
        self.pieces: dict[int, list[Piece]] = {}  # by the number of the request that opened the stream
        self.events: list[Message] = []
        self.heard: list[tuple[float, str]] = []
        self._listening = False
        self._owes_poll = self._is_lost = False

    @property
    def said(self) -> list[str]:
        """What came back, without times."""
        return [text for _, text in self.heard]

    @property
    def references(self) -> list[Any]:
        """The referenceId of each event, "none" where it has none."""
        return [event["data"].get("referenceId", "none") for event in self.events]

    def handshakes(self) -> None:
        """Handshake, the first connect and a subscription."""
        number = self.bayeux({"channel": "/meta/handshake", "supportedConnectionTypes": ["long-polling"]})
        self.client_id = json.loads(self.replies[number].body)[0]["clientId"]
        self.polls()
        self.bayeux({"channel": "/meta/subscribe", "clientId": self.client_id, "subscription": "/**"})
        self.heard.clear()

    def bayeux(self, *messages: Message) -> int:
        return self.sends("POST", URL, body(messages))

    def polls(self, **own: Any) -> int:
        """One poll."""
        self._owes_poll = False
        connect = {"channel": "/meta/connect", "clientId": self.client_id, "connectionType": "long-polling"}
        return self.bayeux(connect | own)

    def listens(self) -> None:
        """Hold a poll from now on."""
        self._listening = True
        self.polls()

    def opens(self, target: str = "/events", headers: Headers = ()) -> int:
        """A request that is answered with a stream."""
        return self.sends("GET", target, b"", headers)

    def upgrades(self, target: str = "/socket", headers: Headers = ()) -> int:
        """The handshake of a plain WebSocket."""
        return self.sends("GET", target, b"", (*UPGRADE, *headers))

    def says(self, socket: int, content: Any, *, is_text: bool = True) -> None:
        """A message on a plain WebSocket, as JSON unless it is bytes."""
        sent = content if isinstance(content, bytes) else body(content)
        self.stage.message(socket, sent, self.stage.requests[socket], is_text=is_text)

    def leaves(self, number: int) -> None:
        """Close a stream or WebSocket."""
        self.stage.abort(number)

    def got(self, number: int) -> list[bytes]:
        """What came on a stream or WebSocket."""
        return [piece.body for piece in self.pieces.get(number, ()) if piece.body or piece.more]

    def gets_piece(self, piece: Piece) -> None:
        """A piece of a stream arrives."""
        self.pieces.setdefault(piece.number, []).append(piece)
        at = round(self.stage.now - START, 6)
        if piece.body or piece.more:
            self.heard.append((at, piece.body.decode("utf-8", "replace").strip()))
        if not piece.more:
            self.heard.append((at, f"end {piece.code}" if piece.code else "end"))

    def polls_again(self) -> None:
        """Renew the poll that was answered, if one is to be held; shake hands again before, if that is advised."""
        if self._listening and self._owes_poll:
            if self._is_lost:
                self._listening, self._is_lost = False, False
                self.handshakes()
                self._listening = True
            self.polls()

    def disconnects(self) -> int:
        self._listening = False
        return self.bayeux({"channel": "/meta/disconnect", "clientId": self.client_id})

    def posts(self, ask: Ask, headers: Headers = ()) -> int:
        """A REST request."""
        return self.sends(ask.method, ask.target, ask.body, headers)

    def answer(self, ask: Ask) -> HttpResponse:
        """A REST request that is answered at once."""
        return self.replies[self.posts(ask)]

    def sends(self, method: str, target: str, content: bytes, headers: Headers = ()) -> int:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        shown: Headers = (("Cookie", cookies),) if cookies else ()
        return self.stage.receive(self, method, target, (*self.headers, *shown, *headers), content)

    def gets(self, reply: HttpResponse) -> None:
        """A reply arrives."""
        self.replies[reply.number] = reply
        for name, value in reply.headers:
            if name == "Set-Cookie" and self._keeps_cookies:
                self.jar |= {cookie: morsel.value for cookie, morsel in SimpleCookie(value).items()}
        at = round(self.stage.now - START, 6)
        messages = _messages(reply)
        events = [message for message in messages or [] if is_event(message)]
        self.events += events
        self.heard += [(at, name_of(event)) for event in events]
        if messages is None:
            self.heard.append((at, f"ack {reply.status}"))
            self._owes_poll |= not reply.status  # its poll broke off
            return
        polled = any(message["channel"] == "/meta/connect" for message in messages)
        advice = [message.get("advice", {}).get("reconnect") for message in messages if not is_event(message)]
        self._is_lost |= "handshake" in advice
        self._owes_poll |= polled and b"multiple-clients" not in reply.body  # else it waits, until the test goes on
        if polled and not events:
            self.heard.append((at, "idle"))


def name_of(event: Message) -> str:
    """What an event is called here: its notification, and whether it is the twin of another."""
    data = event["data"]
    if "userData" in data:
        return f"{data['userData']['GSW_USER_EVENT']} twin"
    return str(data.get("notificationType", data.get("messageType")))


def _messages(reply: HttpResponse) -> list[Message] | None:
    """The Bayeux messages of a reply, None where it answers a REST request."""
    found = json.loads(reply.body) if reply.body[:1] == b"[" else None
    return found if isinstance(found, list) and all("channel" in message for message in found) else None
