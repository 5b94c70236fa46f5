"""Find what is wrong with the items of a recording, or uncertain, or out of the usual; the same for every page.

Times are microseconds. A `Problem` says one thing of one item in one sentence:

| code | severity | the item |
|---|---|---|
| failed | error | was refused: a status from 400 on, or an ack or event that tells of a failure |
| lost | error | got no answer: its exchange failed |
| unacked | error | has no ack at the end of the capture |
| open | warning | has an ack, but no last event at the end of the capture |
| overdue | warning | is open, or was acked, far later than usual for its operation |
| late | warning | is a last event that came far later than usual for its operation |
| early | warning | is an event before its ack; info where that is usual |
| unsure | info | is an event with rivals, or of little confidence |
| unasked | info | is an unsolicited event on a channel of operations |
| poll-lost | warning | is a poll without an answer: nothing can be pushed till the next |
| miss | error | is a request that a stand-in could not answer |
| differs | warning | is a triple that is another in the other recording |
| deviates | warning | is what a schedule moves from its recorded place |
| finding | its own | is what `doctor` or `scan` found something about |
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple

from ...model import State, Triple

ERROR, WARNING, INFO = SEVERITIES = "error", "warning", "info"
FEWEST = 5  # others of an operation, before anything is usual for it
FACTOR, MORE = 3, 1_000_000  # how often the usual, and how many µs more, is far later
DOUBTFUL = 900  # thousandths of confidence below which a link is unsure; a twin of a sure event is above
_PERCENT = 95
_LONGEST = 200  # characters of a text that came from the wire
REFUSED = 400  # the least status that refuses
OVER = frozenset({State.COMPLETE.value, State.FAILED.value})  # states of triples that need no more events
_US = 1000  # nanoseconds


class Problem(NamedTuple):
    """A problem of an item: a code, a severity and one sentence."""

    code: str
    severity: str
    text: str


class Told(NamedTuple):
    """An event of a triple: its name, its time, confidence in thousandths, number of rivals."""

    name: str
    at: int
    confidence: int = 1000
    rivals: int = 0


class Facts(NamedTuple):
    """The times and states of a triple by which its problems are judged.

    Attributes:
        operation: Name of the operation; None for an exchange that is none.
        state: A value of `State`.
        at: Time of the request.
        answered: Time of the ack, or of the failure; None without either.
        status: Status of the ack; None without an ack.
        reason: Reason of the failure; None without one.
        events: Its events, in order.
    """

    operation: str | None
    state: str
    at: int
    answered: int | None
    status: int | None
    reason: str | None
    events: Sequence[Told] = ()

    @classmethod
    def of(cls, item: Triple) -> Facts:
        """Return how far a triple, or an exchange that is no operation, got."""
        ack, failure = item.ack, item.failure
        end = failure if ack is None else ack
        return cls(
            item.operation,
            item.state.value,
            item.request.t // _US,
            None if end is None else end.t // _US,
            None if ack is None else ack.status,
            None if failure is None else failure.reason,
            [Told(e.name, e.event.t // _US, round(e.confidence * 1000), len(e.rivals)) for e in item.events],
        )

    @property
    def ack(self) -> int | None:
        """Microseconds to the ack; None without one."""
        return None if self.status is None or self.answered is None else self.answered - self.at

    @property
    def last(self) -> int | None:
        """Microseconds to the last event, of a triple that needs no more of them; None for any other."""
        return max([event.at for event in self.events]) - self.at if self.events and self.state in OVER else None

    @property
    def is_early(self) -> bool:
        """True if an event came before the ack."""
        return self.ack is not None and any(event.at < (self.answered or 0) for event in self.events)


class _Times:
    """Times of one kind, sorted; the last `most` of them."""

    def __init__(self, most: int | None) -> None:
        self.sorted: list[int] = []
        self._recent = None if most is None else deque[int](maxlen=most)

    def add(self, time: int) -> None:
        recent = self._recent
        if recent is not None:
            if len(recent) == recent.maxlen:
                del self.sorted[bisect_left(self.sorted, recent[0])]
            recent.append(time)
        insort(self.sorted, time)

    def at(self, percent: int) -> int | None:
        """Return the time that so many percent do not exceed; None if there are no times."""
        return self.sorted[-(-len(self.sorted) * percent // 100) - 1] if self.sorted else None

    def surely(self) -> float:
        """Return a time that is never far later than that of the others, whichever of the times is left out."""
        count = len(self.sorted) - 1
        if count < FEWEST:  # one of them has too few others; one that is not among them may have enough
            return inf if len(self.sorted) < FEWEST else 0
        return _later(self.sorted[-(-count * _PERCENT // 100) - 1])

    def of_others(self, own: int | None) -> int | None:
        """Return the time that 95 of 100 others do not exceed; None if there are too few of them."""
        at = len(self.sorted) if own is None else bisect_left(self.sorted, own)
        is_in = at < len(self.sorted) and self.sorted[at] == own  # that of one which goes on is not
        count = len(self.sorted) - is_in
        if count < FEWEST:
            return None
        place = -(-count * _PERCENT // 100) - 1
        return self.sorted[place + (is_in and place >= at)]


class _Operation:
    def __init__(self, most: int | None = None) -> None:
        self.count = self.early = 0
        self.ack, self.last = _Times(most), _Times(most)


class Usual:
    """The usual times to the ack and to the last event, for each operation."""

    def __init__(self, most: int | None = None) -> None:
        """Begin without triples; `most` times of each kind are kept, the last ones, None for all."""
        self._most = most
        self._operations: dict[str, _Operation] = {}
        self._all = _Operation(0)  # counts of all operations together

    def add(self, facts: Facts) -> None:
        """Add the times of a triple that no longer changes."""
        one = self._operations.setdefault(facts.operation or "", _Operation(self._most))
        for counts in (one, self._all):
            counts.count += 1
            counts.early += facts.is_early
        for times, value in ((one.ack, facts.ack), (one.last, facts.last)):
            if value is not None:
                times.add(value)

    def fill(self, operation: str, count: int, early: int, acks: list[int], lasts: list[int]) -> None:
        """Take all triples of an operation at once, as `add` takes one after the other.

        Args:
            operation: Name of the operation; "" for none.
            count: Number of its triples.
            early: How many of them have an event before the ack.
            acks: Microseconds to the ack, of those that have one.
            lasts: Microseconds to the last event, of those that need no more.
        """
        one = self._operations.setdefault(operation, _Operation())
        for counts in (one, self._all):
            counts.count += count
            counts.early += early
        one.ack.sorted = sorted([*one.ack.sorted, *acks])
        one.last.sorted = sorted([*one.last.sorted, *lasts])

    def surely(self, operation: str) -> tuple[float, float]:
        """Return the microseconds up to which no ack, and no last event, of an operation is far later than usual.

        They are infinite where nothing is usual. A time above them is judged by that of the others.
        """
        one = self._operations.get(operation, _Operation())
        return one.ack.surely(), one.last.surely()

    def limit_of_ack(self, facts: Facts) -> tuple[int, int] | None:
        """Return the usual time to the ack, of others, and the one that is far later; None if nothing is usual."""
        one = self._operations.get(facts.operation or "")
        return None if one is None else _limit(one.ack.of_others(facts.ack))

    def limit_of_last(self, facts: Facts) -> tuple[int, int] | None:
        """Return the usual time to the last event, of others, and the far later one; None if nothing is usual."""
        one = self._operations.get(facts.operation or "")
        return None if one is None else _limit(one.last.of_others(facts.last))

    def is_early(self, facts: Facts) -> bool:
        """Return whether events before the ack are usual: at least half of the others have one.

        The others are those of the same operation; if they are too few, those of all operations: whether a server
        answers before it pushes is a habit of the server.
        """
        one = self._operations.get(facts.operation or "", _Operation())
        counts = one if one.count > FEWEST else self._all
        others = counts.count - 1
        return others >= FEWEST and 2 * (counts.early - facts.is_early) >= others

    def rows(self) -> list[list[object]]:
        """Return for each operation `[name, {"count", "ack": [p50, p95] or null, "last": [p50, p95] or null}]`."""
        return [[name, self.of(name)] for name in sorted(self._operations)]

    def of(self, operation: str) -> dict[str, object]:
        """Return what is usual for one operation, in the shape of `rows`."""
        one = self._operations.get(operation, _Operation())
        return {"count": one.count, "ack": _both(one.ack), "last": _both(one.last)}

    def limits(self, operation: str) -> dict[str, int | None]:
        """Return the times above which the ack and the last event of one that goes on are overdue; None if unknown."""
        one = self._operations.get(operation, _Operation())
        ack, last = _limit(one.ack.of_others(None)), _limit(one.last.of_others(None))
        return {"ack": ack and ack[1], "last": last and last[1]}


def of_triple(facts: Facts, usual: Usual, now: int, *, goes_on: bool = False) -> Iterator[tuple[int | None, Problem]]:
    """Yield what is wrong with a triple, or with one of its events, each with the place of the event or None.

    Args:
        facts: The triple.
        usual: What is usual; the triple itself may be in it or not, if it is open.
        now: Time of the end of the capture, or of the moment if it goes on.
        goes_on: The capture goes on: what did not come may still come.
    """
    if (problem := _end_of(facts, usual, now, goes_on=goes_on)) is not None:
        yield None, problem
    if facts.operation is not None:
        yield from _of_ack(facts, usual)
    limit = usual.limit_of_last(facts) if facts.events else None
    for place, event in enumerate(facts.events):
        for problem in _of_event(facts, event, usual, limit):
            yield place, problem


def overdue(facts: Facts, usual: Usual, now: int) -> Problem | None:
    """Return the problem of a triple that is open far longer than usual; None if it is not, or nothing is usual."""
    if facts.operation is None or facts.reason is not None:
        return None
    waits_for_ack = facts.ack is None
    limit = usual.limit_of_ack(facts) if waits_for_ack else usual.limit_of_last(facts)
    is_open = waits_for_ack or facts.state == State.ACKED.value
    if not is_open or limit is None or now - facts.at <= limit[1]:
        return None
    what = "ack" if waits_for_ack else "last event"
    text = f"No {what} for {length(now - facts.at)}; of the others 95 % have it after {length(limit[0])}."
    return Problem("overdue", WARNING, text)


def of_pushed(name: str, channel: str, channels: Collection[str]) -> Problem | None:
    """Return the problem of an unsolicited event that is not ignored; None on a channel without operations.

    Args:
        name: Name of the event.
        channel: Its channel.
        channels: The channels of events that operations caused.
    """
    if channel not in channels:
        return None
    return Problem("unasked", INFO, f"No request fits {clipped(name)}: it is unsolicited.")


def of_poll(failure: str | None) -> Problem | None:
    """Return the problem of a poll; None if it was answered or is open."""
    return failure if failure is None else Problem("poll-lost", WARNING, f"A poll was lost: {clipped(failure)}")


def miss(text: str) -> Problem:
    """Return the problem of a request that a stand-in could not answer."""
    return Problem("miss", ERROR, text)


def differs(rows: Sequence[Mapping[str, object]]) -> Problem:
    """Return the problem of a triple that differs from that of the other recording, by the rows of `recorder diff`."""
    first, more = rows[0], len(rows) - 1
    what = " ".join(filter(None, [str(first["what"]), clipped(str(first["where"]))]))
    return Problem("differs", WARNING, f"It differs: {what}{f', and {more:,} more' if more else ''}.")


def deviates(clause: str) -> Problem:
    """Return the problem of an item that a schedule moves from its recorded place; `clause` says how."""
    return Problem("deviates", WARNING, f"In this schedule {clipped(clause)}.")


def finding(severity: str, text: str) -> Problem:
    """Return the problem of an item that `doctor` or `scan` found something about."""
    return Problem("finding", severity, text)


def clipped(text: str) -> str:
    """Return a text from the wire, cut to the length that fits into a sentence."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def length(us: int) -> str:
    """Return a time, given in microseconds, with its unit as people read it."""
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    return f"{us / 1000:.0f} ms" if us < 1_000_000 else f"{us / 1_000_000:.1f} s"


def _end_of(facts: Facts, usual: Usual, now: int, *, goes_on: bool) -> Problem | None:
    """Return why a triple did not end well, if so."""
    if facts.status is not None and facts.status >= REFUSED:
        return Problem("failed", ERROR, f"The server answered {facts.status}.")
    if facts.status is None and facts.reason is not None:
        return Problem("lost", ERROR, f"No answer came: {clipped(facts.reason)}")
    if facts.state == State.FAILED.value:
        return Problem("failed", ERROR, "Its ack or an event reports a failure.")
    if goes_on:
        return overdue(facts, usual, now)
    if facts.status is None:
        return Problem("unacked", ERROR, "The capture ended before its ack came.")
    if facts.state == State.ACKED.value:
        found = overdue(facts, usual, now)
        return found or Problem("open", WARNING, "The capture ended before its last event came.")
    return None


def _of_ack(facts: Facts, usual: Usual) -> Iterator[tuple[None, Problem]]:
    limit = usual.limit_of_ack(facts)
    if limit is not None and facts.ack is not None and facts.ack > limit[1]:
        text = f"Its ack took {length(facts.ack)}; of the others 95 % took at most {length(limit[0])}."
        yield None, Problem("overdue", WARNING, text)


def _of_event(facts: Facts, event: Told, usual: Usual, limit: tuple[int, int] | None) -> Iterator[Problem]:
    last, name = facts.last, clipped(event.name)
    if limit is not None and last is not None and event.at - facts.at == last > limit[1]:
        text = f"{name} came after {length(last)}; of the others 95 % came within {length(limit[0])}."
        yield Problem("late", WARNING, text)
    if facts.ack is not None and facts.answered is not None and event.at < facts.answered:
        severity = INFO if usual.is_early(facts) else WARNING
        yield Problem("early", severity, f"{name} came {length(facts.answered - event.at)} before the ack.")
    if event.rivals:
        others = "another request" if event.rivals == 1 else f"{event.rivals:,} other requests"
        yield Problem("unsure", INFO, f"{name} would fit {others} as well.")
    elif event.confidence < DOUBTFUL:
        yield Problem("unsure", INFO, f"{name} is linked with {event.confidence / 10:.0f} % confidence only.")


def _limit(usual: int | None) -> tuple[int, int] | None:
    return None if usual is None else (usual, _later(usual))


def _later(usual: int) -> int:
    return max(FACTOR * usual, usual + MORE)


def _both(times: _Times) -> list[int | None] | None:
    return [times.at(50), times.at(_PERCENT)] if times.sorted else None
