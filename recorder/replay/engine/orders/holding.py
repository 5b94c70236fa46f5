"""Hold steps back that are due, for as long as a schedule says; what the recording keeps in order stays so.

Each step comes to the gate when it is due as recorded. There it waits for what the deviations of its item want, and for
the steps that it must not overtake: those on its channel, the head of its body, all events before the end of a session.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ..timeline import Run, Step
from .deviations import Deviation, Kind
from .items import Item
from .lines import Lines
from .naming import by_item
from .played import Log
from .schedule import Schedule

AFTER = 0.001  # seconds between what a step waited for and the step, in which clients act
_NEVER_HOLD = frozenset({Kind.LOST_POLL, Kind.TWICE})


@dataclass(slots=True, eq=False)
class Held:
    """A step that waits at the gate.

    Attributes:
        item: Which item it is; None for one that no schedule can name.
        since: When it came.
        waits_for: The deviations that hold it back.
        until: When it may leave by the client's clock; 0 where that is no question.
    """

    run: Run
    step: Step
    item: Item | None
    since: float
    waits_for: list[Deviation]
    until: float = 0.0

    @property
    def client(self) -> str:
        """Name of the client."""
        name: str = self.run.owner.name
        return name

    @property
    def rank(self) -> tuple[Any, ...]:
        """Decides among steps that leave at once: place on the recorded wire, then the client and its run."""
        return self.step.order, self.run.rank


@dataclass(slots=True, eq=False)
class Gate:
    """The steps that are held back, of all clients, in the order they came."""

    log: Log
    lines: Lines
    held: list[Held] = field(default_factory=list)
    _deviations: dict[Item, list[Deviation]] = field(default_factory=dict)
    _passed: set[tuple[Item, str]] = field(default_factory=set)
    _opened: dict[tuple[Deviation, str], float] = field(default_factory=dict)
    # pairs of which the first stands before the second in one answer
    _inside: frozenset[tuple[Item, Item]] = frozenset()

    def obey(self, schedule: Schedule) -> None:
        """Hold back what a schedule says, from now on."""
        self._deviations = by_item(schedule, _held_back)
        together = {frozenset(_items(one)) for one in schedule.deviations if one.kind is Kind.TOGETHER}
        before = [_items(one) for one in schedule.deviations if one.kind is Kind.BEFORE]
        self._inside = frozenset((first, second) for first, second in before if frozenset((first, second)) in together)

    def takes(self, run: Run, step: Step, item: Item | None, now: float, clients_now: float) -> bool:
        """Hold back a step that is due, if it must wait; return whether it must.

        Args:
            run: Its run.
            step: The step.
            item: Which item it is.
            now: Time of the stand-in's clock.
            clients_now: Time of the client's clock.

        """
        wants = [] if item is None else self._deviations.get(item, [])
        if not wants and not self._waits_in_line(run, step, ()):
            if item is not None and self._deviations:
                self._passed.add((item, run.owner.name))
            return False
        late = sum(one.seconds for one in wants if one.kind is Kind.LATE)
        held = Held(run, step, item, now, [*wants], clients_now + late if late else 0.0)
        self.held.append(held)
        if step.is_ack:
            run.acked = False
        return True

    def let_out(self, now: float, clients_now: float) -> Held | None:
        """Remove and return the next step that leaves now; None if all wait."""
        free = self._free(now, clients_now)
        if not free:
            return None
        found = min(self._first(free), key=lambda one: one.rank)
        self.held.remove(found)
        found.run.acked |= found.step.is_ack
        if found.item is not None:
            self._passed.add((found.item, found.client))
        self.log.done.update(one for one in found.waits_for if one.kind is Kind.LATE)
        return found

    def give_up(self) -> None:
        """Let the earliest step wait for nothing any more but the steps that it must not overtake."""
        first = [one for one in self.held if self.is_first(one)]
        if first:
            found = min(first, key=lambda one: (one.since, one.rank))
            found.waits_for, found.until = [], 0.0

    def is_first(self, one: Held) -> bool:
        """Return whether a step may leave before all others that are held."""
        return not self._is_behind(one, ())

    def is_in_line(self, run: Run, step: Step) -> bool:
        """Return whether a step that is not due yet has others before it in a line."""
        mine = run.coming_before(step.order)
        return self._waits_in_line(run, step, ()) or any(self.lines.follows(run, step, run, one) for one in mine)

    def open(self, deviation: Deviation, client: str, now: float) -> None:
        """Let an item of a client wait no more for what a deviation wanted first, such as a new handshake."""
        self._opened.setdefault((deviation, client), now)

    def waits_for_a_reply_alone(self, item: Item, client: str) -> bool:
        """Return whether nothing holds an item back but that a reply is to carry it: what comes before it was seen."""
        return all(
            one.kind is Kind.IN_REPLY
            or (one.kind is Kind.BEFORE and self.log.seen_at(one.item, item, client) is not None)
            for one in self._deviations.get(item, ())
        )

    def forget(self, client: str) -> None:
        """Forget the steps of a client that is gone."""
        self.held = [one for one in self.held if one.client != client]

    def has(self, run: Run) -> bool:
        """Return whether a step of a run is held back."""
        return any(one.run is run for one in self.held)

    def due(self, clients_now: float | None) -> float | None:
        """Return when the next step leaves, None where that hangs on something else than the stand-in's clock.

        `clients_now` is the time of the client's clock, None where that is the stand-in's.
        """
        times = {at for one in self.held if (at := self._from(one)) is not None}
        if clients_now is None:
            times |= {one.until for one in self.held if one.until}
        return next((at for at in sorted(times) if self._free(at, at if clients_now is None else clients_now)), None)

    def ripens(self, clients_now: float) -> float | None:
        """Return when the next step is late enough by the client's clock, None where none waits for that."""
        return min((one.until for one in self.held if one.until > clients_now), default=None)

    # -- what waits for what

    def _free(self, now: float, clients_now: float) -> list[Held]:
        """Return the steps that may leave: the largest set of which none waits for anything outside of it."""
        ripe = ((one, self._from(one)) for one in self.held if one.until <= clients_now)
        free = [one for one, at in ripe if at is not None and at <= now]
        while True:
            left = [one for one in free if not self._is_behind(one, free) and self._has_company(one, free)]
            if len(left) == len(free):
                return left
            free = left

    def _from(self, one: Held) -> float | None:
        """Return the time from which the deviations of a step let it leave, None where that is unknown."""
        times = [self._met_at(wanted, one) for wanted in one.waits_for]
        if one.step.is_ack and one.run.unfetched:
            times.append(one.run.patient_until)
        known = [at for at in times if at is not None]
        return max([one.since, *known]) if len(known) == len(times) else None

    def _met_at(self, wanted: Deviation, one: Held) -> float | None:
        item, other = wanted.item, wanted.other
        if one.item is None or other is None:
            is_order = wanted.kind is Kind.LATE
            return one.since if is_order else self._opened.get((wanted, one.client))
        match wanted.kind:
            case Kind.BEFORE if (item, other) in self._inside:
                return one.since
            case Kind.BEFORE:
                seen = self.log.seen_at(item, one.item, one.client)
                return None if seen is None else seen + AFTER
            case Kind.APART:
                return self.log.left_at(other, one.item, one.client)
            case _:
                return one.since

    def _is_behind(self, one: Held, free: Collection[Held]) -> bool:
        """Return whether a step must not overtake another one that stays, or that is not due yet."""
        return self._waits_in_line(one.run, one.step, free)

    def _waits_in_line(self, run: Run, step: Step, free: Collection[Held]) -> bool:
        """Return whether an earlier step of a line has not left, beside those that are free to leave."""
        owner, follows = run.owner, self.lines.follows
        if any(
            follows(run, step, its.run, its.step) for its in self.held if its.run.owner is owner and its not in free
        ):
            return True
        others = (other for other in owner.runs if other is not run)
        return any(follows(run, step, other, its) for other in others for its in other.coming_before(step.order))

    def _first(self, free: list[Held]) -> list[Held]:
        """Return those of the steps that are free to leave which may leave first, where some change places."""
        if not self._inside:
            return free
        follows = self.lines.follows
        found = [
            one
            for one in free
            if not any(
                its.run.owner is one.run.owner
                and ((its.item, one.item) in self._inside or follows(one.run, one.step, its.run, its.step))
                for its in free
                if its is not one
            )
        ]
        return found or free

    def _has_company(self, one: Held, free: Collection[Held]) -> bool:
        """Return whether a step that is to come with another one can: that one leaves too, or has left."""
        for wanted in one.waits_for:
            if wanted.kind is Kind.TOGETHER:
                other = wanted.other if one.item == wanted.item else wanted.item
                is_there = any(its.item == other and its.client == one.client for its in free)
                if not (is_there or (other is not None and (other, one.client) in self._passed)):
                    return False
        return True


def _items(deviation: Deviation) -> tuple[Item, Item]:
    return deviation.item, deviation.other or deviation.item


def _held_back(deviation: Deviation) -> tuple[Item, ...]:
    """Return the items that a deviation holds back."""
    item, other = deviation.item, deviation.other
    if deviation.kind in _NEVER_HOLD:
        return ()
    if other is None or deviation.kind is Kind.APART:
        return (item,)
    return (other,) if deviation.kind is Kind.BEFORE else (item, other)
