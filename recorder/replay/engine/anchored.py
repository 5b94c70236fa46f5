"""Lay out the events that no operation caused by their anchors, and keep which anchors a live session has reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

from ...bayeux.channels import CONNECT, matches
from ...correlate.anchors import At, content, only_session
from ...lazy import Lazy, Makes, made_of, shared
from ...model import JSON, Anchor, AnchorKind, ClientMessage, Event, Recording
from ...requests.index.making import Index
from ...requests.index.rows import END, EVENT, REPLY, AnchorRow, after_message, after_place, after_publish, astray
from ...requests.index.streams import ended
from ...requests.request import ParsedRequest
from .timeline import Ends, Home, Step, step_of


@dataclass(frozen=True, slots=True)
class Published:
    """A recorded publish: its place on the wire, what was published, the events that follow it, and its message id."""

    at: At
    data: JSON
    content: str
    steps: tuple[Step, ...]
    id: JSON = None


@dataclass(frozen=True, slots=True)
class SessionAnchors:
    """The events of one recorded session that follow Bayeux messages of its client.

    Attributes:
        steps: Returns the events after a handshake, subscription or unsubscription: by kind, name, number and window.
        names: Channels and patterns that the client subscribed to.
        published: Publishes by channel, in recorded order.
    """

    steps: Callable[[AnchorKind, str, int, int], list[Step]] = lambda *_: []
    names: frozenset[str] = frozenset()
    published: Mapping[str, list[Published]] = field(default_factory=dict)


class Anchored:
    """The unsolicited events of a recording, by what they follow; read from the index when that is reached.

    Attributes:
        after_exchanges: Whether any event follows an exchange that is no operation.
    """

    def __init__(self, recording: Recording, index: Index) -> None:
        """Take a recording and its index."""
        self._recording, self._rows, self._file = recording, index.anchors, recording.header.file
        self._names, self._repeats = index.summary["names"], index.summary["repeats"]
        self.after_exchanges: bool = index.summary["after_exchanges"]
        self._only = only_session(recording)
        self._ended = ended(recording)
        self._endings = [one for one in recording.replies if one.asked == CONNECT and not one.number]
        self._sessions: dict[str, SessionAnchors] = {}
        self._anchors: dict[int, Anchor] = {}  # of the events that follow publishes

    def after(self, place: int) -> tuple[Step, ...]:
        """Return the events that follow a request, by its place among the triples and the other exchanges."""
        return tuple(self._steps(after_place(place))) if len(self._rows) else ()

    def anchor(self, number: int) -> Anchor | None:
        """Return the anchor of an event that follows a publish, by its place among the unsolicited events."""
        return self._anchors.get(number)

    def all(self) -> Iterator[tuple[int, Anchor]]:
        """Yield the anchor of each unsolicited event, with its place, but for copies that a later window got."""
        numbers: list[int] = []
        rows = {}
        for at in range(len(self._rows)):
            row = self._row(self._rows[at])
            if row.what == EVENT and not row.is_copy:
                numbers.append(row.number)
                rows[row.number] = at
        for number in sorted(numbers):
            yield number, self._named(self._row(self._rows[rows[number]]).anchor)

    def of(self, session: str) -> SessionAnchors:
        """Return the anchors of a recorded session; empty for one without events and messages."""
        found = self._sessions.get(session)
        if found is None:
            found = self._sessions[session] = self._of(session)
        return found

    def sessions_with(self, channel: str) -> list[str]:
        """Return the recorded sessions whose clients published on a channel."""
        publishes = (one for one in self._recording.messages if one.kind is AnchorKind.PUBLISH and one.name == channel)
        return list(dict.fromkeys(one.session or self._only for one in publishes))

    def _of(self, session: str) -> SessionAnchors:
        names: set[str] = set()
        published: dict[str, list[Published]] = defaultdict(list)
        for one in self._messages.get(session, ()):
            if one.kind is AnchorKind.SUBSCRIPTION:
                names.add(one.name)
            elif one.kind is AnchorKind.PUBLISH:
                steps = tuple(self._steps(after_publish(session, one.at), keep=True))
                what = content(one.name, one.data)
                published[one.name].append(Published(one.at, one.data, what, steps, one.id))

        def steps_after(kind: AnchorKind, name: str, number: int, window: int) -> list[Step]:
            return self._steps(after_message(session, kind, name, number, window))

        return SessionAnchors(steps_after, frozenset(names), published)

    @cached_property
    def _messages(self) -> Mapping[str, list[ClientMessage]]:
        found: dict[str, list[ClientMessage]] = defaultdict(list)
        for one in self._recording.messages:
            found[one.session or self._only].append(one)
        return found

    def _row(self, row: bytes) -> AnchorRow:
        try:
            return AnchorRow.of(row, self._names, self._repeats)
        except (IndexError, KeyError) as error:
            raise astray(self._file, "a kind, name or id of an anchor") from error

    def _steps(self, group: bytes, *, keep: bool = False) -> list[Step]:
        """Return the steps that follow one anchor."""
        rows = [self._row(row) for row in self._rows.starting(group)]
        found = [self._step(row) for row in rows]
        if keep:
            self._anchors |= {row.number: row.anchor for row in rows if row.what == EVENT}
        return sorted(found, key=_order) if any(row.what != EVENT for row in rows) else found

    def _step(self, row: AnchorRow) -> Step:
        try:
            return self._made(row)
        except IndexError as error:
            raise astray(self._file, f"number {row.number} of what nobody asked for") from error

    def _made(self, row: AnchorRow) -> Step:
        start = row.anchor.t
        match row.what:
            case what if what == REPLY:
                said = self._endings[row.number]
                return Step(said.at, max(said.t - start, 0) / 1e9, None, said=said)
            case what if what == END:
                stream, at = self._ended[row.number]
                return Step(at, max((stream.closed or 0) - start, 0) / 1e9, None, on_stream=Ends(stream))
            case _:
                return step_of(self._recording.unsolicited[row.number], row.number, start, is_copy=row.is_copy)

    def _named(self, anchor: Anchor) -> Anchor:
        """Return an anchor with its name, also that of a request, which is read for it."""
        if anchor.place is None:
            return anchor
        first = len(self._recording.triples)
        if anchor.place < first:
            return replace(anchor, name=self._recording.triples[anchor.place].operation or "")
        if anchor.place - first >= len(self._recording.plain):
            raise astray(self._file, f"request {anchor.place}")
        request = self._recording.plain[anchor.place - first].request
        return replace(anchor, name=f"{request.method} {request.target}")


class Unplayed(NamedTuple):
    """A recorded event that did not come, and why.

    Attributes:
        unsolicited: Place among the unsolicited events of the recording; None for an event of a triple.
        event: The event of a triple, None where `unsolicited` names it.
        waits_for: What the client did not do, in words.
        place: Place of the triple; None for an unsolicited event.
    """

    unsolicited: int | None
    event: Event | None
    waits_for: str
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """A Bayeux message of a live client that recorded events may follow, and when it came."""

    kind: AnchorKind
    name: str
    number: int
    window: int
    at: float
    data: JSON = None
    id: JSON = None


@dataclass(slots=True)
class Progress(Lazy):
    """The anchors that one live client has reached.

    Attributes:
        begun: Places of the unsolicited events that were begun: none comes twice.
        answered: Recorded replies to polls, and ends of streams, that were begun, by their places on the wire.
        published: Recorded publishes that were published again, by their places on the wire.
        reached: Messages that came before it was known which recorded session the client follows.
        exchanges: Places of the recorded exchanges that were asked for; operations are not among them.
        asked: Exchanges that were asked for before that: the live one, the place of the recorded one, when, and
            its stream.
    """

    MAKES: ClassVar[Makes] = {
        "begun": made_of(set),
        "answered": made_of(set),
        "published": made_of(set),
        "reached": made_of(list),
        "exchanges": made_of(set),
        "asked": made_of(list),
    }

    begun: set[int] = field(init=False, repr=False)
    answered: set[At] = field(init=False, repr=False)
    published: set[At] = field(init=False, repr=False)
    reached: list[Reached] = field(init=False, repr=False)
    exchanges: set[int] = field(init=False, repr=False)
    asked: list[tuple[ParsedRequest, int, float, Home | None]] = field(init=False, repr=False)
    _numbers: tuple[tuple[AnchorKind, str, int, int], ...] = ()  # how many of each, by kind, name and window
    _subscribed: tuple[tuple[int, str], ...] = ()  # windows and names
    _unrenewed: tuple[tuple[int, str], ...] = ()  # those of them that the client has not renewed in a new session
    _windows: tuple[int, ...] = ()  # that shook hands

    def handshaken(self, window: int, now: float) -> Reached:
        """Count a handshake; the new session has no subscriptions."""
        self._subscribed = tuple(one for one in self._subscribed if one[0] != window)
        if window not in self._windows:
            self._windows = shared((*self._windows, window))
        return self._next(AnchorKind.START, "", window, now)

    def subscribed(self, name: str, window: int, now: float) -> Reached | None:
        """Count a subscription; None where the client has it already, or renews it after its session was lost."""
        if (window, name) in self._subscribed:
            self._unrenewed = tuple(one for one in self._unrenewed if one != (window, name))
            return None
        self._subscribed = shared((*self._subscribed, (window, name)))
        return self._next(AnchorKind.SUBSCRIPTION, name, window, now)

    def unsubscribed(self, name: str, window: int, now: float) -> Reached | None:
        """Count an unsubscription; None where the client had no such subscription."""
        if (window, name) not in self._subscribed:
            return None
        self._subscribed = tuple(one for one in self._subscribed if one != (window, name))
        return self._next(AnchorKind.UNSUBSCRIPTION, name, window, now)

    def lost(self) -> None:
        """Note that its sessions are lost for a client: what it is subscribed to counts again once it renews that."""
        self._unrenewed = self._subscribed

    def hears(self, window: int, channel: str) -> bool:
        """Return whether the client is subscribed to a channel.

        It also is in a session that the server has lost since, unless `lost` says otherwise.
        """
        if window and window not in self._windows:
            window = 0  # what only a later window got comes to a client with one window
        mine = (one for one in self._subscribed if one not in self._unrenewed)
        return any(its == window and matches(pattern, channel) for its, pattern in mine)

    def fresh(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Return those of some events, replies and ends that were not begun, and note that they are now."""
        new = tuple(step for step in steps if not self._has_begun(step))
        for step in new:
            if step.unsolicited is None:
                self.answered.add(step.order)
            else:
                self.begun.add(step.unsolicited)
        return new

    def _has_begun(self, step: Step) -> bool:
        return step.order in self.answered if step.unsolicited is None else step.unsolicited in self.begun

    def _next(self, kind: AnchorKind, name: str, window: int, now: float) -> Reached:
        before, mine = self._numbers, (kind, name, window)
        number = 1 + next((one[3] for one in before if one[:3] == mine), 0)
        self._numbers = shared((*(one for one in before if one[:3] != mine), (*mine, number)))
        return Reached(kind, name, number, window, now)


def followed(found: SessionAnchors, reached: Reached) -> Iterator[Step]:
    """Yield the events that follow a live handshake, subscription or unsubscription, in recorded order.

    A client may subscribe to a pattern that was not recorded: then the events of its channels follow it.
    """
    yield from found.steps(reached.kind, reached.name, reached.number, reached.window)
    if reached.kind is AnchorKind.SUBSCRIPTION and reached.name not in found.names:
        others = (found.steps(reached.kind, name, reached.number, reached.window) for name in sorted(found.names))
        steps = (step for its in others for step in its)
        yield from (
            step for step in sorted(steps, key=_order) if step.event and matches(reached.name, step.event.channel)
        )


def published_as(found: SessionAnchors, progress: Progress, reached: Reached) -> Published | None:
    """Return the recorded publish that a live one repeats: one with equal data, else the likest, the first of several.

    None where the client published on this channel as often as it was recorded.
    """
    left = [one for one in found.published.get(reached.name, ()) if one.at not in progress.published]
    mine = content(reached.name, reached.data)
    equal = next((one for one in left if one.content == mine), None)
    return equal or max(left, key=lambda one: _likeness(one.data, reached.data), default=None)


def _likeness(one: JSON, other: JSON) -> int:
    """Return how many members two objects have in common: twice for equal values, once for another value."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return 0
    return sum(1 + (one[name] == other[name]) for name in one.keys() & other.keys())


def _order(step: Step) -> At:
    return step.order
