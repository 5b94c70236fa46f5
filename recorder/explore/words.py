"""Tell in words what a deviation is, and what about a client it speaks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.items import REQUEST, Item, triple_of
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .placed import Placed
from .stale import Stale

_MILLISECOND = 1_000_000  # nanoseconds
_LONGEST = 60  # characters of a query in a sentence


class Words:
    """The names of the answers and events of a recording, and sentences about them."""

    def __init__(self, items: Iterable[Placed]) -> None:
        """Take the answers and events."""
        self._items = {one.item: one for one in items}
        channels: defaultdict[str, set[str]] = defaultdict(set)
        for one in self._items.values():
            channels[one.name].add(one.channel)
        self._twice = frozenset(name for name, found in channels.items() if len(found) > 1)
        asked: defaultdict[str, set[str]] = defaultdict(set)
        for one in self._items.values():
            asked[one.name].add(one.query)
        self._asked_otherwise = frozenset(name for name, found in asked.items() if len(found) > 1)

    def thing(self, item: Item) -> str:
        """Return the name of an item with its number: `the ack of GetOrder (triple 4)`, `OrderPicked (event 4.1)`."""
        one = self._items.get(item)
        if one is None:
            return str(item)
        if item.plain:
            query = _clipped(one.query) if one.name in self._asked_otherwise else ""
            return f"the answer to {one.name}{query} ({item})"
        if item.is_ack:
            return f"the ack of {one.name} (triple {item.triple})"
        if one.name in ("", one.channel):
            return f"the event on {one.channel} ({item})"
        return f"{one.name}{self._where(one)} ({item})"

    def _where(self, one: Placed) -> str:
        """Return the channel of an event whose name others have on other channels."""
        return f" on {one.channel}" if one.name in self._twice else ""

    def clause(self, one: Deviation) -> str:
        """Return what is different, as what follows `if`: `OrderPicked (event 4.1) arrives before the ack of …`."""
        it, other = self.thing(one.item), self.thing(one.other) if one.other is not None else ""
        match one.kind:
            case Kind.BEFORE:
                return f"{it} arrives before {other}"
            case Kind.TOGETHER:
                return f"{it} and {other} come in one answer of the server"
            case Kind.APART:
                return f"{it} comes in a later answer of the server than {other}"
            case Kind.LATE:
                return f"{it} comes {_seconds(one.seconds)} later than recorded"
            case Kind.IN_REPLY:
                return f"{it} comes in the answer to another message of the client, not in a poll's"
            case Kind.LOST_POLL:
                return f"the connection breaks under the poll's answer with {it}, which comes again with the next poll"
            case Kind.LOST_SESSION:
                return f"the server forgets the client's session before {it} leaves"
            case Kind.TWICE:
                return f"{it} comes twice, because the client's confirmation of it (ext.ack) was lost"
            case Kind.CUT:
                return f"the client's WebSocket ends before {it} leaves"

    def clauses(self, schedule: Schedule) -> str:
        """Return all that is different in a schedule, as what follows `if`."""
        batches = {_both(one) for one in schedule.deviations if one.kind is Kind.TOGETHER}
        lost = {one.item for one in schedule.deviations if one.kind is Kind.LOST_SESSION}
        told = []
        for one in self.telling(schedule):
            if one.other is not None and one.kind is Kind.BEFORE and _both(one) in batches:
                told.append(f"{self.thing(one.item)} stands before {self.thing(one.other)} in one answer of the server")
            elif one.kind is Kind.IN_REPLY and one.item in lost:
                told.append(f"{self.thing(one.item)} comes in the answer to the new handshake or subscription")
            else:
                told.append(self.clause(one))
        return ", and if ".join(told)

    def telling(self, schedule: Schedule) -> list[Deviation]:
        """Return the deviations of a schedule but for batches that another one tells: two reversed in one answer."""
        reversals = {_both(one) for one in schedule.deviations if one.kind is Kind.BEFORE}
        return [one for one in schedule.deviations if one.kind is not Kind.TOGETHER or _both(one) not in reversals]

    def times(self, one: Deviation, order: Order, run: str = "in the failing run") -> str:
        """Return how far apart the items of a deviation came, recorded and played; "" for one item.

        Args:
            one: The deviation.
            order: What happened in a run.
            run: Words for that run.
        """
        mine, its = self._items.get(one.item), self._items.get(one.other) if one.other is not None else None
        if mine is None or its is None or one.other is None or one.kind not in (Kind.BEFORE, Kind.TOGETHER, Kind.APART):
            return ""
        recorded = (mine.t - its.t) / (1000 * _MILLISECOND)
        told = f"In the recording {one.item} came {_gap(recorded, str(one.other))}"
        at = {act.name: act.at for act in reversed(order.acts)}
        first, second = at.get(str(one.item)), at.get(str(one.other))
        if first is None:
            return f"{told}."
        if second is None:
            return f"{told}; {run} it came, and {one.other} did not."
        return f"{told}; {run} {_gap(first - second, 'it', is_before=one.kind is Kind.BEFORE)}."

    def cause(self, one: Deviation) -> str:
        """Return what a client seems to take for granted that a deviation breaks."""
        match one.kind:
            case Kind.BEFORE if one.other is not None:
                return self._of_order(one.item, one.other)
            case Kind.TOGETHER:
                return (
                    "The client seems to read one event of an answer only, or to do something between two events that "
                    "one answer leaves no time for. A server may put any number of events into one answer."
                )
            case Kind.APART:
                return (
                    "The client seems to expect both in one answer. A server may put each event into an answer of its "
                    "own, whatever belongs together."
                )
            case Kind.LATE:
                return (
                    f"The client seems to give up before {self.short(one.item)} is there, or to take what came until "
                    "then for all there is."
                )
            case Kind.IN_REPLY:
                return (
                    "The client seems to read events in the answers to its polls alone. Servers also put them into the "
                    "answers to its subscriptions and publishes, some into those to handshakes."
                )
            case Kind.LOST_POLL:
                return (
                    "The client seems to lose what a broken poll would have brought, to stop polling, or to read twice "
                    "what comes again."
                )
            case Kind.LOST_SESSION:
                told = (
                    "After it has shaken hands anew, the client seems to lack something that it had before: a "
                    "subscription, or an operation that it waits for."
                )
                if one.item.is_answer:
                    return told
                return (
                    f"{told} Or it does not listen yet: {self.short(one.item)} may come in the answer to a new "
                    "subscription, before the next poll."
                )
            case Kind.TWICE:
                return (
                    "The client seems to handle twice what comes twice. With ext.ack a server sends a batch again that "
                    "was not confirmed."
                )
            case _:
                return "The client seems not to go on where it was after its WebSocket ended."

    def _of_order(self, item: Item, other: Item) -> str:
        """Return what a client takes for granted that one item after another breaks."""
        mine, its = self._items.get(item), self._items.get(other)
        if mine is None or its is None:
            return ""
        is_one = item.triple == other.triple != 0
        if is_one and other.is_ack:
            return (
                f"The client seems to count on the ack of {its.name} coming first. An event may overtake the ack of "
                "its own request: the two come in answers to different requests."
            )
        if is_one and item.is_ack:
            return f"The client seems to need {its.name} before the ack of {mine.name}, which may come first."
        if is_one:
            return (
                f"The client seems to count on the order of {its.channel} and {mine.channel}. A server promises order "
                "on one channel alone; if yours does for both, list them in `ordered` of the dialect."
            )
        if item.plain or other.plain or (item.is_answer and other.is_answer):
            return self._of_answers(mine, its)
        if not item.is_answer and not other.is_answer and mine.name == its.name:
            return (
                f"The client seems to take the first {mine.name} for its own. With several operations under way it "
                "has to look at the ids in the event."
            )
        if item.triple and item.triple != other.triple and other.triple:
            return (
                f"The client asked for {self.operation(item)} before {self.short(other)} was there, and seems to "
                "count on one operation being over before the next one goes on."
            )
        return (
            f"The client seems to count on {self.short(other)} coming first. Nothing orders the two: one is not the "
            "cause of the other."
        )

    def _of_answers(self, mine: Placed, its: Placed) -> str:
        """Return what a client takes for granted that an answer before or after something breaks."""
        item, other = mine.item, its.item
        if item.plain and other.plain and mine.name == its.name:
            return (
                f"The client seems to take {self.short(item)} that comes last for the one it asked for last. They come "
                "on different connections, so a later request may be answered first."
            )
        if item.is_answer and other.is_answer:
            what = "acks" if item.is_ack and other.is_ack else "answers"
            return (
                f"The client seems to take {what} in the order of its requests. They come on different connections, so "
                "a later request may be answered first."
            )
        if other.plain:
            return (
                f"The client seems to take {self.short(other)} for newer than {self.short(item)}, or to miss "
                f"{self.short(item)} until that answer is there. An event may overtake an answer on its way: then the "
                "answer tells of the time before."
            )
        return f"The client seems to need {self.short(other)} before {self.short(item)}, which may come first."

    def stale(self, one: Stale) -> str:
        """Return a warning that a client got an answer which no server would give it in this order."""
        asked = self.short(one.answer).removeprefix("the answer to ")
        what = "what that request changed" if one.news.is_answer else "that event"
        return (
            f"The client may be right: {self.thing(one.news)} came before it asked for {asked}. The recorded answer "
            f"({one.answer}) does not know of {what}; a server would have given a newer one."
        )

    def operation(self, item: Item) -> str:
        """Return the name of the operation that an item belongs to."""
        ack = self._items.get(Item(item.triple))
        return ack.name if ack is not None else f"triple {item.triple}"

    def of_request(self, name: str) -> str:
        """Return what a request of a run is called by its name there: its operation, or its method and path."""
        number = triple_of(name)
        if number:
            return self.operation(Item(number))
        item = Item(0, plain=int(name.removeprefix(f"{REQUEST}p")))
        answer = self._items.get(item)
        return name if answer is None else answer.name

    def short(self, item: Item) -> str:
        """Return the name of an item without its number."""
        one = self._items.get(item)
        if one is None:
            return str(item)
        if item.is_answer:
            return f"the answer to {one.name}" if item.plain else f"the ack of {one.name}"
        if one.name in ("", one.channel):
            return f"the event on {one.channel}"
        return one.name + self._where(one)


def _both(deviation: Deviation) -> frozenset[Item | None]:
    return frozenset((deviation.item, deviation.other))


def listed(texts: Sequence[str]) -> str:
    """Return texts as a list in a sentence."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _gap(seconds: float, other: str, *, is_before: bool | None = None) -> str:
    """Return how long after another something came, in words; `is_before` decides where there is no time between."""
    if abs(seconds) < 0.0005:
        return (
            f"at the same time as {other}"
            if is_before is None
            else f"just {'before' if is_before else 'after'} {other}"
        )
    return f"{_seconds(abs(seconds))} {'after' if seconds > 0 else 'before'} {other}"


def _seconds(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{max(round(seconds * 1000), 1)} ms"
    return f"{seconds:.3g} s"


def _clipped(query: str) -> str:
    return query if len(query) <= _LONGEST else f"{query[: _LONGEST - 1]}…"
