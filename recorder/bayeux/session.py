"""The server's side of Bayeux sessions, sans-IO: handshakes, held polls, subscriptions, queues of events.

Where servers differ this follows CometD's Java server, which is what GWS runs. It knows nothing of where events come
from, and keeps no clock: times are seconds on the caller's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from . import channels
from .messages import Message

LONG_POLLING, WEBSOCKET = "long-polling", "websocket"  # connection types (Bayeux 1.0, section 3.1.4)
_ADVICE_HANDSHAKE = {"reconnect": "handshake", "interval": 0}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back on an HTTP request: Bayeux messages, or a bare status where `messages` is None.

    Attributes:
        request: The number the request was received under.
        handshaken: The clientId that was given out in it, if one was.

    """

    request: int
    messages: list[Message] | None
    status: int = 200
    handshaken: str | None = None


@dataclass(slots=True)
class Queued:
    """An event on its way to one client; `taken` is told when it is put into an answer, or comes back (False)."""

    message: Message
    taken: Callable[[bool], None]
    place: int = 0  # among all that were pushed to the client


@dataclass(slots=True)
class _Poll:
    request: int
    reply: Message
    until: float
    transport: str


@dataclass(slots=True)
class _Session:
    client_id: str
    queue: list[Queued] = field(default_factory=list)
    pushed: int = 0
    poll: _Poll | None = None
    connected: bool = False  # its first connect was answered
    subscriptions: set[str] = field(default_factory=set)
    heir: _Session | None = None  # goes on with what was for this one


class BayeuxServer:
    """All Bayeux sessions of one server."""

    def __init__(self, new_client_id: Callable[[], str], timeout: float) -> None:
        """Start without sessions.

        Args:
            new_client_id: Gives a fresh clientId at each call.
            timeout: Seconds a poll is held (`advice.timeout`).

        """
        self._new_client_id = new_client_id
        self._timeout = timeout
        self._sessions: dict[str, _Session] = {}
        self._forgotten: dict[str, _Session] = {}  # the client does not know yet
        self._polls: dict[int, _Session] = {}  # held requests
        self._unsent: dict[int, tuple[_Session, list[Queued]]] = {}  # answered, not yet known to have left

    def receive(self, request: int, messages: list[Message], now: float, transport: str = LONG_POLLING) -> list[Answer]:
        """Take the messages of one request, or one message of a WebSocket; return the answers that are ready."""
        answers: list[Answer] = []
        replies: list[Message] = []
        handshaken: str | None = None
        sender: _Session | None = None  # the first client that is known: its events ride along
        for message in messages:
            if message["channel"] == channels.HANDSHAKE:
                session = self._handshake(message, replies, transport)
                handshaken = session.client_id if session else None
                sender = sender or session
                continue
            session = self._sessions.get(str(message.get("clientId", "")))
            sender = sender or session
            if session is None:
                replies.append(_unknown(message))
            elif message["channel"] == channels.CONNECT:
                answers += self._let_go(session, status=500)  # a second connect ends the first one with an error
                reply = self._connect_reply(session, message)
                wait = self._hold_for(session, message) if len(messages) == 1 else 0.0
                session.connected = True
                if wait > 0:
                    session.poll = _Poll(request, reply, now + wait, transport)
                    self._polls[request] = session
                    return answers
                replies.append(reply)
            elif message["channel"] == channels.DISCONNECT:
                answers += self._dismiss(session)
                del self._sessions[session.client_id]
                replies.append(_reply(message))
            else:
                replies.append(_ordinary(session, message))
        return [*answers, self._answer(request, sender, replies, handshaken)]

    def push(self, client_id: str, event: Queued) -> None:
        """Queue an event for a client; one that is gone loses it."""
        session = self._sessions.get(client_id) or self._forgotten.get(client_id)
        if session is not None:
            session.pushed += 1
            event.place = session.pushed
            session.queue.append(event)

    def flush(self, now: float) -> list[Answer]:
        """Answers to the held polls that have events to carry or whose time is over."""
        ready = [s for s in self._polls.values() if s.poll and (s.queue or now >= s.poll.until)]
        return [answer for session in ready for answer in self._let_go(session)]

    def deadline(self) -> float | None:
        """When the next held poll must be answered though there is nothing to tell."""
        return min((s.poll.until for s in self._polls.values() if s.poll), default=None)

    def sent(self, request: int) -> None:
        """An answer has left."""
        self._unsent.pop(request, None)

    def abort(self, request: int) -> None:
        """The client gave a request up: events that did not leave go back to the head of its queue."""
        session = self._polls.pop(request, None)
        if session is not None:
            session.poll = None
        session, events = self._unsent.pop(request, (None, []))
        while session is not None and session.heir is not None:
            session = session.heir
        if session is not None:
            session.queue = sorted(events + session.queue, key=attrgetter("place"))
            for event in events:
                event.taken(False)

    def forget(self, client_id: str) -> list[Answer]:
        """Lose a session, as a server that was restarted: its poll, and whatever comes next, is told to shake hands."""
        session = self._sessions.pop(client_id, None)
        if session is None:
            return []
        self._forgotten[client_id] = session
        poll, session.poll = session.poll, None
        if poll is None:
            return []
        del self._polls[poll.request]
        return [Answer(poll.request, [_unknown(poll.reply)])]

    def cut(self, client_id: str) -> int | None:
        """The request of a poll that is held on a WebSocket, which is given up; None where there is none."""
        session = self._sessions.get(client_id)
        if session is None or session.poll is None or session.poll.transport != WEBSOCKET:
            return None
        request = session.poll.request
        self.abort(request)
        return request

    def is_forgotten(self, client_id: str) -> bool:
        """Whether a session was lost, and its client has not shaken hands again."""
        return client_id in self._forgotten

    def succeed(self, old: str, new: str) -> None:
        """A client shook hands again: what was for its old session goes to the new one, in its order."""
        before = self._forgotten.pop(old, None) or self._sessions.pop(old, None)
        heir = self._sessions.get(new)
        if before is None or heir is None:
            return
        before.heir = heir
        heir.pushed += before.pushed
        for event in heir.queue:
            event.place += before.pushed
        heir.queue, before.queue = [*before.queue, *heir.queue], []

    def subscriptions(self, client_id: str) -> frozenset[str]:
        """What a client is subscribed to."""
        session = self._sessions.get(client_id)
        return frozenset(session.subscriptions) if session else frozenset()

    def is_connected(self, client_id: str) -> bool:
        """Whether a client has got past its first connect and has not disconnected."""
        session = self._sessions.get(client_id)
        return session is not None and session.connected

    def is_polling(self, client_id: str) -> bool:
        """Whether a poll of this client is held."""
        session = self._sessions.get(client_id)
        return session is not None and session.poll is not None

    def _handshake(self, message: Message, replies: list[Message], transport: str) -> _Session | None:
        offered = message.get("supportedConnectionTypes")
        if isinstance(offered, list) and transport not in offered:
            replies.append(_refuse(message, "400::unsupported connection types") | {"advice": {"reconnect": "none"}})
            return None
        session = _Session(self._new_client_id())
        self._sessions[session.client_id] = session
        replies.append(
            _reply(message)
            | {
                "clientId": session.client_id,
                "version": "1.0",
                "minimumVersion": "1.0",
                "supportedConnectionTypes": [WEBSOCKET, LONG_POLLING],
                "advice": self._advice(),
            }
        )
        return session

    def _connect_reply(self, session: _Session, message: Message) -> Message:
        # advice where it is asked for or new, as the Java server gives it
        wants_advice = "advice" in message or not session.connected
        return _reply(message) | ({"advice": self._advice()} if wants_advice else {})

    def _hold_for(self, session: _Session, message: Message) -> float:
        """Seconds to hold a connect; the first after a handshake is answered at once, for clients that wait for it."""
        if not session.connected or session.queue:
            return 0.0
        advice = message.get("advice")
        asked = advice.get("timeout") if isinstance(advice, dict) else None
        if isinstance(asked, int | float) and not isinstance(asked, bool):
            return min(max(asked, 0), self._timeout * 1000) / 1000  # in this order: an int may be too big for a float
        return self._timeout

    def _let_go(self, session: _Session, status: int = 200) -> list[Answer]:
        """End the held poll of a session, if there is one."""
        poll, session.poll = session.poll, None
        if poll is None:
            return []
        del self._polls[poll.request]
        if status != 200:
            return [Answer(poll.request, None, status)]
        return [self._answer(poll.request, session, [poll.reply])]

    def _dismiss(self, session: _Session) -> list[Answer]:
        """End the held poll of a session that disconnects, and tell it not to come back."""
        if session.poll is not None:
            session.poll.reply["advice"] = session.poll.reply.get("advice", {}) | {"reconnect": "none"}
        return self._let_go(session)

    def _answer(
        self, request: int, session: _Session | None, replies: list[Message], handshaken: str | None = None
    ) -> Answer:
        """The order of CometD's Java server: handshake reply, queued events, other replies."""
        events = session.queue if session else []
        if session is not None and events:
            session.queue = []
            self._unsent[request] = (session, events)
        for event in events:
            event.taken(True)
        first = [reply for reply in replies if reply["channel"] == channels.HANDSHAKE]
        rest = [reply for reply in replies if reply["channel"] != channels.HANDSHAKE]
        return Answer(request, [*first, *(event.message for event in events), *rest], handshaken=handshaken)

    def _advice(self) -> Message:
        return {"reconnect": "retry", "interval": 0, "timeout": round(self._timeout * 1000)}


def _ordinary(session: _Session, message: Message) -> Message:
    """Subscribe, unsubscribe and publish."""
    channel = message["channel"]
    if channel not in (channels.SUBSCRIBE, channels.UNSUBSCRIBE):
        return _refuse(message, "400::unknown meta channel") if channels.is_meta(channel) else _reply(message)
    wanted = message.get("subscription")
    named = wanted if isinstance(wanted, list) else [wanted]
    names = [name for name in named if isinstance(name, str) and name.startswith("/")]
    if not names or len(names) < len(named):
        return _refuse(message, "400::subscription_missing")
    if channel == channels.UNSUBSCRIBE:
        session.subscriptions.difference_update(names)
    elif any(channels.is_meta(name) for name in names):
        return _refuse(message, "403::subscribe_failed") | {"subscription": wanted}
    else:
        session.subscriptions.update(names)
    return _reply(message) | {"subscription": wanted}


def _reply(message: Message) -> Message:
    return _head(message) | {"channel": message["channel"], "successful": True}


def _refuse(message: Message, error: str) -> Message:
    return _head(message) | {"channel": message["channel"], "successful": False, "error": error}


def _unknown(message: Message) -> Message:
    refusal = _refuse(message, "402::session_unknown")
    return refusal | ({"advice": _ADVICE_HANDSHAKE} if message["channel"] == channels.CONNECT else {})


def _head(message: Message) -> Message:
    return {"id": message["id"]} if "id" in message else {}
