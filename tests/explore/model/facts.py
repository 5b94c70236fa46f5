"""The facts of a recording that the rules of docs/races.md are about: who caused what, and which items stand in a line.

An item is named as people do: `ack 4`, `event 4.1`, `event u3`, `answer p2`. A line is a row of items that keep their
order.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recorder.correlate.anchors import anchors
from recorder.dialect.definition import Dialect
from recorder.model import AnchorKind, Event, Recording, Triple

_REDIRECT = 3  # hundreds of its status
_OF_PAGES = re.compile(  # what a browser shows or runs, and what never changes
    r"(?i)(?:image|font|audio|video)/|text/(?:html|css)|application/(?:wasm|manifest\+json)|(?:text|application)/(?:x-)?(?:java|ecma)script"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """What comes before an item: a request by its place, or the `number`-th handshake, subscription or publish."""

    kind: str  # "request", "handshake", "subscription", "unsubscription" or "publish"
    name: str = ""
    number: int = 1
    place: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """An event of the recording, or an answer: an ack, or one to a request that is no operation; these have no channel.

    Attributes:
        at: Its place on the recorded wire.
        session: Label of the session that got it; None if the recording does not say.
        is_covered: Whether the recorded client had subscribed to its channel.
        stream: Key of its stream, or of its WebSocket without Bayeux; "" for an event of Bayeux.
        lines: Names of the lines that it stands in.
    """

    name: str
    label: str
    channel: str
    data: Any
    at: tuple[int, int]
    session: str | None
    cause: Cause
    is_covered: bool
    stream: str
    lines: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules need to know of a recording.

    Attributes:
        requests: Triples and other exchanges, by place.
        events: All events, in the order of the wire.
        answers: The acks of the operations, and the answers to other requests that tell of a state.
        lines: The items of each line, in recorded order.
        order: Place of each item on the recorded wire, answers too.
        is_faye: Whether the recorded server delivers by connects alone.
        delivers_on_handshake: Whether it was seen to put events into the answer to a handshake.
    """

    requests: Sequence[Triple]
    events: tuple[Fact, ...]
    answers: tuple[Fact, ...]
    lines: Mapping[str, tuple[str, ...]]
    order: Mapping[str, tuple[int, int]]
    loses_sessions: bool
    is_faye: bool = False
    delivers_on_handshake: bool = False

    def named(self, name: str) -> Fact | None:
        """The event of a name."""
        return next((fact for fact in self.events if fact.name == name), None)

    def label(self, place: int) -> str:
        """The end of the names of a request and its answer: `4`, or `p2` of what is no operation."""
        number = self.requests[place].n
        return str(number) if number else f"p{place + 1 - sum(one.n > 0 for one in self.requests)}"

    def answer(self, place: int) -> str:
        """The name of the answer to a request."""
        return f"{'ack' if self.requests[place].n else 'answer'} {self.label(place)}"


def facts_of(recording: Recording, dialect: Dialect, *, is_faye: bool = False, on_handshake: bool = False) -> Facts:
    """Look up what the rules need to know; the marks of the server are seen in its capture, not in the recording."""
    requests = [*recording.triples, *recording.plain]
    found = [*_caused(recording, requests), *_unasked(recording), *_acks(requests), *_others(recording)]
    ordered = tomllib.loads(dialect.text).get("event", {}).get("ordered", [])
    lined = [_lined(fact, dialect, ordered) for fact in sorted(found, key=lambda fact: fact.at)]
    lines = defaultdict[str, list[str]](list)
    for fact in lined:
        for line in fact.lines:
            lines[line].append(fact.name)
    return Facts(
        requests,
        tuple(fact for fact in lined if fact.channel),
        tuple(fact for fact in lined if not fact.channel),
        {name: tuple(items) for name, items in lines.items() if len(items) > 1},
        {fact.name: fact.at for fact in lined},
        loses_sessions=any(one.message.get("successful") is False for one in recording.replies),
        is_faye=is_faye,
        delivers_on_handshake=on_handshake,
    )


def _caused(recording: Recording, requests: list[Triple]) -> Iterator[Fact]:
    for place, triple in enumerate(requests):
        for index, link in enumerate(triple.events, 1):
            name = f"event {triple.n}.{index}" if triple.n else f"event of {place}.{index}"
            cause = Cause("request", place=place)
            yield _fact(recording, link.event, name, link.name, triple.session, cause)


def _unasked(recording: Recording) -> Iterator[Fact]:
    for index, (one, anchor) in enumerate(zip(recording.unsolicited, anchors(recording), strict=True), 1):
        if anchor.place is not None:
            cause = Cause("request", place=anchor.place)
        else:
            cause = Cause(
                {AnchorKind.START: "handshake"}.get(anchor.kind, anchor.kind.value), anchor.name, anchor.number
            )
        yield _fact(recording, one.event, f"event u{index}", one.name, one.session, cause)


def _acks(requests: list[Triple]) -> Iterator[Fact]:
    for place, triple in enumerate(requests):
        if not triple.n or triple.request.method == "MESSAGE":  # a message on a WebSocket has no answer
            continue
        end = triple.ack or triple.failure
        if end is not None:
            at = end.seq, getattr(end, "message", None) or 0
        else:  # a stand-in answers all the same, behind the events
            last = triple.events[-1].event if triple.events else None
            at = (triple.request.seq, 1) if last is None else (last.seq, last.index + 1)
        cause = Cause("request", place=place)
        yield Fact(
            f"ack {triple.n}", triple.operation or "", "", None, at, triple.session, cause, is_covered=False, stream=""
        )


def _others(recording: Recording) -> Iterator[Fact]:
    """The answers to requests that are no operations, but those of which no event can say anything new."""
    opening = {stream.exchange for stream in recording.streams}
    for number, exchange in enumerate(recording.plain, 1):
        answer = exchange.ack
        if answer is None or answer.status // 100 == _REDIRECT or exchange.request.exchange in opening:
            continue
        media = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
        if _OF_PAGES.match(media.strip()):
            continue
        cause = Cause("request", place=len(recording.triples) + number - 1)
        at = answer.seq, 0
        yield Fact(f"answer p{number}", "", "", None, at, exchange.session, cause, is_covered=False, stream="")


def _fact(  # noqa: PLR0917  # what an event is, in one row
    recording: Recording, event: Event, name: str, label: str, session: str | None, cause: Cause
) -> Fact:
    owners = {one.client_id: one.session for one in recording.messages if one.kind is AnchorKind.START}
    owners |= {stream.key: stream.session for stream in recording.streams}
    at = event.seq, event.index
    return Fact(
        name,
        label or event.channel,
        event.channel,
        event.data,
        at,
        owners.get(event.client_id) or session,
        cause,
        is_covered=_covered(recording, event),
        stream=event.client_id if event.raw is not None else "",
        lines=(f"id:{event.client_id}",) if event.raw is not None and re.search(rb"(?m)^id:", event.raw) else (),
    )


def _covered(recording: Recording, event: Event) -> bool:
    patterns: set[str] = set()
    for one in recording.messages:
        if one.client_id == event.client_id and one.at < (event.seq, event.index):
            if one.kind is AnchorKind.SUBSCRIPTION:
                patterns.add(one.name)
            elif one.kind is AnchorKind.UNSUBSCRIPTION:
                patterns.discard(one.name)
    return any(fits(pattern, event.channel) for pattern in patterns)


def _lined(fact: Fact, dialect: Dialect, ordered: list[Any]) -> Fact:
    session = fact.session or ""
    lines = list(fact.lines)
    way = f"stream {fact.stream}" if fact.stream else fact.channel
    if fact.name.startswith("event u"):
        lines.append(f"unasked {session} {way}")
    elif fact.channel:
        lines.append(f"{fact.name.rpartition('.')[0]} {way}")
    if dialect.replay_id and isinstance(_at(fact.data, dialect.replay_id), int):
        lines.append(f"replay {session} {fact.channel}")
    for number, entry in enumerate(ordered):
        if any(_is_named(fact, one) for one in ([entry] if isinstance(entry, str) else entry)):
            lines.append(f"ordered {number} {session}")
    return Fact(
        fact.name, fact.label, fact.channel, fact.data, fact.at, fact.session, fact.cause,
        fact.is_covered, fact.stream, tuple(lines),
    )  # fmt: skip


def _is_named(fact: Fact, entry: str) -> bool:
    return entry == fact.label or (entry.startswith("/") and fits(entry, fact.channel))


def _at(data: Any, path: str) -> Any:
    for name in path.split(".")[1 if path.startswith("data.") else 0 :]:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def fits(pattern: str, channel: str) -> bool:
    """Whether a channel is one of a pattern: `/a/*` has one part more, `/a/**` any number."""
    head, _, last = pattern.rpartition("/")
    if last == "**":
        return channel.startswith(head + "/")
    if last == "*":
        return channel.startswith(head + "/") and "/" not in channel[len(head) + 1 :]
    return pattern == channel
