"""Anchor each unsolicited event to what it followed: the latest thing its session did before the event came.

    handshake | a subscription that matches the event's channel | unsubscription | publish | other exchange | operation

An event that repeats a publish (its channel, equal data) is anchored to that publish whatever came between: a server
pushes each publish to the subscribers of its channel, among them the publisher (Bayeux 1.0, section 5.2 "Publish").
So is an event that repeats an id of a publish (`references`).

What a client did again because the server had lost its session is no anchor: the handshake, and the subscriptions the
client had before. Nor is the request by which a client goes on with a stream that was cut. Windows of one session shake
hands and subscribe apart from each other, but publish and ask alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Final, TypeAlias

from ..bayeux.channels import CONNECT, matches
from ..bayeux.messages import to_text
from ..model import JSON, Anchor, AnchorKind, ClientMessage, Event, Recording, Reply, Triple, Unsolicited
from ..push.rules import MESSAGE
from .ordering import asked, in_order
from .references import references

At: TypeAlias = tuple[int, int]
_ECHO = 30 * 1_000_000_000  # nanoseconds for which an equal event counts as an echo: CometD holds polls that long
_ECHOES = 20  # publishes of equal data that may wait for their echoes at once
_PREFLIGHT = "OPTIONS"  # browsers send it when they like (Fetch, section 4.8 "CORS-preflight fetch"): it causes nothing
_BEGIN: Final = (-1, 0)


def anchors(recording: Recording, events: Sequence[Unsolicited] | None = None) -> tuple[Anchor, ...]:
    """Return the anchor of each unsolicited event of a recording, or of other `events`, in their order.

    Those of a recording that was joined are those of its parts: an id in two cassettes is no id of two sessions.
    """
    if events is None and recording.parts:
        return tuple(_of_parts(recording.parts))
    is_one = recording.index is not None  # an index is that of one file
    if events is None:
        return tuple(_referring(recording, is_one=is_one))
    return tuple(_placed(_followed(recording, events, _walks(recording), is_one=is_one)))


def _of_parts(parts: Sequence[Recording]) -> Iterator[Anchor]:
    triples, others = 0, sum(len(part.triples) for part in parts)
    for part in parts:
        own = len(part.triples)
        for anchor in anchors(part):
            if anchor.place is None:
                yield anchor
            elif anchor.place < own:
                yield replace(anchor, place=anchor.place + triples, number=anchor.number + triples)
            else:
                yield replace(anchor, place=anchor.place - own + others)
        triples, others = triples + own, others + len(part.plain)


def anchoring(recording: Recording) -> Iterator[Anchor]:
    """Yield the anchor of each unsolicited event of a recording, in their order.

    All are held in memory only where a client published: an event may repeat an id of what was published.
    """
    if recording.parts:
        yield from _of_parts(recording.parts)
    elif any(one.kind is AnchorKind.PUBLISH for one in recording.messages):
        yield from _referring(recording, is_one=True)
    else:
        followed = _followed(recording, recording.unsolicited, _walks(recording), is_one=True)
        yield from (anchor for _, anchor in followed)


def _referring(recording: Recording, *, is_one: bool) -> list[Anchor]:
    walks = _walks(recording)
    found = _placed(_followed(recording, recording.unsolicited, walks, is_one=is_one))
    published = {anchor.at: anchor for walk in walks.values() for anchor in walk.publishes()}
    for place, one in references(recording, found, only_session(recording), is_one=is_one).items():
        if not found[place].is_echo and not recording.unsolicited[place].is_ignored:
            found[place] = replace(published[one.at], repeats=one.ids, confidence=one.confidence)
    return found


def _placed(followed: Iterable[tuple[int, Anchor]]) -> list[Anchor]:
    """Return the anchors by the places of their events: of several files these are not in the order of the wire."""
    return [anchor for _, anchor in sorted(followed, key=itemgetter(0))]


def _walks(recording: Recording) -> defaultdict[str, _Walk]:
    walks: defaultdict[str, _Walk] = defaultdict(lambda: _Walk(recording.windows))
    for label, (seq, t) in recording.session_starts.items():
        walks[label].begin = Anchor(AnchorKind.START, (seq, 0), t)
    return walks


def _followed(
    recording: Recording, events: Sequence[Unsolicited], walks: defaultdict[str, _Walk], *, is_one: bool
) -> Iterator[tuple[int, Anchor]]:
    """Yield the place of each event and what it followed: the latest moment of its session before it."""
    if not len(events):
        return
    only = only_session(recording)
    sent = ((one.at, one.session or only, one) for one in recording.messages)
    exchanges = (_requests(recording, only, items) for items in (recording.triples, recording.plain))
    pushed = (((u.event.seq, u.event.index), u.session or only, place) for place, u in enumerate(events))
    for _, session, moment in in_order(sent, *exchanges, pushed, is_one=is_one):
        match moment:
            case ClientMessage():
                walks[session].message(moment)
            case Anchor():
                walks[session].latest = moment
            case place:
                yield place, walks[session].anchor(events[place].event)


def _requests(recording: Recording, only: str, items: Sequence[Triple]) -> Iterator[tuple[At, str, Anchor]]:
    """Yield the place, the session and the anchor of each request that events may follow."""
    first = {one.key: one.exchange for one in reversed(recording.streams)}
    again = {one.exchange for one in recording.streams} - set(first.values())
    before = 0 if items is recording.triples else len(recording.triples)
    for place, triple in enumerate(asked(items), before):
        method = triple.request.method
        if method != _PREFLIGHT and (triple.request.exchange not in again or method == MESSAGE):
            anchor = _of_request(place, triple)
            yield anchor.at, triple.session or only, anchor


def endings(recording: Recording) -> list[tuple[Reply, Anchor]]:
    """Return the refused polls and ended sessions of a recording with their anchors, in the order of the wire.

    Such a reply follows any subscription of its client, whatever the channel.
    """
    found = [one for one in recording.replies if one.asked == CONNECT and not one.number]
    as_events = [Unsolicited(Event(*one.at, one.t, 0, one.client_id, CONNECT, None), "", one.session) for one in found]
    return list(zip(found, anchors(recording, as_events), strict=True))


def only_session(recording: Recording) -> str:
    """Return the label for what shows no session: the only session, or "" if there are none or several."""
    return next(iter(recording.session_starts), "") if len(recording.session_starts) <= 1 else ""


def text(anchor: Anchor) -> str:
    """Return an anchor in words, such as `the 2nd subscription to /a`."""
    name = anchor.name
    match anchor.kind:
        case AnchorKind.START:
            words = "the handshake"
        case AnchorKind.SUBSCRIPTION:
            words = f"the subscription to {name}"
        case AnchorKind.UNSUBSCRIPTION:
            words = f"the unsubscription from {name}"
        case AnchorKind.PUBLISH:
            words = f"the publish on {name}"
        case AnchorKind.EXCHANGE:
            return name
        case AnchorKind.OPERATION:
            return f"triple {anchor.number} ({name})"
    return words if anchor.number == 1 else f"{words}, number {anchor.number}"


def content(channel: str, data: JSON) -> str:
    """Return a text that is equal for equal channels and data, whatever the order of members."""
    return to_text({"channel": channel, "data": _ordered(data)})


def _ordered(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _of_request(place: int, triple: Triple) -> Anchor:
    request = triple.request
    at = request.seq, request.message or 0
    if triple.n:
        return Anchor(AnchorKind.OPERATION, at, request.t, triple.operation or "", triple.n, place=place)
    return Anchor(AnchorKind.EXCHANGE, at, request.t, f"{request.method} {request.target}", place=place)


@dataclass(slots=True)
class _Window:
    """The Bayeux state of one window of a session: its latest handshake or unsubscription, and its subscriptions."""

    latest: Anchor | None = None
    subscribed: set[str] = field(default_factory=set)
    subscriptions: dict[str, Anchor] = field(default_factory=dict)


class _Walk:
    """Walks through a session on the wire and knows what was latest at each place."""

    def __init__(self, windows: Mapping[str, int]) -> None:
        self._of_client = windows
        self.begin = Anchor(AnchorKind.START, _BEGIN, 0)
        self.latest: Anchor | None = None  # publish, exchange or operation
        self._windows: dict[int, _Window] = defaultdict(_Window)
        self._numbers: Counter[tuple[AnchorKind, str, int]] = Counter()
        self._published: dict[str, list[Anchor]] = defaultdict(list)
        self._echoed: set[tuple[str, At]] = set()

    def message(self, message: ClientMessage) -> None:
        number = self._of_client.get(message.client_id, 0)
        window = self._windows[number]
        if message.kind is AnchorKind.PUBLISH:
            self.latest = self._next(message, 0)
            self._published[content(message.name, message.data)].append(self.latest)
        elif message.kind is AnchorKind.START and not message.renews:
            window.latest = self._next(message, number)
            window.subscribed.clear()
        elif message.kind is AnchorKind.SUBSCRIPTION and message.name not in window.subscribed:
            window.subscribed.add(message.name)
            window.subscriptions[message.name] = self._next(message, number)
        elif message.kind is AnchorKind.UNSUBSCRIPTION and message.name in window.subscribed:
            window.subscribed.discard(message.name)
            window.latest = self._next(message, number)

    def publishes(self) -> Iterator[Anchor]:
        """Yield all publishes."""
        return (anchor for anchors in self._published.values() for anchor in anchors)

    def anchor(self, event: Event) -> Anchor:
        return self._echo(event) or max(self._before(event), key=lambda anchor: anchor.at)

    def _before(self, event: Event) -> Iterator[Anchor]:
        window = self._windows[self._of_client.get(event.client_id, 0)]
        if self.latest is not None:
            yield self.latest  # first, because a stream that begins its session is an exchange too
        yield self.begin if window.latest is None else window.latest
        for pattern, one in window.subscriptions.items():
            if event.channel == CONNECT or matches(pattern, event.channel):
                yield one

    def _echo(self, event: Event) -> Anchor | None:
        if not self._published:
            return None
        for anchor in reversed(self._published.get(content(event.channel, event.data), [])[-_ECHOES:]):
            if (event.client_id, anchor.at) not in self._echoed and event.t - anchor.t <= _ECHO:
                self._echoed.add((event.client_id, anchor.at))
                return replace(anchor, is_echo=True)
        return None

    def _next(self, message: ClientMessage, window: int) -> Anchor:
        key = message.kind, message.name, window
        self._numbers[key] += 1
        return Anchor(message.kind, message.at, message.t, message.name, self._numbers[key], window)


class Subscriptions:
    """Which recorded clients were subscribed to which channels, and when."""

    def __init__(self, messages: Iterable[ClientMessage]) -> None:
        """Take what the clients sent, in the order of the wire."""
        self._changes: dict[str, list[tuple[At, str, bool]]] = defaultdict(list)
        for one in messages:
            if one.kind in (AnchorKind.SUBSCRIPTION, AnchorKind.UNSUBSCRIPTION):
                self._changes[one.client_id].append((one.at, one.name, one.kind is AnchorKind.SUBSCRIPTION))
        self._known: dict[tuple[str, str], tuple[list[At], list[bool]]] = {}

    def covered(self, event: Event) -> bool:
        """Return whether the client that got an event was subscribed to its channel then."""
        if not self._changes:
            return False
        key = event.client_id, event.channel
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._covered(*key)
        places, states = known
        before = bisect_right(places, (event.seq, event.index))
        return states[before - 1] if before else False

    def _covered(self, client_id: str, channel: str) -> tuple[list[At], list[bool]]:
        patterns: set[str] = set()
        places, states = [], []
        for at, pattern, is_new in self._changes.get(client_id, ()):
            if matches(pattern, channel):
                (patterns.add if is_new else patterns.discard)(pattern)
                places.append(at)
                states.append(bool(patterns))
        return places, states
