"""Collect the rows of one recording as columns: some ten bytes an item, and each text once.

Times come in as nanoseconds and are kept as microseconds, both since the capture began.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ...model import Keys, Value
from . import problems
from .light import Light, LightPushed
from .problems import Facts, Problem, Told, Usual

_NONE = -1  # in a column: nothing stands there
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


class Texts:
    """Numbers for values, each kept once."""

    def __init__(self) -> None:
        """Begin without values."""
        self._numbers: dict[Value, int] = {}

    def number(self, value: Value | None) -> int:
        """Return the number of a value; -1 for None."""
        return _NONE if value is None else self._numbers.setdefault(value, len(self._numbers))

    def all(self) -> list[Value]:
        """Return the values in the order of their numbers."""
        return list(self._numbers)


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
        self.status.append(_NONE if item.status is None else item.status)
        self.reason.append(number(item.reason))
        self.count.append(len(item.events))
        self._events.add(item)

    def _add_keys(self, keys: Keys) -> None:
        place = len(self.n)
        for name, value in keys.items():
            column = self._keys.setdefault(name, array("l"))
            column.extend([_NONE] * (place - len(column)))
            column.append(self._texts.number(value))

    def facts(self, texts: list[Value]) -> Iterator[Facts]:
        """Yield how far each item got; the texts are those of the columns."""
        events, first = self._events, 0

        def text(number: int) -> Any:
            return None if number == _NONE else texts[number]

        for i, at in enumerate(self.at):
            places = range(first, first := first + self.count[i])
            told = [
                Told(text(events.name[k]), at + events.at[k], events.confidence[k], events.rivals[k]) for k in places
            ]
            answered = None if self.answered[i] == _NONE else at + self.answered[i]
            status = None if self.status[i] == _NONE else self.status[i]
            yield Facts(
                text(self.operation[i]), text(self.state[i]), at, answered, status, text(self.reason[i]), told
            )  # fmt: skip

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
        self.usual = usual = Usual()
        for facts in self.triples.facts(texts):
            usual.add(facts)
        first = 0
        for place, facts in enumerate(self.triples.facts(texts)):
            for event, problem in problems.of_triple(facts, usual, ended):
                if event is None:
                    yield Found("triples", place, problem, facts.at)
                else:
                    yield Found("events", first + event, problem, facts.events[event].at)
            first += len(facts.events)
        for place, facts in enumerate(self.plain.facts(texts)):
            for _, problem in problems.of_triple(facts, usual, ended):
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
    """Return the first value, and of each other what it is more than the one before."""
    found, before = [], 0
    for value in values:
        found.append(value - before)
        before = value
    return found
