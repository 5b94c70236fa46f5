"""Keep the streams and plain WebSockets of one live client: which is open, what waits for it, and what was sent on it.

    channel.push(event) → pieces; channel.open(live, last_id) → pieces; channel.sent(live); channel.left(live)

A channel stands for one recorded stream with all its reconnections. While no live stream is open for it, its events
wait. An event comes once: what has not left when its client goes away waits for the next stream, and of server-sent
events what followed the `Last-Event-ID` of the client comes again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ...model import Stream
from ...requests.index.streams import CUT_OFF
from .http import Piece


class Moved(Protocol):
    """Called when an event is handed out, or is to be handed out again."""

    def __call__(self, run: Any, *, out: bool) -> None:
        """Take the run of the event, and if it is out."""


@dataclass(slots=True, eq=False)
class Pushed:
    """A message on its way to one client, as it stands on the wire.

    Attributes:
        owner: The run that it belongs to; None if no ack waits for it.
        step: The step that it is; None for an event that was not recorded.
        id: The id of a server-sent event, which a client names when it connects again; None if it has none.
        is_text: The message on a WebSocket is text; else it is binary.
        is_answer: It answers the opening of its stream, or a message on it.
        is_out: It was handed out.

    """

    body: bytes
    owner: Any = None
    id: str | None = None
    is_text: bool = True
    is_answer: bool = False
    is_out: bool = False
    step: Any = None

    @property
    def at(self) -> tuple[int, int] | None:
        """The place of its event on the recorded wire; None for an event that was not recorded."""
        event = None if self.step is None else self.step.event
        return None if event is None else (event.seq, event.index)


class End(NamedTuple):
    """The end of a recorded stream, behind its events."""

    stream: Stream


@dataclass(slots=True, eq=False)
class Live:
    """A stream or WebSocket that was opened to a live client.

    Attributes:
        number: Number of the request that opened it.
        recorded: The recorded stream that it repeats; None for the body of an answer in pieces.
        unsent: What was handed out and may not have left yet, oldest first; None for the head and the end.
        is_over: The end was handed out.
        asked: Targets of the messages that the client sends before it takes any event but those of the preamble.
        told: Events of the preamble.
        untold: Those of them that are still to come.

    """

    number: int
    recorded: Stream | None = None
    unsent: deque[Pushed | None] = field(default_factory=lambda: deque([None]))
    is_over: bool = False
    asked: set[str] = field(default_factory=set)
    told: frozenset[tuple[int, int]] = frozenset()
    untold: set[tuple[int, int]] = field(default_factory=set)

    @property
    def is_ready(self) -> bool:
        """True if the client has asked for, and was told, what comes before all other events of the stream."""
        return not self.asked and not self.untold

    def end(self, code: int = 0, reason: str = "") -> Piece:
        """Return the piece that ends it."""
        self.is_over = True
        self.unsent.append(None)
        return Piece(self.number, b"", more=False, code=code, reason=reason)


@dataclass(slots=True, eq=False)
class Channel:
    """One recorded stream as a live client has it.

    Attributes:
        key: Key of the recorded stream.
        owner: Playhead of the client; the pusher alone uses it.
        moved: Called with the run of each message that is handed out, or is to be handed out again.
        owed: Events that recorded streams carried before their ends and that were not pushed yet, by exchange.
        live: The open stream or WebSocket, None if there is none.
        waiting: What waits for one.
        times: How often a stream was opened.
        came_already: Events that were pushed, or will never be.

    """

    key: str
    owner: Any
    moved: Moved
    owed: dict[int, set[tuple[int, int]]]
    live: Live | None = None
    waiting: deque[Pushed | End] = field(default_factory=deque)
    times: int = 0
    came_already: set[tuple[int, int]] = field(default_factory=set)
    _ending: list[Stream] = field(default_factory=list)  # whose end has come, but not all their events
    _sent: list[Pushed] = field(default_factory=list)  # server-sent events with ids

    @property
    def events(self) -> int:
        """Number of messages that wait for a stream."""
        return sum(isinstance(one, Pushed) for one in self.waiting)

    def push(self, pushed: Pushed) -> list[Piece]:
        """Add a message; return what leaves now."""
        self.waiting.append(pushed)
        return list(self._flush())

    def came(self, exchange: int, at: tuple[int, int]) -> list[Piece]:
        """Note that an event of a recorded stream was pushed, or will never be; return what leaves now: its end."""
        owed = self.owed.get(exchange)
        if owed:
            owed.discard(at)
        self.came_already.add(at)
        if self.live is not None and at in self.live.untold:
            self.live.untold.discard(at)
            return [*self._flush(), *self._end()]
        return self._end() if self._ending else []

    def asked(self, target: str) -> list[Piece]:
        """Note that the client has sent a message on its WebSocket; return what leaves now."""
        if self.live is None:
            return []
        self.live.asked.discard(target)
        return list(self._flush())

    def end(self, stream: Stream) -> list[Piece]:
        """End a recorded stream, after all its events; return what leaves now."""
        self._ending.append(stream)
        return self._end()

    def _end(self) -> list[Piece]:
        due = [stream for stream in self._ending if not self.owed.get(stream.exchange)]
        self._ending = [stream for stream in self._ending if stream not in due]
        self.waiting += map(End, due)
        return list(self._flush())

    def stand_for(
        self, key: str, owed: dict[int, set[tuple[int, int]]], waiting: Iterable[Pushed | End]
    ) -> list[Piece]:
        """Stand for another recorded stream from now on, and take what waits for that; return what leaves now."""
        self.key, self.owed, self._ending = key, owed, []
        self.waiting += waiting
        return list(self._flush())

    def cut(self) -> list[Piece]:
        """Break the open stream off: a fault."""
        live, self.live = self.live, None
        return [] if live is None else [live.end(CUT_OFF)]

    def open(self, live: Live, last_id: str | None = None) -> list[Piece]:
        """Take a new stream of the client; return what leaves on it now.

        A stream that is open already gets nothing more. It is not ended: the client may have two of them, and would
        connect again.

        Args:
            live: The stream.
            last_id: The id of the last server-sent event that the client has seen; None if it names none.

        """
        if last_id is not None:
            if self.live is not None:
                self.left(self.live)
            self._rewind(last_id)
        self.live, self.times = live, self.times + 1
        live.untold = set(live.told - self.came_already)
        return list(self._flush())

    def knows(self, last_id: str) -> bool:
        """Return whether a server-sent event with an id was sent on it."""
        return any(one.id == last_id for one in self._sent)

    def left(self, live: Live) -> list[Piece]:
        """Note that a client has left a stream: what has not left waits again; return what leaves on another one."""
        unsent = [one for one in live.unsent if one is not None]
        live.unsent.clear()
        for one in unsent:
            one.is_out = False
            self.moved(one.owner, out=False)
        self.waiting.extendleft(reversed(unsent))
        if live is self.live:
            self.live = None
        return list(self._flush())

    def sent(self, live: Live) -> None:
        """Note that the next of what was handed out has left."""
        if live.unsent and (pushed := live.unsent.popleft()) is not None and pushed.id is not None:
            self._sent.append(pushed)

    def _rewind(self, last_id: str) -> None:
        """Let that wait which was sent after an event, and drop what came before it: the client has seen all of it."""
        known: list[Pushed | End] = [*self._sent, *self.waiting]
        place = max((n for n, one in enumerate(known) if isinstance(one, Pushed) and one.id == last_id), default=None)
        if place is None:
            return
        seen = [one for one in known[: place + 1] if isinstance(one, Pushed)]
        self.waiting = deque([*(one for one in known[:place] if isinstance(one, End)), *known[place + 1 :]])
        self._sent = [one for one in seen if one.id is not None]
        for one in seen:
            self._hand_out(one)

    def _hand_out(self, one: Pushed) -> None:
        if not one.is_out:
            one.is_out = True
            self.moved(one.owner, out=True)

    def _flush(self) -> Iterator[Piece]:
        early: list[Pushed | End] = []
        while self.live is not None and self.waiting:
            one, live = self.waiting.popleft(), self.live
            if not (live.is_ready or (isinstance(one, Pushed) and (one.is_answer or one.at in live.told))):
                early.append(one)
            elif isinstance(one, Pushed):
                live.unsent.append(one)
                self._hand_out(one)
                yield Piece(live.number, one.body, is_text=one.is_text)
            elif one.stream is live.recorded:
                self.live = None
                yield live.end(*closes_with(one.stream))
        self.waiting.extendleft(reversed(early))


def closes_with(stream: Stream) -> tuple[int, str]:
    """Return the close code and reason with which a recorded stream ended; `CUT_OFF` if it broke."""
    if not stream.ended:
        return CUT_OFF, ""
    return (0, "") if stream.code is None else (stream.code, stream.reason)
