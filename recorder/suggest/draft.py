"""Put together what was found in traffic: the keys, operations and events of a dialect, before it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from ..cassette.reader import Cassette
from ..push.rules import MESSAGE
from .causing.causes import Causes
from .causing.commands import field_of, rename
from .causing.joins import READS, SECOND, Joins
from .causing.kinds import Naming, naming
from .causing.twins import Twins, heartbeats, twins
from .keys import Key, choose, echoed
from .operations import Found, can_be_listed, follow, operations
from .reading.prepared import prepare
from .reading.topics import Topics, topics
from .reading.traffic import Asked, Pushed, Traffic, traffic_of
from .replaying import Minted, Status, minted, status_of, volatile

_SOON = 2 * SECOND
_CONTENT = 0.4  # share of the events that repeat a field of their request
_ROUNDS = 3  # in which causes tell the names of events, and these the causes


@dataclass(slots=True)
class Draft:
    """The findings that a dialect is written from.

    Attributes:
        command: Path of the field of requests that names the operation, None without one.
        beats: Heartbeats by their names.
        topics: Where messages without Bayeux say what they are about.
        unasked: Names of events that come without a request too, with how many.
        unreferenced: Names of events that never repeat the exact id of their operation, with how many.
    """

    traffic: Traffic
    causes: Causes
    naming: Naming
    command: str | None
    twins: Twins | None
    beats: dict[str, list[Pushed]]
    keys: list[Key]
    found: dict[str, Found]
    status: Status | None
    minted: list[Minted]
    volatile: dict[str, str]
    topics: Topics = field(default_factory=Topics)
    siblings: dict[str, str] = field(default_factory=dict)
    unasked: dict[str, int] = field(default_factory=dict)
    unreferenced: dict[str, int] = field(default_factory=dict)

    @property
    def operations(self) -> list[Found]:
        """The operations, each once."""
        return list({id(one): one for one in self.found.values()}.values())


def draft(cassettes: Sequence[Cassette], refused: Collection[tuple[str, str]] = ()) -> Draft:
    """Return what a dialect for some cassettes is written from.

    Args:
        cassettes: The cassettes.
        refused: Operations and names of events that only seem to follow them.
    """
    traffic = traffic_of(cassettes)
    said = topics(traffic)
    if said != Topics():
        traffic = traffic_of(cassettes, said.rules())
    prepare(traffic)
    causes, names, double = _assigned(traffic)
    command = field_of(causes)
    if command is not None:
        rename(traffic.asked, command)
        causes, names, double = _assigned(traffic)
    causes.prune()
    repeats = set(double.pairs if double else ())
    found = operations(causes, repeats)
    follow(causes, found, repeats, refused)
    found = {operation: one for operation, one in found.items() if one.events or not operation.startswith(MESSAGE)}
    listed = [event for event in traffic.pushed if can_be_listed(event.channel) and can_be_listed(event.kind)]
    beats = heartbeats(listed, {*causes.of, *causes.followed, *repeats})
    left_out = {event.number for events in beats.values() for event in events} | repeats
    keys = choose(causes, left_out)
    extra = echoed(causes, keys)
    extra_names = {one.name for one in minted(causes, extra)}
    keys += [one for one in extra if one.name in extra_names]
    return replace(
        Draft(
            traffic,
            causes,
            names,
            command,
            double,
            beats,
            keys,
            found,
            status_of(causes),
            minted(causes, keys),
            volatile(causes, keys),
        ),
        topics=said,
        unasked=_unasked(causes, left_out),
        unreferenced=_unreferenced(causes, keys, left_out),
    )


def _assigned(traffic: Traffic) -> tuple[Causes, Naming, Twins | None]:
    """Return the causes and the names of events, which tell each other."""
    causes = Causes(traffic, Joins(traffic))
    causes.find()
    double = twins(causes)
    known = double.names if double is not None else ()
    ids = {pair.event for pair in causes.exact}
    for event in traffic.pushed:
        event.kind = event.topic
    causes.assign()
    ids |= _repeated(causes)

    before = _before(traffic)

    def cause(event: Pushed) -> str:
        asked = causes.of.get(event.number)
        return before.get(event.number, "") if asked is None else asked.operation

    for _ in range(_ROUNDS):
        names = naming(traffic.pushed, cause, ids, known)
        for event in traffic.pushed:
            event.kind = names.of(event)
        causes.assign()
    for twin, original in (double.pairs if double is not None else {}).items():
        causes.of.pop(twin, None)
        if original in causes.of:
            causes.of[twin] = causes.of[original]
    return causes, names, double


def _repeated(causes: Causes) -> set[str]:
    """Return the places in events that repeat a field of the same name of their requests: content, no names."""
    equal: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for event in causes.traffic.pushed:
        asked = causes.of.get(event.number)
        if asked is None:
            continue
        sent = {(path.rpartition(".")[2].lower(), values) for path, values in asked.sent.items()}
        for path, values in event.values.items():
            if len(values) == 1:
                count[path] += 1
                equal[path] += (path.rpartition(".")[2].lower(), values) in sent
    return {path for path in equal if equal[path] >= _CONTENT * count[path]}


def _before(traffic: Traffic) -> dict[int, str]:
    """Return the operation of the last request of its session before an event, if it came soon before."""
    found: dict[int, str] = {}
    last: dict[int | None, Asked] = {}
    messages: list[Asked | Pushed] = [*traffic.asked, *traffic.pushed]
    for one in sorted(messages, key=lambda one: one.number):
        if isinstance(one, Asked):
            if one.method not in READS:
                last[one.session] = one
        else:
            near = [last[session] for session in (one.session, None) if session in last]
            best = max(near, key=lambda asked: asked.number, default=None)
            if best is not None and best.cassette == one.cassette and one.t - best.t <= _SOON:
                found[one.number] = f"after {best.operation}"
    return found


def _unasked(causes: Causes, left_out: set[int]) -> dict[str, int]:
    """Return the names of events that operations cause, but that come without a cause too."""
    caused = Counter(event.kind for event in causes.traffic.pushed if event.number in causes.of)
    lone = Counter(
        event.kind
        for event in causes.traffic.pushed
        if event.number not in causes.of and event.number not in causes.followed and event.number not in left_out
    )
    for kind in causes.unsure:
        lone[kind] += not lone[kind]
    return {kind: lone[kind] for kind in sorted(lone) if kind in caused}


def _unreferenced(causes: Causes, keys: list[Key], left_out: set[int]) -> dict[str, int]:
    """Return the names of events that do not repeat the exact id that their operation has."""
    exact = [key for key in keys if key.is_exact]
    sources = {source for key in exact for source in key.sources}
    places = {path for key in exact for path in key.events}
    operations_with = {source.operation for source in sources}
    without: Counter[str] = Counter()
    having: set[str] = set()
    for event in causes.traffic.pushed:
        asked = causes.of.get(event.number) or causes.followed.get(event.number)
        if places & event.values.keys():
            having.add(event.kind)
        elif asked is not None and event.number not in left_out and asked.operation in operations_with:
            without[event.kind] += 1
    return {kind: count for kind, count in sorted(without.items()) if kind not in having}
