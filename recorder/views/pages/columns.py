"""Collect the rows of one recording as columns: some ten bytes an item, and each text once.

Times come in as nanoseconds and are kept as microseconds, both since the capture began.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import inf
from typing import Any, NamedTuple

from ...model import Keys, State, Value
from . import problems
from .light import Light, LightPushed
from .problems import Facts, Problem, Told, Usual

_NONE = -1  # in a column: nothing stands there
_MOST = (1 << 31) - 1  # that is told of a number: a damaged file may hold any
_US = 1000  # nanoseconds


class Found(NamedTuple):
    """A problem of a recording.

    Attributes:
        kind: "triples", "events", "plain", "unsolicited" or "polls": the columns in which the item stands.
        place: Its place there.
        problem: The problem.
        at: When it happened, in microseconds.
    """

    kind: str
    place: int
    problem: Problem
    at: int


class _Numbers(dict[Value | None, int]):
    """Numbers for values, in the order in which they are asked for; -1 for None."""

    def __missing__(self, value: Value | None) -> int:
        number = self[value] = len(self) - 1
        return number


class Texts:
    """Numbers for values, each kept once.

    Attributes:
        number: Returns the number of a value; -1 for None.
    """

    def __init__(self) -> None:
        """Begin without values."""
        self._numbers = _Numbers({None: _NONE})
        self.number = self._numbers.__getitem__

    def numbers(self, values: Iterable[Value | None]) -> Iterator[int]:
        """Return the number of each value."""
        return map(self.number, values)

    def all(self) -> list[Value]:
        """Return the values in the order of their numbers."""
        return [value for value in self._numbers if value is not None]


class Events:
    """The columns of the events of all triples, one triple after the other; `at` counts from the request."""

    def __init__(self, texts: Texts) -> None:
        """Begin without events."""
        self._texts = texts
        self.name, self.channel, self.rule = array("l"), array("l"), array("l")
        self.at, self.confidence, self.rivals = array("q"), array("H"), array("H")

    def add(self, item: Light) -> None:
        """Take the events of a triple."""
        number, begin = self._texts.number, item.t // _US
        for name, channel, t, rule, confidence, rivals in item.events:
            self.name.append(number(name))
            self.channel.append(number(channel))
            self.rule.append(number(rule))
            self.at.append(t // _US - begin)
            self.confidence.append(confidence)
            self.rivals.append(min(rivals, 0xFFFF))

    def extend(self, columns: Mapping[str, Iterable[Any]]) -> None:
        """Take events of several triples by columns: texts, and numbers as the columns hold them."""
        for name in ("name", "channel", "rule"):
            getattr(self, name).extend(self._texts.numbers(columns[name]))
        for name in ("at", "confidence", "rivals"):
            getattr(self, name).extend(columns[name])

    def rows(self) -> dict[str, Any]:
        """Return the columns for JSON."""
        columns = ("name", "channel", "rule", "at", "confidence")
        return {name: getattr(self, name).tolist() for name in columns}


class Items:
    """The columns of triples, or of other exchanges."""

    def __init__(self, texts: Texts, events: Events) -> None:
        """Begin without items.

        Args:
            texts: Takes the texts.
            events: Takes the events.
        """
        self._texts, self._events = texts, events
        self.n, self.record, self.at, self.answered = array("q"), array("q"), array("q"), array("q")
        self.operation, self.session, self.state = array("l"), array("l"), array("l")
        self.method, self.target, self.status, self.reason = array("l"), array("l"), array("l"), array("l")
        self.count = array("l")  # of events
        self._keys: dict[str, array[int]] = {}

    def __len__(self) -> int:
        return len(self.n)

    def add(self, item: Light) -> None:
        """Take an item."""
        number, at = self._texts.number, item.t // _US
        self._add_keys(item.keys)
        self.n.append(item.n)
        self.record.append(item.record)
        self.at.append(at)
        self.answered.append(_NONE if item.answered is None else max(0, item.answered // _US - at))
        self.operation.append(number(item.operation))
        self.session.append(number(item.session))
        self.state.append(number(item.state))
        self.method.append(number(item.method))
        self.target.append(number(item.target))
        self.status.append(_NONE if item.status is None else max(_NONE, min(item.status, _MOST)))
        self.reason.append(number(item.reason))
        self.count.append(len(item.events))
        self._events.add(item)

    def extend(self, columns: Mapping[str, Iterable[Any]], keys: Sequence[Keys], names: Iterable[str]) -> None:
        """Take items by columns: texts, and numbers as the columns hold them; `Events.extend` takes their events.

        Args:
            columns: The columns but the keys.
            keys: The keys of each item.
            names: The names of all keys.
        """
        place = len(self.n)
        for name in (
            "operation",
            "session",
            "state",
            "method",
            "reason",
            "target",
        ):  # the fewest texts first: short numbers
            getattr(self, name).extend(self._texts.numbers(columns[name]))
        for name in names:
            column = self._keys.setdefault(name, array("l"))
            column.extend([_NONE] * (place - len(column)))
            column.extend(self._texts.numbers([own.get(name) for own in keys]))
        for name in ("n", "record", "at", "answered", "status", "count"):
            getattr(self, name).extend(columns[name])

    def _add_keys(self, keys: Keys) -> None:
        place = len(self.n)
        for name, value in keys.items():
            column = self._keys.setdefault(name, array("l"))
            column.extend([_NONE] * (place - len(column)))
            column.append(self._texts.number(value))

    def facts(self, texts: list[Value], places: Iterable[int] | None = None) -> Iterator[tuple[int, int, Facts]]:
        """Yield how far items got, each with its place and that of its first event.

        Args:
            texts: The texts of the columns.
            places: Places of items, in order; None for all.
        """
        events, firsts = self._events, [0, *accumulate(self.count)]

        def text(number: int) -> Any:
            return None if number == _NONE else texts[number]

        for i in range(len(self)) if places is None else places:
            at, first = self.at[i], firsts[i]
            told = [
                Told(text(events.name[k]), at + events.at[k], events.confidence[k], events.rivals[k])
                for k in range(first, firsts[i + 1])
            ]
            answered = None if self.answered[i] == _NONE else at + self.answered[i]
            status = None if self.status[i] == _NONE else self.status[i]
            yield i, first, Facts(
                text(self.operation[i]), text(self.state[i]), at, answered, status, text(self.reason[i]), told
            )  # fmt: skip

    def judged(self, texts: list[Value]) -> tuple[Usual, list[int]]:
        """Return what is usual for the operations, and the places of the items that may have a problem.

        Of the others it is known without a look at each of their parts: they are complete, in order and in time.

        Args:
            texts: The texts of the columns.
        """
        usual, operations = Usual(), defaultdict[int, list[int]](list)
        for i, operation in enumerate(self.operation):
            operations[operation].append(i)
        firsts, lasts = self._ends()
        over = {number for number, text in enumerate(texts) if text in problems.OVER}
        acks = [
            answered if status != _NONE else _NONE for answered, status in zip(self.answered, self.status, strict=True)
        ]
        ends = [
            last if state in over and count else None
            for last, state, count in zip(lasts, self.state, self.count, strict=True)
        ]
        early = [first < ack for first, ack in zip(firsts, acks, strict=True)]
        for operation, places in operations.items():
            usual.fill(
                "" if operation == _NONE else str(texts[operation]),
                len(places),
                sum([early[i] for i in places]),
                [acks[i] for i in places if acks[i] != _NONE],
                [end for i in places if (end := ends[i]) is not None],
            )
        limits = {number: usual.surely("" if number == _NONE else str(texts[number])) for number in operations}
        complete = {number for number, text in enumerate(texts) if text == State.COMPLETE.value}
        doubtful = {
            i
            for i, (operation, state, status, ack, last) in enumerate(
                zip(self.operation, self.state, self.status, acks, lasts, strict=True)
            )
            if state not in complete
            or not 0 <= status < problems.REFUSED
            or early[i]
            or ack > limits[operation][0]
            or last > limits[operation][1]
        }
        return usual, sorted(doubtful | self._unsure())

    def _ends(self) -> tuple[list[float], list[int]]:
        """Return of each item the time of its first event, and of its last; far later and -1 of one without."""
        at, first, begins, ends = self._events.at.tolist(), 0, list[float](), list[int]()
        for count in self.count:
            own = at[first : first + count]
            begins.append(min(own, default=inf))
            ends.append(max(own, default=_NONE))
            first += count
        return begins, ends

    def _unsure(self) -> set[int]:
        """Return the places of the items with an event that may be of another one."""
        events, firsts = self._events, list(accumulate(self.count, initial=0))
        both = zip(events.confidence, events.rivals, strict=True)
        unsure = [k for k, (confidence, rivals) in enumerate(both) if rivals or confidence < problems.DOUBTFUL]
        return {bisect_right(firsts, k) - 1 for k in unsure}

    def rows(self, offset: int, before: int) -> dict[str, Any]:
        """Return the columns for JSON: `n`, `record` and `at` as steps from the item before.

        Args:
            offset: Added to each time.
            before: Added to each number.
        """
        plain = ("operation", "session", "state", "method", "target", "answered", "status", "reason")
        numbers = {name: getattr(self, name).tolist() for name in plain}
        keys = [[name, [*column, *[_NONE] * (len(self) - len(column))]] for name, column in self._keys.items()]
        return {
            "n": steps(n + before for n in self.n),
            "record": steps(self.record),
            "at": steps(at + offset for at in self.at),
            **numbers,
            "keys": keys,
            "events": self.count.tolist(),
        }


class Pushed:
    """The columns of unsolicited events."""

    def __init__(self, texts: Texts) -> None:
        """Begin without events."""
        self._texts = texts
        self.record, self.at, self.ignored = array("q"), array("q"), array("b")
        self.name, self.channel, self.session = array("l"), array("l"), array("l")

    def __len__(self) -> int:
        return len(self.at)

    def add(self, item: LightPushed) -> None:
        """Take an event."""
        number = self._texts.number
        self.record.append(item.record)
        self.at.append(item.t // _US)
        self.ignored.append(item.is_ignored)
        self.name.append(number(item.name))
        self.channel.append(number(item.channel))
        self.session.append(number(item.session))

    def rows(self, offset: int) -> dict[str, Any]:
        """Return the columns for JSON: `record` and `at` as steps from the event before."""
        columns = {name: getattr(self, name).tolist() for name in ("name", "channel", "session", "ignored")}
        return {"record": steps(self.record), "at": steps(at + offset for at in self.at), **columns}


class Columns:
    """The rows of one recording.

    Attributes:
        usual: What is usual for the operations; of all triples that were taken, after `found`.
    """

    def __init__(self) -> None:
        """Begin without items."""
        self.texts = Texts()
        self.events = Events(self.texts)
        self.triples, self.plain = Items(self.texts, self.events), Items(self.texts, Events(self.texts))
        self.unsolicited = Pushed(self.texts)
        self.usual = Usual()

    def found(self, polls: Iterable[tuple[int, str | None]], ended: int) -> Iterator[Found]:
        """Yield what is wrong with the items.

        Args:
            polls: When each poll was opened, and why it failed, if so.
            ended: Time of the end of the capture; times are microseconds.
        """
        texts = self.texts.all()
        self.usual, doubtful = self.triples.judged(texts)
        for place, first, facts in self.triples.facts(texts, doubtful):
            for event, problem in problems.of_triple(facts, self.usual, ended):
                if event is None:
                    yield Found("triples", place, problem, facts.at)
                else:
                    yield Found("events", first + event, problem, facts.events[event].at)
        for place, _, facts in self.plain.facts(texts):
            for _, problem in problems.of_triple(facts, self.usual, ended):
                yield Found("plain", place, problem, facts.at)
        yield from self._unasked(texts)
        for place, (at, failure) in enumerate(polls):
            if (lost := problems.of_poll(failure)) is not None:
                yield Found("polls", place, lost, at)

    def _unasked(self, texts: list[Value]) -> Iterator[Found]:
        channels = {str(texts[number]) for number in set(self.events.channel)}
        pushed = self.unsolicited
        for place, at in enumerate(pushed.at):
            name, channel = str(texts[pushed.name[place]]), str(texts[pushed.channel[place]])
            problem = None if pushed.ignored[place] else problems.of_pushed(name, channel, channels)
            if problem is not None:
                yield Found("unsolicited", place, problem, at)


def steps(values: Iterable[int]) -> list[int]:
    """Return the first value, then the difference of each value from the one before."""
    found, before = [], 0
    for value in values:
        found.append(value - before)
        before = value
    return found
