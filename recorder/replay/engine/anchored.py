"""Lay out the events that no operation caused by their anchors, and keep which anchors a live session has reached."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from ...bayeux.channels import matches
from ...correlate.anchors import At, anchors, content, endings, only_session
from ...model import JSON, Anchor, AnchorKind, Event, Recording, Stream
from ...requests.request import ParsedRequest
from .timeline import Ends, Home, Step, step_of

Key: TypeAlias = tuple[AnchorKind, str, int, int]  # kind, name, number, window


@dataclass(frozen=True, slots=True)
class Published:
    """A recorded publish: its place on the wire, what was published, the events that follow it, and its message id."""

    at: At
    data: JSON
    content: str
    steps: tuple[Step, ...]
    id: JSON = None


@dataclass(slots=True)
class SessionAnchors:
    """The events of one recorded session that follow Bayeux messages of its client.

    Attributes:
        steps: Events by handshake, subscription or unsubscription.
        names: Channels and patterns that the client subscribed to.
        published: Publishes by channel, in recorded order.
    """

    steps: dict[Key, list[Step]] = field(default_factory=lambda: defaultdict(list))
    names: set[str] = field(default_factory=set)
    published: dict[str, list[Published]] = field(default_factory=lambda: defaultdict(list))


class Anchored:
    """The unsolicited events of a recording, by what they follow.

    Attributes:
        after: Events by the place of the request they follow, among the triples and the other exchanges.
        anchors: Anchor of each event, by its place among the unsolicited events.
        after_exchanges: Whether any event follows an exchange that is no operation.
        ignored: Places of the events that the dialect ignores, such as heartbeats.
        optional: Places of copies for later windows, which a client with one window does not lack.
    """

    def __init__(
        self,
        recording: Recording,
        copies: Container[At] = frozenset(),
        ends: Iterable[tuple[Stream, At, Anchor]] = (),
    ) -> None:
        """Anchor all events.

        Args:
            recording: The recording.
            copies: Events that repeat for a later window what an earlier window got.
            ends: Streams that end, with their places on the wire and their anchors.

        """
        only = only_session(recording)
        self.anchors = anchors(recording)
        self._of: dict[str, SessionAnchors] = defaultdict(SessionAnchors)
        self.optional: set[int] = set()
        self.ignored = {place for place, pushed in enumerate(recording.unsolicited) if pushed.is_ignored}
        after: dict[int, list[Step]] = defaultdict(list)
        published: dict[tuple[str, At], list[Step]] = defaultdict(list)
        for number, (pushed, anchor) in enumerate(zip(recording.unsolicited, self.anchors, strict=True)):
            step, session = step_of(pushed.event, anchor.t, number), pushed.session or only
            is_copy = step.order in copies
            if is_copy:
                self.optional.add(number)
            # what only a later window got comes to any window that does what that window did
            self._group(session, anchor, anchor.window if is_copy else 0, after, published).append(step)
        for said, anchor in endings(recording):
            group = self._group(said.session or only, anchor, anchor.window, after, published)
            group.append(Step(said.at, max(said.t - anchor.t, 0) / 1e9, None, said=said))
            group.sort(key=_order)
        for stream, at, anchor in ends:
            group = self._group(stream.session or only, anchor, anchor.window, after, published)
            group.append(Step(at, max((stream.closed or 0) - anchor.t, 0) / 1e9, None, on_stream=Ends(stream)))
            group.sort(key=_order)
        for one in recording.messages:
            of = self._of[one.session or only]
            if one.kind is AnchorKind.SUBSCRIPTION:
                of.names.add(one.name)
            elif one.kind is AnchorKind.PUBLISH:
                steps = tuple(published.get((one.session or only, one.at), ()))
                of.published[one.name].append(Published(one.at, one.data, content(one.name, one.data), steps, one.id))
        self.after_exchanges = max(after, default=-1) >= len(recording.triples)
        self.after = {place: tuple(steps) for place, steps in after.items()}

    def _group(
        self,
        session: str,
        anchor: Anchor,
        window: int,
        after: dict[int, list[Step]],
        published: dict[tuple[str, At], list[Step]],
    ) -> list[Step]:
        """Return the steps that follow one anchor, to be added to."""
        if anchor.place is not None:
            return after[anchor.place]
        if anchor.kind is AnchorKind.PUBLISH:
            return published[session, anchor.at]
        return self._of[session].steps[anchor.kind, anchor.name, anchor.number, window]

    def of(self, session: str) -> SessionAnchors:
        """Return the anchors of a recorded session; empty for one without events and messages."""
        return self._of.get(session) or SessionAnchors()

    def sessions_with(self, channel: str) -> list[str]:
        """Return the recorded sessions whose clients published on a channel."""
        return [label for label, found in self._of.items() if channel in found.published]


class Unplayed(NamedTuple):
    """A recorded event that did not come, and why.

    Attributes:
        unsolicited: Place among the unsolicited events of the recording; None for an event of a triple.
        event: The event of a triple, None where `unsolicited` names it.
        waits_for: What the client did not do, in words.
    """

    unsolicited: int | None
    event: Event | None
    waits_for: str


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
class Progress:
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

    begun: set[int] = field(default_factory=set)
    answered: set[At] = field(default_factory=set)
    published: set[At] = field(default_factory=set)
    reached: list[Reached] = field(default_factory=list)
    exchanges: set[int] = field(default_factory=set)
    asked: list[tuple[ParsedRequest, int, float, Home | None]] = field(default_factory=list)
    _numbers: Counter[tuple[AnchorKind, str, int]] = field(default_factory=Counter)
    _subscribed: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def handshaken(self, window: int, now: float) -> Reached:
        """Count a handshake; the new session has no subscriptions."""
        self._subscribed[window].clear()
        return self._next(AnchorKind.START, "", window, now)

    def subscribed(self, name: str, window: int, now: float) -> Reached | None:
        """Count a subscription; None where the client has it already, or renews it after its session was lost."""
        if name in self._subscribed[window]:
            return None
        self._subscribed[window].add(name)
        return self._next(AnchorKind.SUBSCRIPTION, name, window, now)

    def unsubscribed(self, name: str, window: int, now: float) -> Reached | None:
        """Count an unsubscription; None where the client had no such subscription."""
        if name not in self._subscribed[window]:
            return None
        self._subscribed[window].discard(name)
        return self._next(AnchorKind.UNSUBSCRIPTION, name, window, now)

    def hears(self, window: int, channel: str) -> bool:
        """Return whether the client is subscribed to a channel, also in a session that the server has lost since."""
        if window and window not in self._subscribed:
            window = 0  # what only a later window got comes to a client with one window
        return any(matches(pattern, channel) for pattern in self._subscribed[window])

    def fresh(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Return those of some events, replies and ends that were not begun, and note that they are now."""
        new = tuple(
            step
            for step in steps
            if (step.order not in self.answered if step.unsolicited is None else step.unsolicited not in self.begun)
        )
        self.begun.update(step.unsolicited for step in new if step.unsolicited is not None)
        self.answered.update(step.order for step in new if step.unsolicited is None)
        return new

    def _next(self, kind: AnchorKind, name: str, window: int, now: float) -> Reached:
        self._numbers[kind, name, window] += 1
        return Reached(kind, name, self._numbers[kind, name, window], window, now)


def followed(found: SessionAnchors, reached: Reached) -> Iterator[Step]:
    """Yield the events that follow a live handshake, subscription or unsubscription, in recorded order.

    A client may subscribe to a pattern that was not recorded: then the events of its channels follow it.
    """
    yield from found.steps.get((reached.kind, reached.name, reached.number, reached.window), ())
    if reached.kind is AnchorKind.SUBSCRIPTION and reached.name not in found.names:
        keys = (key for key in found.steps if (key[0], *key[2:]) == (reached.kind, reached.number, reached.window))
        steps = (step for key in keys for step in found.steps[key])
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
