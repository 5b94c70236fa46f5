"""Play one recorded Bayeux connection on aiocometd: polls, advice and new handshakes are its business.

Some things of the library must not be: its WebSocket sends a message again after the connection broke, though the
server may have got it, opens twice if two messages come at once, and takes an event with an id for a reply; its
callbacks take no cancelled task; after the last poll it polls on; and it follows any advice (`bayeux.advice`).
`Polling` and `Sockets` change these, and put the recorded extensions in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from aiocometd_noloop.constants import ConnectionType, TransportState
from aiocometd_noloop.exceptions import TransportError
from aiocometd_noloop.transports.base import TransportBase
from aiocometd_noloop.transports.long_polling import LongPollingTransport
from aiocometd_noloop.transports.websocket import WebSocketTransport
from multidict import CIMultiDict

from ...bayeux import channels
from ...bayeux.advice import Pace, tamed, waited_for
from ...bayeux.extensions import batch_of
from ...bayeux.messages import encode, is_event, parse
from ...bayeux.replies import is_lost
from ...model import Headers
from ..engine.plan import Act, Answer, Connection, Outgoing
from .messages import answer_of, channel_of, is_for, path_of
from .requests import PAUSE
from .tap import Left, Sending
from .wire import NotSent, Socket, Wire, reason_of

logging.getLogger("aiocometd_noloop").addHandler(logging.NullHandler())  # the driver tells what it would say on stderr

_UNTOLD = 120.0  # seconds that a poll is waited for if the server advises no timeout
_FAREWELL = 1.0  # seconds for the answer to a /meta/disconnect that was not recorded
_GRACE = 0.5  # seconds for the last poll to be answered, once the client has disconnected


class Unreadable(aiohttp.ClientError):
    """An answer without Bayeux, where messages were sent."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"the server answered with status {status}, and no Bayeux message")
        self.answer = Answer(status, headers, body)


class _Payload:
    """Messages of an answer, as aiocometd takes them."""

    def __init__(self, messages: list[dict[str, Any]], headers: CIMultiDict[str]) -> None:
        self._messages, self.headers = messages, headers

    async def json(self, **_: object) -> list[dict[str, Any]]:
        """Return the messages."""
        return self._messages


class _Session:
    """In the place of aiohttp's session: each request of aiocometd goes through the wire of its client."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def post(self, _: str, *, json: list[dict[str, Any]], **more: Any) -> _Payload:
        """Send messages, and return those of the answer; the library gives a timeout in seconds, or None."""
        talk = self._talk
        talk.check(json)
        headers = talk.headers
        headers["Content-Type"] = "application/json;charset=UTF-8"
        sending = Sending(
            talk.wire.client, "POST", talk.path, encode(json), talk.connection.key, left=lambda: talk.leave_now(json)
        )
        found = await talk.wire.fetch(sending, headers, within=more.get("timeout") or _UNTOLD)
        messages = parse(found.body, found.headers)
        if messages is None:
            raise Unreadable(found.status, found.headers, found.body)
        return _Payload(messages, CIMultiDict(found.headers))

    def ws_connect(self, _: str, *, receive_timeout: float | None = None, **__: object) -> _Opening:
        """Open a WebSocket."""
        return _Opening(self._talk, receive_timeout)


class _Opening:
    """A WebSocket that opens on entering, as aiocometd wants it."""

    def __init__(self, talk: Talk, timeout: float | None) -> None:
        self._talk, self._timeout = talk, timeout
        self._socket: _BayeuxSocket | None = None

    async def __aenter__(self) -> _BayeuxSocket:
        talk = self._talk
        sending = Sending(talk.wire.client, "GET", talk.socket_path, b"", talk.connection.key)
        socket = await talk.wire.upgrade(sending, talk.headers, talk.connection.subprotocols, self._timeout)
        self._socket = _BayeuxSocket(talk, socket)
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.close()


class _BayeuxSocket:
    """A WebSocket that sends and receives messages of Bayeux."""

    def __init__(self, talk: Talk, socket: Socket) -> None:
        self._talk, self._socket = talk, socket

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._socket.closed

    async def send_json(self, payload: list[dict[str, Any]], **_: object) -> None:
        """Send messages."""
        self._talk.check(payload)
        if self._socket.closed:
            raise aiohttp.ClientConnectionResetError("the WebSocket is closed")
        self._talk.leave_now(payload)
        await self._socket.send(encode(payload))

    async def receive(self) -> _Received:
        """Return the next message.

        Raises:
            TransportError: If the WebSocket was closed.

        """
        message = await self._socket.receive()
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            await self._socket.close()
            raise TransportError("the WebSocket was closed")
        body = message.data.encode() if isinstance(message.data, str) else message.data
        return _Received(message.type, body)

    async def close(self) -> None:
        """Close it."""
        await self._socket.close()


class _Received:
    """A message on a WebSocket, as aiocometd takes it."""

    def __init__(self, kind: aiohttp.WSMsgType, body: bytes) -> None:
        self.type, self._body = kind, body

    def json(self, **_: object) -> list[dict[str, Any]]:
        """Return the messages of Bayeux in it; none if it has none, such as a heartbeat."""
        return parse(self._body) or []


class _Recorded(TransportBase):  # type: ignore[misc]  # the library ships no types
    """What both transports have in common."""

    KIND = ""
    _is_leaving = False
    _talk: Talk
    _opening: asyncio.Lock

    def of(self, talk: Talk) -> None:
        """Play a recorded connection; must be called once, before all else."""
        self._talk, self._opening = talk, asyncio.Lock()

    async def say(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message that has its id, and return the reply.

        Raises:
            TransportError: If there is none.

        """
        if message["channel"] != channels.HANDSHAKE:
            message["clientId"] = None
        reply: dict[str, Any] = await self._send_message(message)
        if message["channel"] == channels.HANDSHAKE and reply.get("successful"):
            self._client_id = reply.get("clientId")
        return reply

    def begin(self) -> None:
        """Begin to connect, and go on until the session ends."""
        self._state = TransportState.CONNECTING
        self._start_connect_task(self._connect())

    async def end(self) -> None:
        """Connect no more, and close all connections."""
        self.leaving()
        if self._connect_task is not None and not self._connect_task.done():
            await asyncio.wait([self._connect_task], timeout=_GRACE)
        await self.drop()

    async def drop(self) -> None:
        """Close all connections now, also that of a held poll."""
        self.leaving()
        await self._stop_connect_task()
        await self.close()
        self._state = TransportState.DISCONNECTED

    async def handshake(self, connection_types: list[ConnectionType]) -> dict[str, Any]:
        """Shake hands again, with what was recorded of the first time; aiocometd calls it when the server says so."""
        self._subscribe_on_connect = True
        reply = await self.say(self._talk.handshake([kind.value for kind in connection_types]))
        self._talk.is_new = True
        return reply

    def leaving(self) -> None:
        """Answer no advice from now on: the client disconnects."""
        self._is_leaving = True
        self._state = TransportState.DISCONNECTING

    def _finalize_message(self, message: dict[str, Any]) -> None:
        if "clientId" in message:
            message["clientId"] = self.client_id
        if "connectionType" in message:
            message["connectionType"] = self.connection_type.value
        message["id"] = message.get("id") or self._talk.new_id()

    async def _process_outgoing_payload(self, payload: list[dict[str, Any]], _: object) -> None:
        self._talk.complete(payload)

    async def _process_incoming_payload(self, payload: list[dict[str, Any]], headers: object = None) -> None:
        del headers
        for message in payload:
            self._talk.came(message)

    async def _consume_message(self, _: object) -> None:
        """Drop a message: the tap has told it already."""

    def _update_subscriptions(self, reply: dict[str, Any]) -> None:
        wanted = reply.get("subscription")
        names = {name for name in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(name, str)}
        if reply["channel"] == channels.SUBSCRIBE:
            if reply.get("successful"):
                self._subscriptions |= names
            else:
                self._subscriptions -= names
        elif reply["channel"] == channels.UNSUBSCRIBE and reply.get("successful"):
            self._subscriptions -= names

    @property
    def request_timeout(self) -> float | None:
        """Seconds that a poll is waited for."""
        return waited_for(self.reconnect_advice.get("timeout", 0.0), self.REQUEST_TIMEOUT_INCREASE_FACTOR)

    def _follow_advice(self, reconnect_advice: object, reconnect_timeout: float | None) -> None:
        super()._follow_advice(reconnect_advice, max(reconnect_timeout or 0.0, self._talk.pace.pause()))

    def _connect_done(self, future: asyncio.Future[dict[str, Any]]) -> None:
        # The library's handler lets CancelledError through, which is no Exception since Python 3.8, and goes on to poll
        # when the last poll is answered to a client that disconnects.
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or self._is_leaving:
            return
        self._talk.connected(error, None if error else future.result(), self._loop.time())
        super()._connect_done(future)
        if self.state is TransportState.SERVER_DISCONNECTED:
            self._talk.is_over()


class Polling(_Recorded, LongPollingTransport):  # type: ignore[misc]  # the library ships no types
    """Long polling."""

    KIND = "long-polling"


class Sockets(_Recorded, WebSocketTransport):  # type: ignore[misc]  # the library ships no types
    """A WebSocket; a message is written once only."""

    KIND = "websocket"

    async def _send_final_payload(self, payload: list[dict[str, Any]], *, headers: object) -> dict[str, Any]:
        try:
            socket = await self._get_socket(headers)
            reply: dict[str, Any] = await self._send_socket_payload(socket, payload)
        except TimeoutError:
            await self._reset_socket()
            raise
        except aiohttp.ClientError as exc:
            raise TransportError(str(exc)) from exc
        return reply

    async def _get_socket(self, headers: object) -> _BayeuxSocket:
        async with self._opening:  # the library opens one for each message that comes while none is open
            found: _BayeuxSocket = await super()._get_socket(headers)
        return found

    def _set_exchange_results(self, payload: list[dict[str, Any]]) -> None:
        # The library looks at ids alone, but events may have ids too: Faye's do.
        super()._set_exchange_results([message for message in payload if not is_event(message)])

    def _receive_done(self, future: asyncio.Future[None]) -> None:
        if future.cancelled():  # as in `_connect_done`
            self._receive_task = None
        else:
            super()._receive_done(future)


class Talk:
    """One recorded Bayeux connection, played.

    Attributes:
        connection: The recorded connection.
        wire: The HTTP of its client.
        path: Path and query that its messages go to.
        socket_path: Path and query of its WebSocket.
        is_new: Whether the next /meta/connect is the first after a handshake.
        pace: Slows down a loop of polls and handshakes.
    """

    def __init__(
        self,
        connection: Connection,
        wire: Wire,
        *,
        answered: Callable[[Outgoing, Answer], None],
        lost: Callable[[str, str], None],
        gone: Callable[[str, str], None],
        allows: Callable[[Outgoing], bool],
        patience: float,
    ) -> None:
        """Prepare; the first handshake connects.

        Args:
            connection: The recorded connection.
            wire: The HTTP of its client.
            answered: Is called with a step and what came back for it.
            lost: Is called with the key of the connection and a sentence, when it is lost and will be recovered.
            gone: Is called with the key of the connection and a sentence, when it will not be recovered.
            allows: Returns whether a step may be sent.
            patience: Seconds in which a step that could not leave is tried again.

        """
        self.connection, self.wire, self.is_new = connection, wire, True
        self.path = self.socket_path = path_of(connection.target)
        self._answered, self._lost, self._gone, self._allows = answered, lost, gone, allows
        self._patience = patience
        self._number, self._batch, self.pace = 0, -1, Pace()
        self._waiting: dict[str, Left] = {}  # steps without a reply, by the id of their message
        self._headers: Headers = ()
        self._first: dict[str, Any] = {}  # the handshake as it was sent
        self._subscribed: dict[str, dict[str, Any]] = {}  # subscriptions as they were sent, by channel
        self._transport: _Recorded | None = None
        self._has_left = False
        self._up = asyncio.Event()  # unset while the connection is lost
        self._up.set()
        self._polls = asyncio.Event()  # set once a poll was sent that the server holds

    # -- what the front asks for

    async def send(self, left: Left) -> None:
        """Send a step, and tell what came back for it."""
        out, loop = left.out, asyncio.get_running_loop()
        if self._transport is None and out.step.act is not Act.HANDSHAKE:
            self._answered(out, Answer(None, failure="its client did not shake hands"))
            return
        self._headers = out.headers
        until = loop.time() + self._patience
        while True:
            message = {**(out.message or {}), "id": self.new_id()}
            self._waiting[message["id"]] = left
            try:
                reply = await self._send(out, message)
                self._answer(message["id"], message["channel"], reply)
            except (TransportError, TimeoutError, aiohttp.ClientError) as exc:
                if self._waiting.pop(message["id"], None) is None:
                    return  # answered, and the connection broke after it
                if left.has_left or loop.time() > until:
                    self._answered(out, _failed(exc))
                    return
                await asyncio.sleep(PAUSE)
            else:
                return

    async def abandon(self) -> None:
        """Poll no more, without a word, as a page does that is loaded again."""
        self._has_left = True
        if self._transport is not None:
            await self._transport.drop()

    async def end(self) -> None:
        """Disconnect, if the client is connected, and close the connection."""
        if (transport := self._transport) is None:
            return
        try:
            if transport.client_id and not self._has_left and self._up.is_set():
                self._has_left = True
                transport.leaving()
                async with asyncio.timeout(_FAREWELL):
                    await transport.say({"channel": channels.DISCONNECT, "id": self.new_id()})
        except (TransportError, TimeoutError, aiohttp.ClientError):
            self._up.clear()  # the server is gone; its session ends by itself
        finally:
            await transport.end()

    async def is_there(self) -> None:
        """Wait until the server sees by a poll that the client is there, or the patience is over."""
        if self._transport is not None and self._transport.client_id and not self._has_left:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._polls.wait(), self._patience)

    async def is_up(self) -> None:
        """Wait until the connection, if it is lost, is there again.

        Raises:
            TimeoutError: If it does not come back within the patience.

        """
        await asyncio.wait_for(self._up.wait(), self._patience)

    async def _send(self, out: Outgoing, message: dict[str, Any]) -> dict[str, Any]:
        act = out.step.act
        if act is Act.HANDSHAKE:
            return await self._open(out, message)
        await self.is_up()
        if self._transport is None:
            raise TransportError("its client did not shake hands")
        if act is Act.SUBSCRIBE:
            wanted = message.get("subscription")
            for name in wanted if isinstance(wanted, list) else [wanted]:
                self._subscribed[str(name)] = {key: message[key] for key in message if key != "id"}
        if act is Act.DISCONNECT:
            self._has_left = True
            self._transport.leaving()
        reply = await self._transport.say(message)
        if act is Act.DISCONNECT:
            await self._transport.end()
        return reply

    async def _open(self, out: Outgoing, message: dict[str, Any]) -> dict[str, Any]:
        if self._transport is not None:
            await self._transport.end()
        self._first, self.is_new, self._batch, self._has_left = dict(message), True, -1, False
        self._polls.clear()
        upgrades = any(name.lower() == "upgrade" for name, _ in out.step.request.headers)
        wanted = Sockets if self.connection.is_socket else Polling
        kind = wanted if upgrades else Polling
        self.path = path_of(out.target)
        if upgrades:
            self.socket_path = out.target
        transport = self._transport = self._made(kind)
        try:
            reply = await transport.say(self.handshake([], message["id"]))
        except TransportError as exc:
            if not isinstance(exc.__cause__, aiohttp.WSServerHandshakeError):
                raise
            self._lost(self.connection.key, f"the server refused a WebSocket ({exc.__cause__.status}); it is polled")
            kind = wanted = Polling
            transport = self._transport = self._made(kind)
            reply = await transport.say(self.handshake([kind.KIND], message["id"]))
        if not reply.get("successful"):
            return reply
        offered = reply.get("supportedConnectionTypes")
        if isinstance(offered, list) and wanted.KIND not in offered:
            wanted = kind
        if wanted is not kind:
            advice, name = transport.reconnect_advice, transport.client_id
            await transport.close()
            transport = self._transport = self._made(wanted, client_id=name, reconnect_advice=advice)
        transport.begin()
        return reply

    def _made(self, kind: type[_Recorded], **more: object) -> _Recorded:
        made = kind(url=self.path, incoming_queue=asyncio.Queue(), http_session=_Session(self), **more)
        made.of(self)
        return made

    # -- what the transports ask for

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers of its requests: those of its last step."""
        return self.wire.headers(self._headers)

    def new_id(self) -> str:
        """Return the id of the next message; ids are never used again, also after another handshake."""
        self._number += 1
        return str(self._number)

    def handshake(self, kinds: list[str], number: str | None = None) -> dict[str, Any]:
        """Return the recorded handshake, that offers these transports too."""
        offered = self._first.get("supportedConnectionTypes")
        names = [*(offered if isinstance(offered, list) else ["websocket", "long-polling"]), *kinds]
        return self._first | {"supportedConnectionTypes": list(dict.fromkeys(names)), "id": number or self.new_id()}

    def complete(self, payload: list[dict[str, Any]]) -> None:
        """Put into messages of aiocometd what the recorded client sent with them."""
        for message in payload:
            if message["channel"] == channels.CONNECT:
                if self.is_new:  # the first poll is answered at once, so that nothing waits for it
                    message["advice"] = {"timeout": 0}
                if self.connection.acknowledges:
                    message["ext"] = {"ack": self._batch}
                self.is_new = False
            elif message["channel"] == channels.SUBSCRIBE and message["id"] not in self._waiting:
                again = self._subscribed.get(str(message.get("subscription")), {})
                message |= {key: again[key] for key in again if key not in message}

    def check(self, payload: list[dict[str, Any]]) -> None:
        """Check messages once more before they leave.

        Raises:
            NotSent: If one of them is not allowed, or was sent before.

        """
        for message in payload:
            left = self._waiting.get(message["id"])
            if left is not None and left.has_left:
                raise NotSent(f"a message on {message['channel']} was sent already")
            if message["channel"].startswith(channels.META):
                continue
            if left is None or not self._allows(left.out):
                raise NotSent(f"a message on {message['channel']} is not allowed, and was not sent")

    def leave_now(self, payload: list[dict[str, Any]]) -> None:
        """Mark the steps of messages that leave now."""
        for message in payload:
            if (left := self._waiting.get(message["id"])) is not None:
                left()
            elif message["channel"] == channels.CONNECT and "advice" not in message:
                self._polls.set()

    def replied(self, reply: dict[str, Any]) -> None:
        """Take a reply from the wire: it answers the step whose message has its id, or the oldest on its channel."""
        number = reply.get("id")
        if number is None:
            number = next((key for key, left in self._waiting.items() if is_for(left, reply)), None)
        self._answer(str(number), str(reply["channel"]), reply)

    def _answer(self, number: str, channel: str, reply: dict[str, Any]) -> None:
        left = self._waiting.get(number)
        if left is not None and channel_of(left) == channel:
            del self._waiting[number]
            self._answered(left.out, answer_of(reply))

    def came(self, message: dict[str, Any]) -> None:
        """Take a message before aiocometd does."""
        tamed(message)
        if message["channel"] == channels.CONNECT and (batch := batch_of(message)) is not None:
            self._batch = batch

    def connected(self, error: BaseException | None, reply: dict[str, Any] | None, now: float) -> None:
        """Take the end of a poll, or of a handshake that aiocometd did by itself."""
        self.pace.ended(now, self.wire.tap.heard.get(self.connection.key, 0))
        if self._has_left:
            return
        if error is not None:
            self.is_new = True  # the next poll, too, is to be answered at once
            self._down(f"no answer to /meta/connect: {reason_of(error)}; it is asked again")
        elif reply is not None and reply.get("successful"):
            if reply["channel"] == channels.CONNECT:
                self._up.set()
        elif reply is not None and is_lost(reply):
            text = reply.get("error") or "it does not know the session"
            self._down(f"the server ended the session ({text}); the client shakes hands again")

    def _down(self, text: str) -> None:
        if self._up.is_set():
            self._up.clear()
            self._lost(self.connection.key, text)

    def is_over(self) -> None:
        """Take it that the server wants no more of this client."""
        if not self._has_left:
            self._has_left = True
            self._up.set()  # whoever waits for it fails now
            self._gone(self.connection.key, "the server ended the session, and wants no other handshake")


def _failed(error: BaseException) -> Answer:
    cause = error.__cause__ if isinstance(error, TransportError) else error
    return cause.answer if isinstance(cause, Unreadable) else Answer(None, failure=reason_of(error))
