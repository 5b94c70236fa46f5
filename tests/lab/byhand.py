"""A desktop by hand: every request is a value, so a test decides what is held, given up, sent twice or sent oddly.

    desk = Desk(url, "agent:secret").connected()
    poll = desk.polls()                 # is held …
    post = desk.posts("/api/v2/…", {})  # … while a request leaves
    post.answer().status
    poll.events()

Each request has a TCP connection of its own, and nothing is retried.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import select
import socket
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, RejectConnection, Request, TextMessage
from wsproto.utilities import LocalProtocolError

from tests.lab.lab import Event

BAYEUX = "/api/v2/notifications"
CHANNELS = ("/v2/me/outbound", "/me/internal", "/v2/me/devices", "/v2/me/workbins")
_LIMIT = 20.0  # seconds to wait for anything

Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, with its gzip undone."""

    status: int
    body: bytes
    content_type: str = ""

    @property
    def messages(self) -> list[Message]:
        """The Bayeux messages in it."""
        found: list[Message] = json.loads(self.body)
        return found

    @property
    def events(self) -> list[Event]:
        """The events in it, without the replies."""
        return [(m["channel"], m["data"]) for m in self.messages if "successful" not in m]


class Sent:
    """A request that left."""

    def __init__(self, connection: http.client.HTTPConnection, desk: Desk) -> None:
        self._connection, self._desk = connection, desk
        self._answer: Answer | None = None

    def answer(self) -> Answer:
        """Wait for the response.

        Raises:
            OSError, http.client.HTTPException: If the connection ends without one.
        """
        if self._answer is None:
            with closing(self._connection):
                response = self._connection.getresponse()
                body = response.read()
            self._desk.keep(response.headers.get_all("Set-Cookie", []))
            packed = response.headers.get("Content-Encoding") == "gzip"
            kind = response.headers.get("Content-Type", "")
            self._answer = Answer(response.status, gzip.decompress(body) if packed else body, kind)
        return self._answer

    @property
    def is_answered(self) -> bool:
        """Whether the response has begun to come."""
        return self._answer is not None or bool(select.select([self._connection.sock], [], [], 0)[0])

    def events(self) -> list[Event]:
        return self.answer().events

    def abort(self) -> None:
        """Hang up, answered or not."""
        self._connection.close()


class Desk:
    """An agent's desktop. Cookies are kept in one jar for REST and Bayeux, whatever their path."""

    def __init__(self, url: str, auth: str | None = None) -> None:
        self._address = urlsplit(url).netloc
        self._sent: list[Sent | Socket] = []
        self._cookies: dict[str, str] = {}
        self._ids = 0
        self._basic = auth and f"Basic {base64.b64encode(auth.encode()).decode()}"
        self.client_id = ""

    # -- HTTP

    def sends(self, method: str, path: str, content: Any = None, **headers: str) -> Sent:
        """A request leaves; `content` is sent as JSON unless it is bytes."""
        body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        connection = http.client.HTTPConnection(self._address, timeout=_LIMIT)
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Content-Type": "application/json"} | self.headers | own)
        sent = Sent(connection, self)
        self._sent.append(sent)
        return sent

    def posts(self, path: str, content: Any, **headers: str) -> Sent:
        """An operation leaves."""
        return self.sends("POST", path, content, **headers)

    def asks(self, path: str, content: Any) -> Answer:
        """An operation, and its ack."""
        return self.posts(path, content).answer()

    @property
    def headers(self) -> dict[str, str]:
        """What it shows of who it is."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        shown = {"Authorization": self._basic, "Cookie": cookies}
        return {name: value for name, value in shown.items() if value}

    def keep(self, cookies: list[str]) -> None:
        """Take the values of Set-Cookie headers."""
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value

    def beside(self) -> Desk:
        """Another window of the same browser: a session of its own, the same cookies."""
        other = Desk(f"//{self._address}")
        other._basic, other._cookies, other._sent = self._basic, self._cookies, self._sent
        return other

    def forgets(self) -> None:
        """Lose all cookies."""
        self._cookies.clear()

    def leaves(self) -> None:
        """Hang up on everything."""
        while self._sent:
            self._sent.pop().abort()

    # -- Bayeux

    def message(self, channel: str, **fields: Any) -> Message:
        """A message with a fresh id, and the clientId where there is one."""
        self._ids += 1
        own = {"clientId": self.client_id} if self.client_id else {}
        return {"channel": channel, "id": str(self._ids)} | own | fields

    def tells(self, *messages: Message, suffix: str = "") -> Sent:
        """Bayeux messages leave in one body."""
        return self.posts(BAYEUX + suffix, list(messages))

    def connected(self, **ext: Any) -> Self:
        """Shake hands, subscribe, and do the first poll, which is not held."""
        self.shakes_hands(**ext)
        self.subscribes()
        self.fetches(ext={"ack": 0} if ext else None)
        return self

    def shakes_hands(self, **ext: Any) -> None:
        """A new session; `ext` are the extensions asked for."""
        self.client_id = ""
        self.client_id = self.tells(self.handshake(**ext)).answer().messages[0]["clientId"]

    def subscribes(self) -> None:
        replies = self.tells(*map(self.subscription, CHANNELS)).answer().messages
        assert all(reply.get("successful", True) for reply in replies), replies

    def handshake(self, **ext: Any) -> Message:
        types = ["long-polling", "websocket"]
        return self.message("/meta/handshake", version="1.0", supportedConnectionTypes=types, ext=ext)

    def subscription(self, channel: str) -> Message:
        return self.message("/meta/subscribe", subscription=channel)

    def connect(self, timeout: int | None = None, ext: Message | None = None, kind: str = "long-polling") -> Message:
        """The message of a poll; `timeout` 0 asks not to be held."""
        advice = {} if timeout is None else {"advice": {"timeout": timeout}}
        return self.message("/meta/connect", connectionType=kind, **advice) | ({} if ext is None else {"ext": ext})

    def polls(self, ext: Message | None = None) -> Sent:
        """A poll leaves, and is held while there is nothing to fetch."""
        return self.tells(self.connect(ext=ext))

    def hears(self, count: int, poll: Sent | None = None) -> list[Event]:
        """Poll until `count` events came, beginning with a poll that is held already, if any."""
        end = time.monotonic() + _LIMIT
        found = (poll or self.polls()).events()
        while len(found) < count and time.monotonic() < end:
            found += self.polls().events()
        assert len(found) == count, found
        return found

    def fetches(self, ext: Message | None = None) -> Answer:
        """A poll that is not held: what is waiting, if anything is."""
        return self.tells(self.connect(timeout=0, ext=ext)).answer()

    def opens_socket(self) -> Socket:
        """A WebSocket to the Bayeux server."""
        opened = Socket(self._address, self.headers)
        self._sent.append(opened)
        return opened


class Socket:
    """A WebSocket that carries Bayeux messages."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        host, _, port = address.rpartition(":")
        self._tcp = socket.create_connection((host, int(port)), timeout=_LIMIT)
        self._ws = WSConnection(ConnectionType.CLIENT)
        self.frames: list[list[Message]] = []
        self._text = ""
        self.code: int | None = None
        shown = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._write(Request(host=address, target=BAYEUX, extra_headers=shown))
        self._accepted = False
        while not self._accepted:
            self._read()

    def tells(self, *messages: Message) -> None:
        self.sends(json.dumps(messages))

    def sends(self, text: str) -> None:
        """A text leaves, whatever it is."""
        self._write(TextMessage(text))

    def hears(self, channel: str) -> Message:
        """The next message on a channel; those on others are kept for later."""
        while True:
            for frame in self.frames:
                for place, message in enumerate(frame):
                    if message["channel"] == channel:
                        return frame.pop(place)
            self._read()

    def frame(self) -> list[Message]:
        """The messages that come next in one go."""
        found = self.frame_or_end()
        assert not isinstance(found, int), f"closed: {found}"
        return found

    def frame_or_end(self) -> list[Message] | int:
        """The next frame, or the code with which the server closes it."""
        while not self.frames:
            if self.code is not None:
                return self.code
            self._read()
        return self.frames.pop(0)

    def connected(self, desk: Desk) -> None:
        """Shake hands, subscribe, and begin to poll."""
        desk.client_id = ""
        self.tells(desk.handshake())
        desk.client_id = self.hears("/meta/handshake")["clientId"]
        for channel in CHANNELS:
            self.tells(desk.subscription(channel))
            assert self.hears("/meta/subscribe")["successful"]
        self.tells(desk.connect(kind="websocket"))

    def cut(self) -> None:
        """Hang up without a word."""
        self._tcp.close()

    def abort(self) -> None:
        """Close it."""
        with suppress(OSError, LocalProtocolError):  # it is closed already
            self._write(CloseConnection(code=1000))
        self._tcp.close()

    def _write(self, event: Request | TextMessage | CloseConnection) -> None:
        self._tcp.sendall(self._ws.send(event))

    def _read(self) -> None:
        data = self._tcp.recv(65536)
        assert data, "the server hung up"
        self._ws.receive_data(data)
        for event in self._ws.events():
            match event:
                case AcceptConnection():
                    self._accepted = True
                case TextMessage():
                    self._text += event.data
                    if event.message_finished:
                        found = json.loads(self._text)
                        self.frames.append(found if isinstance(found, list) else [found])
                        self._text = ""
                case CloseConnection():
                    self.code = int(event.code)
                case RejectConnection():
                    self._tcp.close()
                    raise ConnectionRefusedError(event.status_code)
