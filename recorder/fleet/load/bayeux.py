"""Carry one Bayeux session of a client by long polling or on a WebSocket; the session is `bayeux.client`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from ...bayeux import channels
from ...bayeux.client import LONG_POLLING, WEBSOCKET, Back, BayeuxClient, Change, Lost, Over, State
from ...bayeux.messages import Message, encode, parse
from ...drive.engine.plan import Act, Answer, Connection, Outgoing
from ...drive.front.messages import answer_of, channel_of, is_for, path_of
from ...drive.front.requests import PAUSE
from ...drive.front.tap import Left, Sending
from ...model import Headers
from .sockets import Refused, Socket, opened
from .wire import Unsent, Wire, reason_of

_FAREWELL = 1.0  # seconds for the answer to a /meta/disconnect that was not recorded
_GRACE = 0.5  # seconds for the last poll to be answered, once the client has disconnected
_LINES = 2  # connections for one session, as browsers and CometD's clients have: one for the poll, one for the rest
_JSON = (("Content-Type", "application/json;charset=UTF-8"),)
_CLOSED = "the WebSocket was closed"
_NOBODY = "its client did not shake hands"


class Unreadable(ConnectionError):
    """An answer without Bayeux, where messages were sent."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"the server answered with status {status}, and no Bayeux message")
        self.answer = Answer(status, headers, body)


class Talk:
    """One recorded Bayeux connection, played.

    Attributes:
        connection: The recorded connection.
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
        spawn: Callable[..., gevent.Greenlet],
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
            spawn: Runs a function in a greenlet of its own, and tells the player what goes wrong in it.
            patience: Seconds in which a step that could not leave is tried again.

        """
        self.connection, self._wire = connection, wire
        self._answered, self._lost, self._gone, self._allows = answered, lost, gone, allows
        self._patience, self._spawn = patience, spawn
        self._client = BayeuxClient(acknowledges=connection.acknowledges, epoch=time.time() - time.monotonic())
        self._path = self._socket_path = path_of(connection.target)
        self._headers: Headers = ()
        self._waiting: dict[str, Left] = {}  # steps without a reply, by the id of their message
        self._lines = BoundedSemaphore(_LINES)
        self._opening = BoundedSemaphore(1)
        self._socket: Socket | None = None
        self._is_socket = self._is_refused = False
        self._looping: gevent.Greenlet | None = None
        self._turn = Event()  # set when something came that the loop may wait for
        self._up = Event()  # unset while the connection is lost
        self._up.set()
        self._polls = Event()  # set once a poll was sent that the server holds
        self._parted = Event()  # set once the server has confirmed that the client leaves
        self._has_left = False

    # -- what the player asks for

    def send(self, left: Left) -> None:
        """Send a step, and tell what came back for it; on a WebSocket that may be later."""
        out = left.out
        if self._client.state is State.NEW and out.step.act is not Act.HANDSHAKE and self._client.client_id is None:
            self._answered(out, Answer(None, failure=_NOBODY))
            return
        self._headers = out.headers
        until = time.monotonic() + self._patience
        while True:
            try:
                self._send(left)
            except OSError as exc:
                self._forget(left)
                if left.has_left or time.monotonic() > until:
                    failed = exc.answer if isinstance(exc, Unreadable) else Answer(None, failure=reason_of(exc))
                    self._answered(out, failed)
                    return
                gevent.sleep(PAUSE)
            else:
                return

    def replied(self, reply: Message) -> None:
        """Take a reply from the wire: it answers the step whose message has its id, or the oldest on its channel."""
        number = reply.get("id")
        if number is None:
            number = next((key for key, left in self._waiting.items() if is_for(left, reply)), None)
        left = self._waiting.get(str(number))
        if left is not None and channel_of(left) == reply["channel"]:
            del self._waiting[str(number)]
            self._answered(left.out, answer_of(reply))

    def abandon(self) -> None:
        """Poll no more, without a word, as a page does that is loaded again."""
        self._has_left = True
        self._client.leave()
        self._drop()

    def end(self) -> None:
        """Disconnect, if the client is connected, and close the connection."""
        client = self._client
        try:
            if client.client_id and client.state is State.CONNECTED and not self._has_left:
                self._has_left = True
                with gevent.Timeout(_FAREWELL, TimeoutError):
                    self._carry([client.say({"channel": channels.DISCONNECT}, time.monotonic())])
                    self._parted.wait()
                self._rest()
        except OSError:
            self._up.clear()  # the server is gone; its session ends by itself
        finally:
            self._has_left = True
            self._drop()

    def is_there(self) -> None:
        """Wait until the server sees by a poll that the client is there, or the patience is over."""
        if self._client.client_id and not self._has_left:
            self._polls.wait(self._patience)

    def is_up(self) -> bool:
        """Wait until the connection, if it is lost, is there again; return whether it is within the patience."""
        return bool(self._up.wait(self._patience))

    # -- steps

    def _send(self, left: Left) -> None:
        out, act = left.out, left.out.step.act
        message = dict(out.message or {})
        if act is Act.HANDSHAKE:
            self._open(left, message)
            return
        if not self.is_up():
            raise TimeoutError
        said = self._client.say(message, time.monotonic())
        self._waiting[said["id"]] = left
        if act is Act.DISCONNECT:
            self._has_left = True
        self._carry([said])
        if act is Act.DISCONNECT:
            self._parted.wait(self._client.limit)
            self._rest()
            self._drop()

    def _open(self, left: Left, message: Message) -> None:
        """Shake hands, and begin to poll."""
        if self._client.state is not State.NEW:
            self._client.leave()
            self._rest()
            self._drop()
        out = left.out
        self._has_left = False
        self._polls.clear()
        self._parted.clear()
        upgrades = any(name.lower() == "upgrade" for name, _ in out.step.request.headers)
        self._is_socket, self._is_refused = upgrades and self.connection.is_socket, False
        self._path = path_of(out.target)
        if upgrades:
            self._socket_path = out.target
        also: tuple[str, ...] = ()
        try:
            self._shake(left, message, also)
        except Refused as exc:
            self._lost(self.connection.key, f"the server refused a WebSocket ({exc.status}); it is polled")
            self._is_socket, self._is_refused, also = False, True, (LONG_POLLING,)
            self._shake(left, message, also)

    def _shake(self, left: Left, message: Message, also: tuple[str, ...]) -> None:
        shaken = self._client.open(message, WEBSOCKET if self._is_socket else LONG_POLLING, also=also)
        self._waiting[shaken["id"]] = left
        try:
            self._carry([shaken])
        except OSError:
            self._waiting.pop(shaken["id"], None)
            raise

    def _forget(self, left: Left) -> None:
        for key in [key for key, one in self._waiting.items() if one is left]:
            del self._waiting[key]

    # -- messages on their way

    def _carry(self, payload: list[Message]) -> None:
        """Send messages; by long polling their answer is taken, too, on a WebSocket it comes later.

        Raises:
            OSError: If they cannot be sent, or no answer came.

        """
        if self._is_socket:
            socket = self._opened()
            self._check(payload)
            if socket.closed:
                raise Unsent(_CLOSED)
            self._leave_now(payload)
            socket.send(encode(payload))
            return
        with self._lines:
            self._check(payload)
            left = partial(self._leave_now, payload)
            sending = Sending(self._wire.client, "POST", self._path, encode(payload), self.connection.key, left=left)
            head = self._wire.head(self._headers, _JSON)
            found = self._wire.fetch(sending, head, within=self._client.limit, messages=payload)
        messages = self._wire.tap.messages(found.record) if found.record else parse(found.body, found.headers)
        if not messages:
            raise Unreadable(found.status, found.headers, found.body)
        self._take(messages)

    def _take(self, messages: list[Message]) -> None:
        """Give the session what came for it."""
        is_new = self._client.state is State.SHAKING
        self._follow(self._client.receive(messages, time.monotonic(), self._heard))
        if is_new and self._client.state is State.CONNECTED:
            self._choose(messages)
            self._looping = self._spawn(self._loop)
        if any(message["channel"] == channels.DISCONNECT for message in messages):
            self._parted.set()
        self._turn.set()

    def _choose(self, messages: list[Message]) -> None:
        """Change to a WebSocket after a handshake by polling, as the recorded client did, if the server offers one."""
        if self._is_socket or not self.connection.is_socket or self._is_refused:
            return
        offers = [message.get("supportedConnectionTypes") for message in messages]
        if all(WEBSOCKET in offer for offer in offers if isinstance(offer, list)):
            self._is_socket, self._client.transport = True, WEBSOCKET

    def _follow(self, changes: list[Change]) -> None:
        for change in changes:
            match change:
                case Lost(text) if not self._has_left:
                    self._up.clear()
                    self._lost(self.connection.key, text)
                case Back():
                    self._up.set()
                case Over(text) if not self._has_left:
                    self._has_left = True
                    self._up.set()  # whoever waits for it fails now
                    self._gone(self.connection.key, text)
                case _:
                    pass

    @property
    def _heard(self) -> int:
        return self._wire.tap.heard.get(self.connection.key, 0)

    def _check(self, payload: list[Message]) -> None:
        """Check messages once more before they leave.

        Raises:
            Unsent: If one of them is not allowed, or was sent before.

        """
        for message in payload:
            left = self._waiting.get(message["id"])
            if left is not None and left.has_left:
                raise Unsent(f"a message on {message['channel']} was sent already")
            if message["channel"].startswith(channels.META):
                continue
            if left is None or not self._allows(left.out):
                raise Unsent(f"a message on {message['channel']} is not allowed, and was not sent")

    def _leave_now(self, payload: list[Message]) -> None:
        """Mark the steps of messages that leave now."""
        for message in payload:
            if (left := self._waiting.get(message["id"])) is not None:
                left()
            elif message["channel"] == channels.CONNECT and "advice" not in message:
                self._polls.set()

    # -- polls

    def _loop(self) -> None:
        """Send what is due of the session by itself, until it ends."""
        client = self._client
        while (at := client.deadline()) is not None:
            now = time.monotonic()
            if at > now:
                gevent.sleep(at - now)
            payload = client.due(time.monotonic())
            if not payload:
                continue
            reason = ""
            try:
                self._turn.clear()
                self._carry(payload)
                if self._is_socket and not self._is_answered():
                    reason = "the client waited no longer for the answer"
                    self._drop_socket()
            except OSError as exc:
                reason = reason_of(exc)
            if client.is_asking:
                reason = reason or "the answer has no reply to it"
                self._follow(client.failed(reason, time.monotonic(), self._heard))
        self._looping = None

    def _is_answered(self) -> bool:
        """Wait for the reply on a WebSocket; return whether it came, or the WebSocket was closed, before the limit."""
        while self._client.is_asking:
            if not self._turn.wait(self._client.limit):
                return False
            self._turn.clear()
        return True

    def _rest(self) -> None:
        """Wait for a while until the last poll is answered."""
        if self._looping is not None:
            self._looping.join(_GRACE)

    def _drop(self) -> None:
        """Close all connections now, also that of a held poll."""
        looping, self._looping = self._looping, None
        if looping is not None:
            looping.kill()
        self._drop_socket()

    # -- a WebSocket

    def _opened(self) -> Socket:
        """Return the WebSocket; it is opened if it is not."""
        with self._opening:  # several messages may want it at once
            if self._socket is None or self._socket.closed:
                sending = Sending(self._wire.client, "GET", self._socket_path, b"", self.connection.key)
                self._socket = opened(self._wire, sending, self._headers, self.connection.subprotocols)
                self._spawn(self._hear, self._socket)
            return self._socket

    def _hear(self, socket: Socket) -> None:
        """Take what comes on a WebSocket, to its end."""
        while (record := socket.receive()) is not None:
            messages = self._wire.tap.messages(record)
            if messages:
                self._take(messages)
        if self._socket is socket:  # nobody here has closed it
            self._socket = None
            self._follow(self._client.broke(_CLOSED, time.monotonic(), self._heard))
        for key, left in list(self._waiting.items()):
            if left.has_left:
                del self._waiting[key]
                self._answered(left.out, Answer(None, failure=_CLOSED))
        self._turn.set()

    def _drop_socket(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()
