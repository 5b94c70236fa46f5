"""Keep the state of a server's Bayeux sessions, and the replies to one request while its messages are handled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, TypeAlias

from ..lazy import Lazy, Makes, made_of
from . import channels
from .extensions import timesync
from .messages import Message
from .outbox import Outbox, Queued
from .replies import Said

# connection types (Bayeux 1.0, section 3.1.4)
LONG_POLLING, CALLBACK_POLLING, WEBSOCKET = "long-polling", "callback-polling", "websocket"
# Asked what the recorded server said to a message; None where it said nothing of note.
Says: TypeAlias = Callable[[Message], Said | None]


class Answer(NamedTuple):
    """The answer to one request: Bayeux messages, or only an HTTP status.

    Attributes:
        request: Number under which the request was received.
        texts: The messages, each as JSON; None for an answer with only a status.
        status: The HTTP status.
        handshaken: The clientId that this answer gives to the client, None if it is not the answer to a handshake.
        delivered: The events in this answer that no earlier answer carried.
        callback: Function in which a callback-polling client wants the messages wrapped.
        transport: The transport of the request.

    """

    request: int
    texts: list[str] | None
    status: int = 200
    handshaken: str | None = None
    delivered: Sequence[Queued] = ()
    callback: str | None = None
    transport: str = LONG_POLLING


@dataclass(slots=True)
class Poll:
    """A /meta/connect that is held; `received` is when it came, in seconds on the caller's clock."""

    request: int
    asked: Message
    reply: Message
    received: float
    transport: str
    callback: str | None
    browser: str | None  # the browser whose connection the poll occupies; None on a WebSocket


@dataclass(slots=True, eq=False)
class Session(Lazy):
    """One Bayeux session of a client."""

    MAKES: ClassVar[Makes] = {"advised": made_of(dict)}

    client_id: str
    outbox: Outbox
    poll: Poll | None = None
    connected: bool = False  # its first /meta/connect was answered
    browser: str | None = None  # several sessions may share a browser
    told_to_wait: bool = False  # the next poll comes after an interval; this one was not held
    gave_up: bool = False  # the client closed its poll and has sent nothing since
    subscriptions: frozenset[str] = frozenset()
    transport: str = LONG_POLLING  # of its last handshake or connect
    seen: float = 0.0  # when it last polled or was answered a poll, or shook hands
    ended: bool = False  # the client was told to stop
    heir: Session | None = None  # the later session that gets the events of this one
    due: tuple[tuple[Message, Message | None], ...] = ()  # recorded replies to its next polls
    advised: Message = field(init=False, repr=False)  # what the recorded server's advice had beside the usual

    def has_news(self, batch: int | None) -> bool:
        """Return whether the next answer has events to carry.

        Those are new events, and events that the client did not confirm in the `batch` of its /meta/connect.
        """
        return not self.outbox.is_empty or (batch is not None and not self.outbox.is_confirmed)


@dataclass(slots=True)
class Turn:
    """The replies to one request while its messages are handled."""

    request: int
    now: float
    transport: str
    callback: str | None
    says: Says | None = None
    answers: list[Answer] = field(default_factory=list)
    replies: list[Message] = field(default_factory=list)
    sender: Session | None = None
    connecting: Session | None = None  # the session whose /meta/connect is answered
    handshaken: str | None = None
    held: bool = False
    left: tuple[str, ...] = ()  # clients that have disconnected by an earlier message

    def tell(self, asked: Message, told: Message, epoch: float, received: float | None = None) -> None:
        """Add a reply, with the time if the client's message asks for it (timesync extension)."""
        if "ext" in asked and channels.is_meta(asked["channel"]):
            came = self.now if received is None else received
            if sync := timesync(asked, epoch + came, epoch + self.now):
                told = told | {"ext": told.get("ext", {}) | sync}
        self.replies.append(told)

    def carries_events_of(self, session: Session) -> bool:
        """Return whether the events of a session go out with these replies.

        With the acknowledgement extension, and with callback-polling, events go out only with a reply to /meta/connect.
        """
        return self.connecting is session or not (session.outbox.confirms or self.transport == CALLBACK_POLLING)

    def name_batch(self, batch: int) -> None:
        """Write the batch number of the delivered events into the reply to /meta/connect."""
        for told in self.replies:
            if told["channel"] == channels.CONNECT and told["successful"]:
                told["ext"] = told.get("ext", {}) | {"ack": batch}
