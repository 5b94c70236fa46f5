"""Find the values of requests and answers that later events repeat, and tell ids from constants and coincidences.

A join is a place in the requests of one operation and a place in events. It counts where the events after a request
repeat its value more often than unrelated values would be equal: by how often the value occurs there anyway, and for a
value that is too rare for that, by its looks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log
from typing import NamedTuple

from ..reading.nouns import singular, snake
from ..reading.personal import personal
from ..reading.traffic import BARE, Asked, Pushed, Traffic
from ..reading.values import chance, is_name, is_random

SECOND = 1_000_000_000
WINDOW = 60 * SECOND  # how long after a request its events may come
READS = frozenset({"GET", "HEAD", "OPTIONS"})
_RANKS = (1, 2, 4, 8, 16, 64)  # the value is among so many next events that have one there
_ENOUGH, _SOME, _MOST_CHANCE = 5.0, 0.4, 0.999
_VARIED = 5  # different values in a place, from which on how often each occurs says more than looks
_AGAIN, _MOST_AGAIN = 0.3, 5
_PLAIN = frozenset({"id", "name", "type", "status", "state", "value", "*"})  # names that say nothing
_NAMED = ("id", "key", "ref", "number")  # ends of the names of ids: of these, equal names are enough
_TOLD = 2.5  # what equal names add to the evidence
_NEAR = 4.0  # evidence by which one place in events must be better to stand for another
_STALE = 0.2  # share of answers that may hold what was known before
_SURE = 12.0  # evidence of all operations together that counts for one of them
_LONE = 4.5  # evidence by looks alone, where all events have one value


class Source(NamedTuple):
    """A place in the requests of an operation, or in their answers (`is_answer`)."""

    operation: str
    is_answer: bool
    path: str


class Pair(NamedTuple):
    """A place in requests, and a place in events that repeats its values."""

    source: Source
    event: str


@dataclass(slots=True)
class Join:
    """The evidence for a pair.

    Attributes:
        hits: Requests whose value a later event repeats.
        of: Requests with a value.
        weight: How much better a join explains this than chance, as the logarithm of the odds.
        values: The values repeated.
    """

    pair: Pair
    hits: int = 0
    of: int = 0
    weight: float = 0.0
    values: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Trial:
    value: str
    rank: int
    often: float  # how often an unrelated event has the value there
    event: Pushed


class _Places:
    """The events by the values at each place."""

    def __init__(self, pushed: Iterable[Pushed]) -> None:
        self.events: dict[int, Pushed] = {}
        self.with_path: dict[tuple[int, str], list[int]] = defaultdict(list)
        self.with_value: dict[tuple[int, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.count: dict[str, int] = defaultdict(int)
        self.of_value: dict[tuple[str, str], int] = defaultdict(int)
        last: dict[str, tuple[str, ...]] = {}
        for event in pushed:
            self.events[event.number] = event
            for path, values in event.values.items():
                self.with_path[event.cassette, path].append(event.number)
                # equal values one after another count once: a request may have several events
                is_new = last.get(path) != values
                last[path] = values
                self.count[path] += is_new
                for value in values:
                    self.with_value[event.cassette, value][path].append(event.number)
                    self.of_value[path, value] += is_new
        self.distinct: dict[str, int] = defaultdict(int)
        for path, _ in self.of_value:
            self.distinct[path] += 1

    def often(self, path: str, value: str) -> float:
        """Return how often another event has a value in a place."""
        count = self.count[path]
        seen = (self.of_value[path, value] - 1) / (count - 1) if count > 1 else 0.0
        if is_random(value):
            return chance(value)
        looks = chance(value) if self.distinct[path] < _VARIED else 0.5 / count
        return max(seen, looks)

    def next(self, asked: Asked, path: str, numbers: list[int]) -> tuple[Pushed, int] | None:
        """Return the first event after a request of those with these numbers, and its rank among all at the place."""
        for number in numbers[bisect_right(numbers, asked.number) :]:
            event = self.events[number]
            if event.t - asked.t > WINDOW:
                return None
            if are_one(asked, event):
                every = self.with_path[asked.cassette, path]
                return event, bisect_left(every, number) - bisect_right(every, asked.number)
        return None


def are_one(asked: Asked, event: Pushed) -> bool:
    """Return whether a request and an event may belong to one session."""
    return asked.session is None or event.session is None or asked.session == event.session


def leaves(asked: Asked) -> Iterator[tuple[bool, str, tuple[str, ...]]]:
    """Yield the places of a request and its answer, with their values."""
    for path, values in asked.sent.items():
        yield False, path, values
    for path, values in asked.answered.items():
        own = asked.sent_values
        new = tuple(value for value in values if value not in own or not is_random(value))
        if new:
            yield True, path, new


class Joins:
    """The joins of a recording."""

    def __init__(self, traffic: Traffic) -> None:
        self._places = _Places(traffic.pushed)
        self._traffic = traffic
        self.first: dict[tuple[int, str], int] = {}  # number of the first message with a value
        self._first_seen()
        self.users: dict[tuple[int, str], set[int]] = defaultdict(set)  # value → requests that have it
        for one in traffic.asked:
            if one.method not in READS:
                for _, _, values in leaves(one):
                    for value in values:
                        self.users[one.cassette, value].add(one.number)
        self.found = {join.pair: join for join in self._found()}

    def is_new(self, asked: Asked, value: str) -> bool:
        """Return whether no message before a request had a value; a short one may have meant something else."""
        return not is_random(value) or self.first.get((asked.cassette, value), asked.number) >= asked.number

    def is_first(self, asked: Asked, value: str) -> bool:
        """Return whether a request is the first message that has a value."""
        return self.first.get((asked.cassette, value)) == asked.number

    def _first_seen(self) -> None:
        messages: list[Asked | Pushed] = [*self._traffic.asked, *self._traffic.pushed]
        for message in sorted(messages, key=lambda one: one.number):
            found = message.sent if isinstance(message, Asked) else message.values
            answered = message.answered if isinstance(message, Asked) else {}
            for values in (*found.values(), *answered.values()):
                for value in values:
                    self.first.setdefault((message.cassette, value), message.number)

    def _found(self) -> Iterator[Join]:
        trials: dict[Pair, list[_Trial]] = defaultdict(list)
        joins: dict[Pair, Join] = {}
        of: dict[Source, int] = defaultdict(int)
        stale: dict[Source, int] = defaultdict(int)
        for asked in self._traffic.asked:
            if not asked.is_good:
                continue
            for is_answer, path, values in leaves(asked):
                source = Source(asked.operation, is_answer, path)
                of[source] += 1
                stale[source] += is_answer and not any(self.is_new(asked, value) for value in values)
                for event_path, (trial, value) in self._trials(asked, values).items():
                    pair = Pair(source, event_path)
                    trials[pair].append(trial)
                    joins.setdefault(pair, Join(pair)).values.add(value)
        pooled: dict[tuple[bool, str, str], list[_Trial]] = defaultdict(list)
        pooled_of: dict[tuple[bool, str, str], int] = defaultdict(int)
        for pair, join in joins.items():
            join.of, join.hits = of[pair.source], len(trials[pair])
            join.weight = _weight(trials[pair], join.of)
            pooled[_alike(pair)] += trials[pair]
            pooled_of[_alike(pair)] += join.of
        found: dict[Source, list[Join]] = defaultdict(list)
        varied = {path for path, count in self._places.distinct.items() if count > 1} - personal(self._traffic.pushed)
        tokens = _Nouns(pair.source.operation for pair in joins)
        for pair, join in joins.items():
            if stale[pair.source] > _STALE * join.of or (
                pair.source.is_answer and pair.source.operation.partition(" ")[0] in READS
            ):
                continue  # the answer tells what was known before, e.g. a list
            lone = sum(-log(chance(value)) for value in join.values) if self._places.distinct[pair.event] <= 2 else 0.0
            whole = _weight(pooled[_alike(pair)], pooled_of[_alike(pair)])
            likely = whole >= (_ENOUGH if join.weight > 0 else _SURE) and (join.weight > 0 or join.hits == join.of)
            told = tokens.told(pair, [trial.event for trial in trials[pair]]) if join.weight > 0 else 0.0
            enough = join.weight + told >= _ENOUGH or (likely and told >= 0) or (lone >= _LONE and not _are_names(join))
            named = (
                told > 0
                and pair.event in varied
                and join.hits == join.of
                and plain(pair.source.path).lower().endswith(_NAMED)
            )
            enough |= named or (told > 0 and pair.source.path.startswith("path."))
            if enough and join.hits >= _SOME * join.of:
                join.weight = max(join.weight, lone)
                found[pair.source].append(join)
        for own in found.values():
            best = max(join.weight for join in own)
            yield from (join for join in own if join.weight >= best - _NEAR or all(map(is_random, join.values)))

    def _trials(self, asked: Asked, values: tuple[str, ...]) -> dict[str, tuple[_Trial, str]]:
        """Return for each place in events where a value is repeated the first event that does so."""
        best: dict[str, tuple[_Trial, str]] = {}
        for value in values:
            for path, numbers in self._places.with_value.get((asked.cassette, value), {}).items():
                found = self._places.next(asked, path, numbers)
                if found is None:
                    continue
                often = min(1.0, self._places.often(path, value) * len(values))
                if path not in best or found[1] < best[path][0].rank:
                    best[path] = _Trial(value, found[1], often, found[0]), value
        return best


class _Nouns:
    """The words in the paths of requests, to compare with the names of places in events."""

    def __init__(self, operations: Iterable[str]) -> None:
        self._of = {one: _words(one.partition(" ")[2]) for one in operations}
        self._every = frozenset[str]().union(*self._of.values())
        self._events: dict[int, frozenset[str]] = {}

    def told(self, pair: Pair, events: Iterable[Pushed]) -> float:
        """Return what names say for a join: more if both are about one thing, less if they are about two."""
        mine = self._of[pair.source.operation] | _words(pair.source.path)
        name = plain(pair.event).rpartition(".")[2]
        last = _words(name)
        if last & mine or (name == plain(pair.source.path).rpartition(".")[2] and name.lower() not in _PLAIN):
            return _TOLD
        if last & self._every:
            return -_TOLD
        return _TOLD if name.lower() in _PLAIN and all(mine & self._about(event) for event in events) else 0.0

    def _about(self, event: Pushed) -> frozenset[str]:
        """Return the words in the channel and the names of an event, of those that paths of requests have."""
        if event.number not in self._events:
            names = [value for values in event.values.values() for value in values if is_name(value)]
            self._events[event.number] = _words(" ".join([event.topic, *names])) & self._every
        return self._events[event.number]


def _words(text: str) -> frozenset[str]:
    """Return the words in a path, in the singular."""
    return frozenset(singular(word) for word in snake(text.replace("{}", "")).split("_") if len(word) > 2)


def _alike(pair: Pair) -> tuple[bool, str, str]:
    """Return what pairs of several operations have in common that mean the same.

    That is a field of one name, or a part of paths that are equal so far.
    """
    is_answer, path = pair.source.is_answer, pair.source.path
    root, _, place = path.partition(".")
    if root in {"path", "channel"} and not is_answer:
        template = pair.source.operation.split(" ")[1].split("/")
        return is_answer, "/".join(template[: int(place) + 1]), pair.event
    return is_answer, path, pair.event


def _are_names(join: Join) -> bool:
    return all(is_name(value) for value in join.values)


def _weight(trials: list[_Trial], of: int) -> float:
    """Return how much better a join explains the hits than chance does, at the best rank.

    A value that many requests have is evidence once, and a little for each further request.
    """
    best = 0.0
    for most in _RANKS:
        near = [trial for trial in trials if trial.rank < most]
        if not near:
            continue
        by_chance = [min(_MOST_CHANCE, 1 - (1 - trial.often) ** most) for trial in near]
        mean, holds = sum(by_chance) / len(near), min(0.98, len(near) / of)
        if holds <= mean:
            continue
        of_value: dict[str, list[float]] = defaultdict(list)
        for trial, one in zip(near, by_chance, strict=True):
            of_value[trial.value].append(log(holds / one))
        found = sum(max(own) * (1 + _AGAIN * min(_MOST_AGAIN, len(own) - 1)) for own in of_value.values())
        best = max(best, found + (of - len(near)) * log((1 - holds) / (1 - mean)))
    return best


def plain(path: str) -> str:
    """Return a path without the mark that only the part after the last slash counts."""
    return path.removesuffix(BARE)
