"""The client's side of a Bayeux session, sans-IO: handshake, polls, advice, acknowledgements, and the way back.

    ┌─────┐ open   ┌─────────┐ yes    ┌───────────┐ no answer to a poll, or an unknown session   ┌──────┐
    │ NEW ├───────►│ SHAKING ├───────►│ CONNECTED ├─────────────────────────────────────────────►│ LOST │
    └─────┘        └────┬────┘        └─┬───────┬─┘◄─────────────────────────────────────────────┴──┬───┘
       ▲       no       │               │       │                  a poll was answered               │
       └────────────────┘               │       └───────────── advice: none ──────────┐ ┌────────────┘
                                        │ leave                                       ▼ ▼
                                        │        ┌─────────┐                       ┌──────┐
                                        └───────►│ LEAVING │                       │ OVER │
                                                 └─────────┘                       └──────┘

A client asks for what is due, sends it, and gives what came; how messages travel, by polls or on a WebSocket, is the
caller's business. The rules are those of Bayeux 1.0 (sections 4 and 5) as CometD's clients follow them.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Any, Final

from ..frozen import dataclass
from ..model import JSON
from . import channels
from .advice import Pace, advice_of, waited_for
from .extensions import batch_of
from .messages import Message
from .replies import is_lost

LONG_POLLING, WEBSOCKET = "long-polling", "websocket"

_AGAIN: Final = 1.0  # seconds after a poll without an answer, before the next one
_UNTOLD: Final = 120.0  # seconds that a poll is waited for if the server advises no timeout
_MARGIN: Final = 1.2  # how much longer a poll is waited for than the server says it holds it
_SAMPLES: Final = 10  # measurements of which a clock's lag and offset are the mean (CometD's TimeSyncExtension)
_CONNECT, _HANDSHAKE = channels.CONNECT, channels.HANDSHAKE


class State(Enum):
    """The states of a session, seen by its client."""

    NEW = "new"
    SHAKING = "shaking hands"
    CONNECTED = "connected"
    LOST = "lost"
    LEAVING = "leaving"
    OVER = "over"


_KEPT = frozenset({State.CONNECTED, State.LOST})  # those in which the client polls


@dataclass(frozen=True, slots=True)
class Lost:
    """The session was lost, and will be recovered; `text` says why, as a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Back:
    """A lost session is there again."""


@dataclass(frozen=True, slots=True)
class Over:
    """The server ended the session, and wants no other one; `text` says so, as a sentence."""

    text: str


Change = Lost | Back | Over


class BayeuxClient:
    """One Bayeux session of a client, through all its handshakes.

    All times are seconds on one clock of the caller's.

    Args:
        acknowledges: Whether polls confirm what came, by the acknowledgement extension.
        epoch: The time at which the caller's clock shows 0, in UTC seconds, for the timesync extension.

    Attributes:
        state: Where the session stands.
        client_id: The clientId that the server gave last; None before it gave one.
        transport: Name of the transport that polls tell.
    """

    def __init__(self, *, acknowledges: bool = False, epoch: float = 0.0) -> None:
        self.state = State.NEW
        self.client_id: str | None = None
        self.transport = LONG_POLLING
        self._acknowledges, self._epoch = acknowledges, epoch
        self._number, self._batch, self._pace = 0, -1, Pace()
        self._advice: dict[str, Any] = {}
        self._first: Message = {}  # the handshake as it was sent
        self._as_sent: dict[str, Message] = {}  # subscriptions, by channel
        self._subscribed: dict[str, None] = {}  # those that are confirmed, in order
        self._is_new = True  # the next poll is the first after a handshake
        self._subscribes = False  # the next poll brings all subscriptions, to a new session
        self._asked: tuple[str, str] | None = None  # id and channel of the poll or handshake that waits for its reply
        self._next: tuple[float, str] | None = None  # when the next one leaves, and its channel
        self._sync: _Sync | None = None

    # -- what the caller sends

    def open(self, handshake: Message, transport: str = LONG_POLLING, *, also: tuple[str, ...] = ()) -> Message:
        """Begin a session; return the handshake as it is to be sent. The session before, if any, is forgotten.

        Args:
            handshake: The handshake, without `id`.
            transport: What carries messages from now on.
            also: Transports to offer beside those of the handshake.

        """
        self.state, self.client_id, self.transport = State.SHAKING, None, transport
        self._first, self._is_new, self._batch, self._subscribes = dict(handshake), True, -1, False
        self._asked = self._next = None
        extensions = handshake.get("ext")
        is_synced = isinstance(extensions, dict) and isinstance(extensions.get("timesync"), dict)
        self._sync = _Sync(self._epoch) if is_synced else None
        return self._handshake(also)

    def say(self, message: Message, now: float) -> Message:
        """Return a message of the caller's as it is to be sent, with its `id` and the `clientId`."""
        said = message | {"clientId": self.client_id, "id": self.new_id()}
        if message["channel"] == channels.SUBSCRIBE:
            for name in _names(message):
                self._as_sent[name] = dict(message)
        elif message["channel"] == channels.DISCONNECT:
            self.leave()
        if self._sync is not None and isinstance(said.get("ext"), dict) and "timesync" in said["ext"]:
            self._stamp(said, now)
        return said

    def leave(self) -> None:
        """Poll no more, and follow no advice: the client disconnects."""
        self.state, self._next = State.LEAVING, None

    def new_id(self) -> str:
        """Return the id of the next message; ids are never used again, also after another handshake."""
        self._number += 1
        return str(self._number)

    # -- what it sends by itself

    def due(self, now: float) -> list[Message]:
        """Return what leaves now, to be sent together: a poll, or another handshake. Empty if nothing does.

        Nothing more is due until its reply came, or `failed` said that none will.
        """
        if self._next is None or self._next[0] > now or self.state not in _KEPT:
            return []
        channel, self._next = self._next[1], None
        payload = [self._handshake((self.transport,))] if channel == _HANDSHAKE else [self._poll(), *self._again()]
        if self._sync is not None:
            self._stamp(payload[0], now)
        self._asked = payload[0]["id"], channel
        return payload

    def deadline(self) -> float | None:
        """Return when `due` has to be asked again; None as long as nothing is to leave."""
        return self._next[0] if self._next is not None and self.state in _KEPT else None

    @property
    def is_asking(self) -> bool:
        """True if a poll, or a handshake that the session sent by itself, waits for its reply."""
        return self._asked is not None

    @property
    def limit(self) -> float:
        """Seconds that an answer is waited for: as long as the server holds a poll, and a while longer."""
        return waited_for(self._advice.get("timeout", 0.0), _MARGIN) or _UNTOLD

    # -- what comes

    def receive(self, messages: list[Message], now: float, heard: int = 0) -> list[Change]:
        """Take messages from the server, which are not changed; return what they change.

        Args:
            messages: The messages, in order; events are the caller's business.
            now: The time.
            heard: How many events have come so far. Polls that are answered at once and bring none are a loop.

        """
        changes: list[Change] = []
        for message in messages:
            if "advice" in message:
                self._advice = advice_of(message) or {}
            channel = message["channel"]
            if not channel.startswith(channels.META):
                continue
            if self._sync is not None and "ext" in message:
                self._sync.learn(message["ext"], now)
            if channel == _CONNECT:
                self._confirm(message)
                self._ended(message, now, heard, changes)
            elif channel == _HANDSHAKE:
                self._shaken(message, now, heard, changes)
            elif channel in (channels.SUBSCRIBE, channels.UNSUBSCRIBE):
                self._subscription(message)
        return changes

    def failed(self, reason: str, now: float, heard: int = 0) -> list[Change]:
        """Take it that no reply comes to what was due; return what that changes.

        Args:
            reason: Why, in words.
            now: The time.
            heard: See `receive`.

        """
        if self._asked is None:
            return []
        self._asked = None
        if self.state not in _KEPT:
            return []
        self._is_new = True  # the next poll is answered at once, so that somebody knows whether the server is there
        self._pace.ended(now, heard)
        again = _HANDSHAKE if self.client_id is None else _CONNECT
        self._next = now + max(_AGAIN, self._pace.pause()), again
        return self._lose(f"no answer to /meta/connect: {reason}; it is asked again")

    def broke(self, reason: str, now: float, heard: int = 0) -> list[Change]:
        """Take it that the WebSocket was closed; return what that changes.

        Args:
            reason: Why, in words.
            now: The time.
            heard: See `receive`.

        """
        if self._asked is not None:
            return self.failed(reason, now, heard)
        self._is_new = True
        return self._lose(f"{reason}; it is opened again")

    # -- by itself

    def _handshake(self, also: tuple[str, ...]) -> Message:
        offered = self._first.get("supportedConnectionTypes")
        names = [*(offered if isinstance(offered, list) else [WEBSOCKET, LONG_POLLING]), *also]
        message = self._first | {"supportedConnectionTypes": list(dict.fromkeys(names)), "id": self.new_id()}
        self._asked = message["id"], _HANDSHAKE
        return message

    def _poll(self) -> Message:
        message: Message = {
            "id": self.new_id(),
            "channel": _CONNECT,
            "clientId": self.client_id,
            "connectionType": self.transport,
        }
        if self._is_new:  # it is answered at once, so that nothing waits for it
            message["advice"] = {"timeout": 0}
        if self._acknowledges:
            message["ext"] = {"ack": self._batch}
        self._is_new = False
        return message

    def _again(self) -> list[Message]:
        """Return the subscriptions of the session before, as they were sent, if the session is a new one."""
        if not self._subscribes:
            return []
        plain = {"channel": channels.SUBSCRIBE}
        return [
            self._as_sent.get(name, plain) | {"subscription": name, "clientId": self.client_id, "id": self.new_id()}
            for name in self._subscribed
        ]

    def _stamp(self, message: Message, now: float) -> None:
        if self._sync is not None:
            message["ext"] = {**(message.get("ext") or {}), "timesync": self._sync.stamp(now)}

    def _confirm(self, reply: Message) -> None:
        batch = batch_of(reply)
        if batch is not None:
            self._batch = batch

    def _is_reply(self, message: Message) -> bool:
        """Return whether a message replies to what the client asked by itself; some servers repeat no id."""
        if self._asked is None or self._asked[1] != message["channel"]:
            return False
        number = message.get("id")
        return number is None or str(number) == self._asked[0]

    def _shaken(self, reply: Message, now: float, heard: int, changes: list[Change]) -> None:
        if not self._is_reply(reply):
            return
        self._asked = None
        if reply.get("successful") is True:
            self.client_id = reply.get("clientId")
            self._is_new = True
            if self.state is State.SHAKING:
                self.state, self._next = State.CONNECTED, (now, _CONNECT)
                return
            self._subscribes = True
        elif self.state is State.SHAKING:
            self.state = State.NEW
            return
        self._follow(reply, now, heard, changes, failing=_HANDSHAKE)

    def _ended(self, reply: Message, now: float, heard: int, changes: list[Change]) -> None:
        """Take the reply to a poll."""
        if not self._is_reply(reply):
            return
        self._asked = None
        self._subscribes = self._subscribes and reply.get("successful") is not True
        if self.state is State.LOST and reply.get("successful") is True:
            self.state = State.CONNECTED
            changes.append(Back())
        elif reply.get("successful") is not True and self.state in _KEPT and is_lost(reply):
            text = reply.get("error") or "it does not know the session"
            changes += self._lose(f"the server ended the session ({text}); the client shakes hands again")
        self._follow(reply, now, heard, changes, failing=_CONNECT)

    def _follow(self, reply: Message, now: float, heard: int, changes: list[Change], *, failing: str) -> None:
        """Do as the server advises: the next poll or handshake leaves after its interval, or nothing leaves at all."""
        self._pace.ended(now, heard)
        if self.state not in _KEPT:
            return
        channel = _CONNECT
        if reply.get("successful") is not True:
            usual = "handshake" if is_lost(reply) else "retry"
            advised = (advice_of(reply) or {}).get("reconnect", usual)
            if advised not in ("retry", "handshake"):
                self.state = State.OVER
                changes.append(Over("the server ended the session, and wants no other handshake"))
                return
            channel = failing if advised == "retry" else _HANDSHAKE
        self._next = now + max(self._advice.get("interval", 0.0), self._pace.pause()), channel

    def _lose(self, text: str) -> list[Change]:
        if self.state is not State.CONNECTED:
            return []
        self.state = State.LOST
        return [Lost(text)]

    def _subscription(self, reply: Message) -> None:
        is_successful = reply.get("successful") is True
        if reply["channel"] == channels.SUBSCRIBE and is_successful:
            self._subscribed |= dict.fromkeys(_names(reply))
        elif is_successful or (reply["channel"] == channels.SUBSCRIBE and not is_lost(reply)):
            for name in _names(reply):
                self._subscribed.pop(name, None)


class _Sync:
    """The client's side of the timesync extension (CometD): how far the server's clock is from its own."""

    def __init__(self, epoch: float) -> None:
        self._epoch = epoch
        self._lags: deque[float] = deque([0.0], maxlen=_SAMPLES)
        self._offsets: deque[float] = deque([0.0], maxlen=_SAMPLES)

    def stamp(self, now: float) -> dict[str, int]:
        """Return what a message tells: the client's clock, the lag and the offset, in milliseconds."""
        lag, offset = (int(sum(one) / len(one)) for one in (self._lags, self._offsets))
        return {"tc": int((self._epoch + now) * 1000), "l": lag, "o": offset}

    def learn(self, extensions: JSON, now: float) -> None:
        """Take the extensions of a reply."""
        told = extensions.get("timesync") if isinstance(extensions, dict) else None
        times = [told.get(name) for name in ("tc", "ts", "p")] if isinstance(told, dict) else []
        asked, served, spent = (one if _is_time(one) else None for one in (times or (None, None, None)))
        if asked is None or served is None or spent is None:
            return
        lag = ((self._epoch + now) * 1000 - asked - spent) / 2
        for kept, value in ((self._lags, lag), (self._offsets, served - asked - lag)):
            if kept[0] == 0.0 and len(kept) == 1:
                kept.clear()
            kept.append(value)


def _is_time(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15  # ms


def _names(message: Message) -> list[str]:
    """Return the channels and patterns that a message is about."""
    wanted = message.get("subscription")
    return [name for name in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(name, str)]
