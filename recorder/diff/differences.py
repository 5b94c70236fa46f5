"""Find the differences between two recordings of a session, as data. Sans-IO.

Triples are paired by operation, keys and order within their session; in a pair, request, ack and events are compared
field by field. An id or pseudonym differs only if one value in one recording stands for two in the other (see
`holes`). Times are compared only with a threshold, because no two recordings have equal times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import zip_longest
from typing import Self

from ..dialect.definition import Dialect
from ..errors import UsageError
from ..model import JSON, Event, Link, Recording, Triple
from ..redaction.policy import Policy
from ..requests.bindings import ABSENT
from .align import Match, align, pair_groups
from .bound import BOUND, Bound
from .drafts import Draft, Drafts
from .holes import Leaf, Masks, Reader, Seen, plain_of
from .renames import Renames, digest
from .shapes import EVENT_STRICT, Group, Shaper, Shapes, root_of
from .words import Hole

_MS = 1_000_000  # nanoseconds


class What(Enum):
    """The kinds of differences between two recordings."""

    TRIPLE_MISSING = "triple missing"
    TRIPLE_NEW = "triple new"
    TRIPLE_MOVED = "triple moved"
    FIELD_ADDED = "field added"
    FIELD_REMOVED = "field removed"
    FIELD_CHANGED = "field changed"
    FIELD_TYPED = "type changed"
    STATUS = "status changed"
    ACK_MISSING = "ack missing"
    ACK_NEW = "ack new"
    EVENT_MISSING = "event missing"
    EVENT_NEW = "event new"
    EVENT_MOVED = "event moved"
    CHANNEL = "channel changed"
    RENAMED = "id renamed inconsistently"
    LATENCY = "latency changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs.

    Attributes:
        what: The kind of difference.
        where: Path in the triple as `recorder ls --json` prints it, e.g. `events[1].data.record`. Places in lists are
            those of the old recording, or of the new recording for what only the new one has.
        old: Value in the old recording, `ABSENT` for none; for a latency, milliseconds after the request.
        new: Value in the new recording, `ABSENT` for none; for a latency, milliseconds after the request.
        kinds: Of an id that is renamed inconsistently: what it is, as in `Hole.kind`.
    """

    what: What
    where: str
    old: JSON = ABSENT
    new: JSON = ABSENT
    kinds: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """A triple (or an exchange that is no operation) of one recording or both, with its differences.

    `old` and `new` are both None for the unsolicited events, which belong to no triple.
    """

    old: Triple | None
    new: Triple | None
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """The threshold from which times differ: a share of the old time, or milliseconds.

    Attributes:
        share: Part of the old time, e.g. 0.5 for 50 %; None if `ms` counts.
        ms: Milliseconds, if `share` is None.
    """

    share: float | None = None
    ms: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a threshold such as `50%` or `200ms`.

        Raises:
            UsageError: If the text is neither a percentage nor milliseconds.
        """
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)(%|ms)", text, re.ASCII)
        if found is None:
            raise UsageError(f"{text!r} is not a latency threshold; write e.g. 50% or 200ms")
        number = float(found[1])
        return cls(share=number / 100) if found[2] == "%" else cls(ms=number)

    def exceeded(self, old: float, change: float) -> bool:
        """Return whether a change of the old time exceeds the threshold; both are milliseconds."""
        return abs(change) > (old * self.share if self.share is not None else self.ms or 0.0)


def differences(
    old: Recording,
    new: Recording,
    dialect: Dialect,
    policy: Policy | None = None,
    latency: Latency | None = None,
    *,
    bound: Iterable[tuple[str, str]] = (),
) -> Iterator[Changed]:
    """Yield the triples, other exchanges and unsolicited events that differ, session by session.

    Both recordings are read in order, and reduced to shapes; triples of unequal shapes are read again.

    Args:
        old: The recording to compare with.
        new: The other recording.
        dialect: The dialect by which both recordings are read.
        policy: The policy by which one or both recordings were redacted, None if neither was.
        latency: The threshold from which times differ; None if times do not count.
        bound: Values of the old recording, each with the one of the new recording that stands for it, as a drive knows
            them. A value may be in several pairs.
    """
    return Comparison(old, new, dialect, policy, latency, bound=bound).all()


class Comparison:
    """A comparison of two recordings; its arguments are those of `differences`."""

    def __init__(
        self,
        old: Recording,
        new: Recording,
        dialect: Dialect,
        policy: Policy | None = None,
        latency: Latency | None = None,
        *,
        bound: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Read both recordings once."""
        self._old, self._new, self._dialect, self._latency = old, new, dialect, latency
        self.bound = Bound(bound)
        servers = {old.header.upstream, new.header.upstream}
        masks = _masks(old, new, policy) if policy is not None else (None, None)
        self._drafts = Drafts(old, dialect), Drafts(new, dialect)
        self._a, self._b = (
            Reader(drafts.ids, dialect, own, servers, classes)
            for drafts, own, classes in zip(self._drafts, masks, (self.bound.old, self.bound.new), strict=True)
        )
        self._shapers = tuple(Shaper(reader, dialect, timed=latency is not None) for reader in (self._a, self._b))
        self._renames = Renames()
        for name in {*self.bound.old.values()}:  # a class stands for itself alone
            self._renames.contradicts(digest(Hole(BOUND, name)), digest(Hole(BOUND, name)))

    def all(self) -> Iterator[Changed]:
        """Yield what differs, once; see `differences`."""
        old, new = self._drafts
        yield from self._exchanges(self._old.triples, self._new.triples, (old.triples(), new.triples()))
        yield from self._exchanges(self._old.plain, self._new.plain, (old.plain(), new.plain()))
        yield from self._unsolicited()

    def event(self, old: Event, new: Event, where: str) -> list[Difference]:
        """Return the differences of two events, whose paths begin with `where`."""
        return list(self._pushed(old, new, where))

    def _exchanges(
        self, old: Sequence[Triple], new: Sequence[Triple], drafts: tuple[Iterable[Draft], Iterable[Draft]]
    ) -> Iterator[Changed]:
        sides = zip(self._shapers, drafts, (old, new), strict=True)
        mine, its = (shaper.exchanges(own, items) for shaper, own, items in sides)
        for a, b in pair_groups(mine.first_keys(), its.first_keys()):
            group, other = mine.group(a), its.group(b)
            for match in align(group, other):
                places = _place(group, match.old), _place(other, match.new)
                if not match.moved and self._are_equal(mine, its, *places):
                    continue
                was, now = (None if at is None else side[at] for side, at in zip((old, new), places, strict=True))
                found = tuple(self._triple(was, now, moved=match.moved))
                if found:
                    yield Changed(was, now, found)

    def _are_equal(self, mine: Shapes, its: Shapes, old: int | None, new: int | None) -> bool:
        """Return whether two items surely have no difference, by their shapes; then note the pairs of their ids."""
        if old is None or new is None or mine.digest(old) != its.digest(new):
            return False
        if self._latency is not None and any(_late(mine.times(old), its.times(new), self._latency)):
            return False
        return self._renames.agree(mine.holes(old), its.holes(new))

    def _triple(self, old: Triple | None, new: Triple | None, *, moved: bool) -> Iterator[Difference]:
        if old is None or new is None:
            what = What.TRIPLE_MISSING if new is None else What.TRIPLE_NEW
            yield Difference(what, "", ABSENT if old is None else _title(old), ABSENT if new is None else _title(new))
            return
        if moved:
            yield Difference(What.TRIPLE_MOVED, "n", old.n, new.n)
        yield from self._request(old, new)
        yield from self._ack(old, new)
        mine, its = (shaper.events(side.events) for shaper, side in zip(self._shapers, (old, new), strict=True))
        matches = align(mine, its, EVENT_STRICT)
        for match in matches:
            if match.moved and not _crosses(match, matches, old.events, new.events):
                match = replace(match, moved=False)  # noqa: PLW2901  # two clients hear in any order
            yield from self._event(_link(old.events, match.old), _link(new.events, match.new), match)
        if self._latency is not None:
            yield from _latency(old, new, matches, self._latency)

    def _request(self, old: Triple, new: Triple) -> Iterator[Difference]:
        mine, its = old.request, new.request
        if mine.method != its.method:
            yield Difference(What.FIELD_CHANGED, "request.method", mine.method, its.method)
        yield from self._compare(self._a.path(mine.target), self._b.path(its.target), "request.path")
        yield from self._compare(self._a.query(mine.target), self._b.query(its.target), "request.query")
        yield from self._compare(
            self._a.body(mine.body, root_of(mine)), self._b.body(its.body, root_of(its)), "request.body"
        )

    def _ack(self, old: Triple, new: Triple) -> Iterator[Difference]:
        mine, its = old.ack, new.ack
        if mine is None or its is None:
            if mine is not None or its is not None:
                shown = _answer(old), _answer(new)
                yield Difference(What.ACK_MISSING if its is None else What.ACK_NEW, "ack", *shown)
            return
        if mine.status != its.status:
            yield Difference(What.STATUS, "ack.status", mine.status, its.status)
        yield from self._compare(self._a.body(mine.body), self._b.body(its.body), "ack.body")

    def _event(self, old: Event | None, new: Event | None, match: Match, root: str = "events") -> Iterator[Difference]:
        where = f"{root}[{match.new if match.old is None else match.old}]"
        if old is None or new is None:
            what = What.EVENT_MISSING if new is None else What.EVENT_NEW
            yield Difference(what, where, _shown(old), _shown(new))
            return
        if match.moved:
            yield Difference(What.EVENT_MOVED, where, match.old, match.new)
        yield from self._pushed(old, new, where)

    def _pushed(self, old: Event, new: Event, where: str) -> Iterator[Difference]:
        if old.channel != new.channel:
            yield Difference(What.CHANNEL, f"{where}.channel", old.channel, new.channel)
        yield from self._compare(self._a.data(old), self._b.data(new), f"{where}.data")

    def _unsolicited(self) -> Iterator[Changed]:
        sides = self._old.unsolicited, self._new.unsolicited
        drafts = (own.unsolicited() for own in self._drafts)
        mine, its = (s.unsolicited(own, items) for s, own, items in zip(self._shapers, drafts, sides, strict=True))
        found: list[Difference] = []
        group, other = mine.group(None), its.group(None)
        for match in align(group, other, EVENT_STRICT):
            places = _place(group, match.old), _place(other, match.new)
            if self._are_equal(mine, its, *places):
                continue
            was, now = (None if at is None else side[at].event for side, at in zip(sides, places, strict=True))
            # no operation caused these events, so their order has no meaning
            found += self._event(was, now, Match(*places), "unsolicited")
        if found:
            yield Changed(None, None, tuple(found))

    def _compare(self, old: Seen, new: Seen, where: str) -> Iterator[Difference]:
        if isinstance(old, dict) and isinstance(new, dict):
            partners = self._partners(old, new)
            for name in old:
                yield from self._member(old[name], new.get(partners.get(name, name)), f"{where}.{name}")
            taken = {*old, *partners.values()}
            for name in new:
                if name not in taken:
                    yield from self._member(None, new[name], f"{where}.{name}")
        elif isinstance(old, list) and isinstance(new, list):
            for place in range(max(len(old), len(new))):
                mine, its = (side[place] if place < len(side) else None for side in (old, new))
                yield from self._member(mine, its, f"{where}[{place}]")
        elif isinstance(old, Leaf) and isinstance(new, Leaf):
            yield from self._leaf(old, new, where)
        else:
            yield Difference(What.FIELD_TYPED, where, plain_of(old), plain_of(new))

    def _partners(self, old: dict[str, Seen], new: dict[str, Seen]) -> dict[str, str]:
        """Return the members that are named by bound values, each with the one that stands for it."""
        if not self.bound or old.keys() == new.keys():
            return {}
        left = {self.bound.new[name]: name for name in new if name not in old and name in self.bound.new}
        gone = {name: self.bound.old[name] for name in old if name not in new and name in self.bound.old}
        return {name: left.pop(known) for name, known in gone.items() if known in left}

    def _member(self, old: Seen | None, new: Seen | None, where: str) -> Iterator[Difference]:
        if old is not None and new is not None:
            yield from self._compare(old, new, where)
        elif old is not None:
            yield Difference(What.FIELD_REMOVED, where, old=plain_of(old))
        elif new is not None:
            yield Difference(What.FIELD_ADDED, where, new=plain_of(new))

    def _leaf(self, old: Leaf, new: Leaf, where: str) -> Iterator[Difference]:
        kinds = [[hole.kind for hole in leaf.holes] for leaf in (old, new)]
        if old.type != new.type:
            yield Difference(What.FIELD_TYPED, where, old.plain, new.plain)
        elif old.text != new.text or kinds[0] != kinds[1]:
            if not (self.bound and self.bound.same(old.plain, new.plain)):
                yield Difference(What.FIELD_CHANGED, where, old.plain, new.plain)
        else:
            # a list, not a generator: every pair must be noted, also behind a contradiction
            against = [
                a.kind
                for a, b in zip(old.holes, new.holes, strict=True)
                if self._renames.contradicts(digest(a), digest(b))
            ]
            # a constant may be equal to a bound value by chance
            if against and not ({*against} == {BOUND} and self.bound.same(old.plain, new.plain)):
                yield Difference(What.RENAMED, where, old.plain, new.plain, tuple(dict.fromkeys(against)))


def _crosses(match: Match, matches: Iterable[Match], old: Sequence[Link], new: Sequence[Link]) -> bool:
    """Return whether an event changed its place among those that one client heard."""
    if match.old is None or match.new is None:
        return False
    clients = old[match.old].event.client_id, new[match.new].event.client_id
    return any(
        (other.old < match.old) != (other.new < match.new)
        for other in matches
        if other.old is not None
        and other.new is not None
        and other is not match
        and (old[other.old].event.client_id, new[other.new].event.client_id) == clients
    )


def _latency(old: Triple, new: Triple, matches: Sequence[Match], limit: Latency) -> Iterator[Difference]:
    """Yield the parts that came later or earlier, except those that shifted only with the part before them."""
    names = [f"events[{m.old}].offset_ms" for m in matches if m.old is not None and m.new is not None]
    pairs = [(m.old, m.new) for m in matches if m.old is not None and m.new is not None]
    mine = [old.events[i].event.t - old.request.t for i, _ in pairs]
    its = [new.events[j].event.t - new.request.t for _, j in pairs]
    if old.ack is not None and new.ack is not None:
        names.append("ack.ms")
        mine.append(old.ack.t - old.request.t)
        its.append(new.ack.t - new.request.t)
    for place, was, now in _late(mine, its, limit):
        yield Difference(What.LATENCY, names[place], round(was, 3), round(now, 3))


def _late(old: Sequence[int], new: Sequence[int], limit: Latency) -> Iterator[tuple[int, float, float]]:
    """Yield place and times (milliseconds) of the parts that differ; the times given are nanoseconds of each part."""
    before = 0.0
    for place in sorted(range(len(old)), key=old.__getitem__):
        was, now = old[place] / _MS, new[place] / _MS
        change = now - was
        # a part that is late only because the part before it was late has no change of its own
        if limit.exceeded(was, change) and limit.exceeded(was, change - before):
            yield place, was, now
        before = change


def _masks(old: Recording, new: Recording, policy: Policy) -> tuple[Masks, Masks] | tuple[None, None]:
    """Return the masks of both recordings, which have read them; None if one key made the pseudonyms in both."""
    masks = Masks(policy), Masks(policy)
    hidden: tuple[set[str], set[str]] = set(), set()
    for found in zip_longest(*(own.learn(side) for own, side in zip(masks, (old, new), strict=True)), fillvalue=()):
        for side, more in zip(hidden, found, strict=True):
            side.update(more)
        # a pseudonym in both recordings proves that one key made them, so pseudonyms can be compared as plain values
        if not (hidden[0].isdisjoint(found[1]) and hidden[1].isdisjoint(found[0])):
            return None, None
    return masks


def _place(group: Group, at: int | None) -> int | None:
    return None if at is None else group.places[at]


def _link(links: Sequence[Link], place: int | None) -> Event | None:
    return None if place is None else links[place].event


def _shown(event: Event | None) -> JSON:
    return ABSENT if event is None else {"channel": event.channel, "data": event.data}


def _title(triple: Triple) -> str:
    return triple.operation or f"{triple.request.method} {triple.request.target}"


def _answer(triple: Triple) -> JSON:
    if triple.ack is not None:
        return triple.ack.status
    return triple.failure.reason if triple.failure else "the capture ended before the ack came"
