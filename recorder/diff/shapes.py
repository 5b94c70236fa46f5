"""Reduce triples to shapes: digests of what is compared, so that equal triples need no second look."""

from __future__ import annotations

import re
from array import array
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from ..dialect.definition import Dialect
from ..model import Link, Request, Triple, Unsolicited
from .bound import BOUND
from .brief import Brief, BriefReader
from .drafts import Draft, Pushed
from .holes import Reader
from .renames import digest

# a word with a digit; each word is looked at once, from its begin
_NUMBERED = re.compile(r"(?<![\w:.+-])(?:[^\W\d]|[:.+-])*+\d[\w:.+-]*+")
EVENT_STRICT = 3  # stages by which events may have moved


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
        self._read, self._timed = BriefReader(reader, dialect.bare), timed

    def exchanges(self, drafts: Iterable[Draft], items: Sequence[Triple]) -> Shapes:
        """Return the shapes of triples or other exchanges; an item is read only where its draft lacks a value."""
        # stages: the whole request; keys that are no ids; operation, method and path; the operation alone
        shapes = Shapes(4)
        read = self._read
        for place, draft in enumerate(drafts):
            path, query = read.path(draft.target), read.query(draft.target)
            body = read.quick(draft.body) or _body(items[place].request, read)
            briefs = [path, query, body]
            if draft.status is not None:
                briefs.append(read.quick(draft.ack) or _ack(items[place], read))
            for number, (_, _, data) in enumerate(draft.events):
                briefs.append(read.quick(data) or read.data(items[place].events[number].event))
            like = hash((draft.operation, draft.method, path.text))
            own = frozenset([(name, read.key(value)) for name, value in draft.keys])
            keys = (like, query.text, body.text, *_bound(path, query, body)), (like, own), like, draft.operation or like
            told = draft.method, draft.status, *[event[:2] for event in draft.events]
            shapes.add(draft.session, keys, told, briefs, draft.times if self._timed else ())
        return shapes

    def unsolicited(self, drafts: Iterable[Pushed | None], items: Sequence[Unsolicited]) -> Shapes:
        """Return the shapes of events that no operation caused, as one group."""
        shapes = Shapes(6)
        for place, draft in enumerate(drafts):
            if draft is None:
                shapes.leave_out()
                continue
            channel, name, text = draft
            data = self._read.quick(text) or self._read.data(items[place].event)
            shapes.add(None, _event_keys(channel, name, data), channel, [data])
        return shapes

    def events(self, links: Sequence[Link]) -> list[tuple[Hashable, ...]]:
        """Return the keys of the events of a triple, for `align`."""
        return [_event_keys(link.event.channel, link.name, self._read.data(link.event)) for link in links]


def root_of(request: Request) -> str:
    """Return the first part of the paths in the body of a request: `data` in a publish."""
    return "body" if request.message is None else "data"


def _body(request: Request, read: BriefReader) -> Brief:
    return read.body(request.body, root_of(request))


def _ack(item: Triple, read: BriefReader) -> Brief:
    return read.body(item.ack.body if item.ack is not None else b"")


def _bound(*briefs: Brief) -> list[str]:
    """Return the classes of the bound values: known before anything is paired, they tell what belongs together."""
    return [hole.value for brief in briefs for hole in brief.holes if hole.kind == BOUND]


def _steady(text: str) -> str:
    """Return a text without the words that hold a digit: counters, times and ids are others each time."""
    return _NUMBERED.sub("#", text)


def _event_keys(channel: str, name: str, data: Brief) -> tuple[Hashable, ...]:
    # stages for `align`: all three; without numbers and ids; channel and name; channel and data; data; name
    place, bound = (channel, name), _bound(data)
    steady = *place, _steady(data.text), *bound
    return (*place, data.text, *bound), steady, place, (channel, data.text), data.text, name
