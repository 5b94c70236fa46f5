"""Reduce triples to shapes: digests of what is compared, so that equal triples need no second look."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from ..dialect.definition import Dialect
from ..model import Event, Link, Request, Triple, Unsolicited
from ..push.rules import COMMENT
from .brief import Brief, BriefReader
from .holes import Reader, Seen
from .renames import digest


@dataclass(frozen=True, slots=True)
class Group:
    """The keys of some items as `align` takes them; `places` are the places of the items in the recording."""

    places: Sequence[int]
    _keys: Sequence[int]
    _stages: int

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.places)

    def __getitem__(self, at: int) -> Sequence[int]:
        """Return the keys of an item, from the strictest to the most lenient."""
        start = at * self._stages
        return self._keys[start : start + self._stages]


@dataclass(slots=True)
class Shapes:
    """The shapes of the items of one recording, about 100 bytes an item.

    Attributes:
        stages: Number of keys that each item has for `align`.
    """

    stages: int
    _places: dict[str | None, array[int]] = field(default_factory=dict)  # of the items of each session
    _keys: dict[str | None, array[int]] = field(default_factory=dict)
    _digests: array[int] = field(default_factory=lambda: array("q"))
    _holes: array[int] = field(default_factory=lambda: array("q"))
    _ends: array[int] = field(default_factory=lambda: array("q", [0]))  # in `_holes`
    _times: array[int] = field(default_factory=lambda: array("q"))
    _time_ends: array[int] = field(default_factory=lambda: array("q", [0]))

    def add(
        self,
        session: str | None,
        keys: Sequence[Hashable],
        told: Hashable,
        briefs: Sequence[Brief],
        times: Iterable[int] = (),
    ) -> None:
        """Add the item that follows in the recording.

        Args:
            session: Label of its session.
            keys: Its keys for `align`.
            told: What is compared beside `briefs`, without holes.
            briefs: The values that are compared.
            times: When its parts came, nanoseconds after its request.
        """
        self._places.setdefault(session, array("q")).append(len(self._digests))
        self._keys.setdefault(session, array("q")).extend([hash(key) for key in keys])
        self._digests.append(hash((told, *[(brief.text, brief.places) for brief in briefs])))
        self._holes.extend([digest(hole) for brief in briefs for hole in brief.holes])
        self._ends.append(len(self._holes))
        self._times.extend(times)
        self._time_ends.append(len(self._times))

    def leave_out(self) -> None:
        """Pass over the item that follows in the recording."""
        self._digests.append(0)
        self._ends.append(len(self._holes))
        self._time_ends.append(len(self._times))

    def first_keys(self) -> dict[str | None, Sequence[int]]:
        """Return the strictest keys of the items of each session."""
        return {label: keys[:: self.stages] for label, keys in self._keys.items()}

    def group(self, session: str | None) -> Group:
        """Return the items of a session; none for a session that the recording has not."""
        none: array[int] = array("q")
        return Group(self._places.get(session, none), self._keys.get(session, none), self.stages)

    def digest(self, place: int) -> int:
        """Return the digest of an item: equal for items that differ in their holes and times at most."""
        return self._digests[place]

    def holes(self, place: int) -> Sequence[int]:
        """Return the digests of the values in the holes of an item."""
        return self._holes[self._ends[place] : self._ends[place + 1]]

    def times(self, place: int) -> Sequence[int]:
        """Return when the parts of an item came: the events in their order, then the ack."""
        return self._times[self._time_ends[place] : self._time_ends[place + 1]]


class Shaper:
    """A reader of the shapes of one recording."""

    def __init__(self, reader: Reader, dialect: Dialect, *, timed: bool) -> None:
        """Take the reader of the values; `timed` tells whether times are compared."""
        self._read, self._dialect, self._timed = BriefReader(reader, dialect.bare), dialect, timed
        self._minted = frozenset(dialect.minted)

    def exchanges(self, items: Iterable[Triple]) -> Shapes:
        """Return the shapes of triples or other exchanges."""
        # stages: the whole request; keys that are no ids; operation, method and path; the operation alone
        shapes = Shapes(4)
        for item in items:
            request, ack = item.request, item.ack
            path, query = self._read.path(request.target), self._read.query(request.target)
            body = self._read.body(request.body, "body" if request.message is None else "data")
            like = hash((item.operation, request.method, path.text))
            own = frozenset([pair for pair in item.keys.items() if pair[0] not in self._minted])
            keys = (like, query.text, body.text), (like, own), like, item.operation or like
            events = [(link.event.channel, link.name) for link in item.events]
            told = request.method, ack and ack.status, *events
            briefs = [path, query, body]
            if ack is not None:
                briefs.append(self._read.body(ack.body))
            briefs += [self._read.data(link.event) for link in item.events]
            shapes.add(item.session, keys, told, briefs, _times(item) if self._timed else ())
        return shapes

    def unsolicited(self, items: Iterable[Unsolicited]) -> Shapes:
        """Return the shapes of events that no operation caused, as one group."""
        shapes = Shapes(5)
        for item in items:
            if item.event.channel == COMMENT:
                shapes.leave_out()  # comments of streams are heartbeats: their number depends on time
                continue
            data = self._read.data(item.event)
            shapes.add(None, _event_keys(item.event, item.name, data), item.event.channel, [data])
        return shapes

    def events(self, links: Sequence[Link]) -> list[tuple[Hashable, ...]]:
        """Return the keys of the events of a triple, for `align`."""
        return [_event_keys(link.event, link.name, self._read.data(link.event)) for link in links]


def body_of(request: Request, reader: Reader) -> Seen:
    """Return the body of a request, or of the publish that is one."""
    return reader.body(request.body, "body" if request.message is None else "data")


def _event_keys(event: Event, name: str, data: Brief) -> tuple[Hashable, ...]:
    # stages for `align`: all three; channel and name; channel and data; data; name
    return (event.channel, name, data.text), (event.channel, name), (event.channel, data.text), data.text, name


def _times(item: Triple) -> list[int]:
    times = [link.event.t for link in item.events]
    if item.ack is not None:
        times.append(item.ack.t)
    return [t - item.request.t for t in times]
