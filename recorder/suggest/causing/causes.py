"""Assign events to the requests that probably caused them; all else is derived from that.

An id that only one request has claims each event that repeats it, unless later requests show that the events are not
about that request: an order number of the client stands in each event of the order, whichever request caused it. The
other events go to one of the requests that share their rarest value: one whose operation has caused such events, and of
these rather a late one that still waits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log
from statistics import median

from ..reading.nouns import alike
from ..reading.traffic import Asked, Pushed, Traffic
from .chance import is_rare, typical
from .joins import READS, WINDOW, Joins, Pair, Source, are_one, leaves
from .nearest import Nearest

_CONFLICTS = 0.08  # share of an id's events that are another request's, above which it is no id of one request
_REUSED = 0.1  # share of the values of a place that several requests have, above which they are ids of things
_NEAR = 0.3  # how much of the weight of the rarest value another value must have to count beside it
_FEW, _SHARED = 0.3, 0.7  # events that count as none; weight of the share of the events of a kind
_WORD = 0.8  # what a word adds that the names of an operation and of an event have in common
_LATER, _SERVED = 0.5, 1.5  # what each later request, and an event of this kind before, take from a request's score
# How many other requests may lie between a request and its events; how many requests of an operation have an event of a
# kind, and how many events of a kind it must have else; below which share it is a coincidence in any case.
_LATE, _OFTEN, _MINE, _SELDOM = 3, 0.3, 0.5, 0.08
_BY_WORDS = 0.6  # the same, where only words are equal
_TELLS = 0.7  # weight of a value that tells a request from most others
_TELLING = 0.1  # weight of a value that tells anything
_RECENT = 64  # requests with one value that are compared with an event: in long recordings, the latest
_WHOLE, _MANY = 0.5, 3.0  # share of all events that repeat a value, and how many times that of the requests


@dataclass(frozen=True, slots=True)
class Share:
    """A value that a request and an event share, with the places."""

    asked: Asked
    pair: Pair
    value: str


def _number(share: Share) -> int:
    return share.asked.number


@dataclass(slots=True)
class Causes:
    """Which request caused which event.

    Attributes:
        of: The request, by the number of the event.
        exact: Pairs of places whose values belong to one request each.
        attributes: Pairs whose values belong to one request each, but stand in the events of others too.
        followed: The request before an event that shares nothing with it, but follows its operation alone.
        shares: What each event shares with requests, by the number of the event.
        unsure: Kinds of events of which some have no likely cause.
    """

    traffic: Traffic
    joins: Joins
    of: dict[int, Asked] = field(default_factory=dict)
    exact: set[Pair] = field(default_factory=set)
    attributes: set[Pair] = field(default_factory=set)
    followed: dict[int, Asked] = field(default_factory=dict)
    shares: dict[int, list[Share]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    nearest: Nearest = field(init=False)
    _operations: int = 0  # how many requests there are, without those that only read
    _numbers: dict[int | None, list[int]] = field(default_factory=lambda: defaultdict(list))  # requests by session
    _repeated: Counter[tuple[int, str]] = field(default_factory=Counter)  # how many events repeat a value

    def assign(self) -> None:
        """Assign the events: at first each to the latest request that fits, then by the kinds that they have now."""
        affinity, usual = self._affinity() if self.of else ({}, {})
        self.of = {}
        served: Counter[tuple[int, str, str]] = Counter()
        for event in self.traffic.pushed:
            found = self._cause(event, affinity, usual, served)
            if found is not None:
                self.of[event.number] = found
                for value in self._shared(event, found):
                    served[found.number, event.kind, value] += 1

    def find(self) -> None:
        """Find what events share with requests, and which ids claim events."""
        self.nearest = Nearest(self.traffic)
        self._operations = sum(one.method not in READS for one in self.traffic.asked)
        self.shares = dict(self._shares())
        for shares in self.shares.values():
            self._repeated.update({(one.asked.cassette, one.value) for one in shares})
        exclusive = {pair for pair in self.joins.found if self._is_exclusive(pair)}
        shared = {pair.event for pair in self.joins.found.keys() - exclusive}
        self._judge({pair for pair in exclusive if pair.event not in shared})

    def _shares(self) -> Iterator[tuple[int, list[Share]]]:
        by_source: dict[Source, list[Pair]] = defaultdict(list)
        for pair in self.joins.found:
            by_source[pair.source].append(pair)
        known: dict[tuple[int, str, str], list[Share]] = defaultdict(list)
        for asked in self.traffic.asked:
            for is_answer, path, values in leaves(asked):
                for pair in by_source.get(Source(asked.operation, is_answer, path), ()):
                    for value in values:
                        if not is_answer or self.joins.is_new(asked, value):
                            known[asked.cassette, pair.event, value].append(Share(asked, pair, value))
        for event in self.traffic.pushed:
            found: list[Share] = []
            for path, values in event.values.items():
                for value in values:
                    every = known.get((event.cassette, path, value), ())
                    end = bisect_left(every, event.number, key=_number)
                    found += every[max(0, end - _RECENT) : end]
            yield event.number, found

    def _is_exclusive(self, pair: Pair) -> bool:
        cassettes = range(len(self.traffic.headers))
        known = ((place, value) for value in self.joins.found[pair].values for place in cassettes)
        users = [len(self.joins.users[one]) for one in known if one in self.joins.users]
        return bool(users) and sum(count > 1 for count in users) <= _REUSED * len(users)

    def _users(self, cassette: int, value: str) -> int:
        return len(self.joins.users.get((cassette, value), ())) or 1

    def _judge(self, exclusive: set[Pair]) -> None:
        """Tell the ids of requests from ids of things, which stand in the events of other requests too."""
        claims: dict[int, dict[int, Asked]] = {}
        for number, shares in self.shares.items():
            mine = {one.asked.number: one.asked for one in shares if one.pair in exclusive and self._is_own(one)}
            claims[number] = mine
        topics = {event.number: event.topic for event in self.traffic.pushed}
        starved = self._starved(exclusive, claims, topics)
        lacking = self._lacking(claims)
        conflicts: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for number, shares in self.shares.items():
            topic = topics[number]
            last = max((one.asked.number for one in shares if (one.asked.number, topic) in starved), default=-1)
            newest = max(*claims[number], lacking.get(number, -1), -1)
            for path, asked in {(one.pair.event, one.asked.number) for one in shares if one.pair in exclusive}:
                counts[path] += 1
                conflicts[path] += asked < max(last, newest)
        self.attributes = {pair for pair in exclusive if conflicts[pair.event] > _CONFLICTS * counts[pair.event]}
        self.exact = exclusive - self.attributes

    def _lacking(self, claims: dict[int, dict[int, Asked]]) -> dict[int, int]:
        """Return the requests that lack the event after them, which an earlier request claims that had one before."""
        explained = {number for number, mine in claims.items() if mine}
        first: dict[int, int] = {}
        for number in sorted(explained):
            for asked in claims[number]:
                first.setdefault(asked, number)
        found: dict[int, int] = {}
        for event in self.traffic.pushed:
            newest = max(claims[event.number].values(), key=lambda one: one.number, default=None)
            if newest is not None:
                near = self.nearest.rival(event, newest, explained, first)
                if near is not None and first[newest.number] < near.number:
                    found[event.number] = near.number
        return found

    def _is_own(self, share: Share) -> bool:
        return self._users(share.asked.cassette, share.value) == 1

    def _starved(
        self, exclusive: set[Pair], claims: dict[int, dict[int, Asked]], topics: dict[int, str]
    ) -> set[tuple[int, str]]:
        """Return the requests each of whose events on a channel an id of another, earlier request claims."""
        free: dict[tuple[int, str], bool] = {}
        for number, shares in self.shares.items():
            for one in shares:
                place = one.asked.number, topics[number]
                if one.asked.number in claims[number]:
                    free[place] = True
                elif one.pair not in exclusive and self.weight(one) > _TELLS:
                    is_free = not any(claimer < one.asked.number for claimer in claims[number])
                    free[place] = free.get(place, False) or is_free
        return {place for place, is_free in free.items() if not is_free}

    def weight(self, share: Share) -> float:
        """Return how much a value tells: the rarer among requests and among events, the more."""
        cassette, value = share.asked.cassette, share.value
        if self._operations == 1:
            return 1.0  # there is nothing to compare with
        of_requests = self._users(cassette, value) / max(1, self._operations)
        of_events = self._repeated[cassette, value] / max(1, len(self.traffic.pushed))
        if of_events > _WHOLE and of_events > _MANY * of_requests:
            return 0.0  # an attribute of the session that one request told first, e.g. the number of its agent
        return max(0.0, -log(max(of_requests, of_events)))

    def claimed(self, event: Pushed) -> Asked | None:
        """Return the request whose own id an event repeats, None if there is none."""
        shares = self.shares.get(event.number, ())
        mine = [
            one.asked for one in shares if one.pair in self.exact and self._is_own(one) and are_one(one.asked, event)
        ]
        return max(mine, key=lambda one: one.number, default=None)

    def telling(self, event: Pushed, asked: Asked) -> list[Share]:
        """Return the rare values that an event shares with a request."""
        return [one for one in self.shares[event.number] if one.asked is asked and self.weight(one) > _TELLING]

    def rivals(self, event: Pushed) -> list[Asked]:
        """Return the requests that share a rare value with an event, the latest first."""
        fitting = [
            one
            for one in self.shares.get(event.number, ())
            if one.asked.method not in READS
            and one.asked.is_good
            and are_one(one.asked, event)
            and event.t - one.asked.t <= WINDOW
        ]
        weights: dict[int, float] = {}
        for one in fitting:
            weights[one.asked.number] = max(weights.get(one.asked.number, 0.0), self.weight(one))
        least = max(_TELLING, _NEAR * max(weights.values(), default=0.0))
        found = {one.asked.number: one.asked for one in fitting if weights[one.asked.number] >= least}
        return [found[number] for number in sorted(found, reverse=True)]

    def _affinity(self) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
        """Return how well a kind of events fits an operation, and how many such events a request gets.

        It fits the better, the more requests of the operation get one, and the more of these events are of them.
        """
        counts: dict[tuple[str, str], float] = defaultdict(float)
        events: Counter[tuple[str, str, int, str]] = Counter()
        for event in self.traffic.pushed:
            asked = self.of.get(event.number)
            if asked is not None:
                events[asked.operation, event.kind, asked.number, min(self._shared(event, asked), default="")] += 1
                counts[asked.operation, event.kind] += 1
        requests = Counter(one.operation for one in self.traffic.asked if one.is_good)
        lists: dict[tuple[str, str], list[int]] = defaultdict(list)
        for (operation, kind, _, _), count in events.items():
            lists[operation, kind].append(count)
        kinds: dict[str, float] = defaultdict(float)
        for (_, kind), there in counts.items():
            kinds[kind] += there
        return (
            {
                pair: min(1.0, count / max(1, requests[pair[0]]))
                * ((count + _FEW) / (kinds[pair[1]] + _FEW)) ** _SHARED
                for pair, count in counts.items()
            },
            {pair: sum(own) / len(own) for pair, own in lists.items()},
        )

    def _shared(self, event: Pushed, asked: Asked) -> set[str]:
        return {one.value for one in self.shares[event.number] if one.asked is asked}

    def _cause(
        self,
        event: Pushed,
        affinity: dict[tuple[str, str], float],
        usual: dict[tuple[str, str], float],
        served: Counter[tuple[int, str, str]],
    ) -> Asked | None:
        claimed = self.claimed(event)
        if claimed is not None:
            return claimed

        def score(place: int, one: Asked) -> float:
            often = min(1.0, affinity.get((one.operation, event.kind), 0.0))
            before = max((served[one.number, event.kind, value] for value in self._shared(event, one)), default=0)
            most = max(1.0, usual.get((one.operation, event.kind), 1.0))
            told = _WORD * alike(one.operation, event.kind)
            return log(often + 0.02) + told - _LATER * place - (_SERVED if before >= most else 0.0)

        rivals = list(enumerate(self.rivals(event)))
        best = max(rivals, key=lambda one: score(*one), default=None)
        return None if best is None else best[1]

    def prune(self) -> None:
        """Leave only causes that fit: a claim, or an operation that often causes such events, and soon after it."""
        pairs: dict[tuple[str, str], list[tuple[Asked, Pushed]]] = defaultdict(list)
        kinds: Counter[str] = Counter()
        for event in self.traffic.pushed:
            asked = self.of.get(event.number)
            if asked is not None:
                pairs[asked.operation, event.kind].append((asked, event))
                kinds[event.kind] += 1
        requests = Counter(one.operation for one in self.traffic.asked if one.is_good)
        usual = median([self._between(*one) for some in pairs.values() for one in some] or [0])
        for (operation, kind), some in pairs.items():
            often = len({asked.number for asked, _ in some}) / max(1, requests[operation])
            mine = len(some) / kinds[kind]
            late = median([self._between(*one) for one in some]) > _LATE + _LATE * usual
            words = not any(map(self._tells, some))
            if late or (often < _OFTEN and mine < _MINE) or often < (_BY_WORDS if words else _SELDOM):
                self._drop(some)
        self._drop_coincidences()

    def _drop_coincidences(self) -> None:
        """Drop the causes of events that share values with requests by chance."""
        pairs: dict[tuple[str, str], list[tuple[Asked, Pushed]]] = defaultdict(list)
        for event in self.traffic.pushed:
            asked = self.of.get(event.number)
            if asked is not None and self.claimed(event) is None:
                pairs[asked.operation, event.kind].append((asked, event))
        counts = Counter(event.kind for event in self.traffic.pushed)
        requests: dict[str, list[Asked]] = defaultdict(list)
        for one in self.traffic.asked:
            if one.is_good:
                requests[one.operation].append(one)
        for (operation, kind), some in pairs.items():
            joined = {share.pair for asked, event in some for share in self.telling(event, asked)}
            soon = typical(requests[operation], [event for _, event in some], sorted(joined))
            if soon is None or is_rare(requests[operation], some, soon, counts[kind]):
                self._drop(some)

    def _tells(self, cause: tuple[Asked, Pushed]) -> bool:
        """Return whether a request and an event share an id, not only words."""
        asked, event = cause
        return any(one.isdigit() for value in self._shared(event, asked) for one in value)

    def _drop(self, some: list[tuple[Asked, Pushed]]) -> None:
        for _, event in some:
            if self.claimed(event) is None:
                del self.of[event.number]
                self.unsure.add(event.kind)

    def _between(self, asked: Asked, event: Pushed) -> int:
        """Return how many other requests a session sent between a request and an event."""
        if not self._numbers:
            for one in self.traffic.asked:
                if one.method not in READS:
                    self._numbers[one.session].append(one.number)
        own = self._numbers.get(asked.session, [])
        return max(0, bisect_left(own, event.number) - bisect_right(own, asked.number))
