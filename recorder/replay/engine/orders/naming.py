"""Name the steps of a replay as items, and check that a recording has the items that a schedule names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ....errors import UsageError
from ....model import Event, Recording
from ....printable import counted
from ..timeline import Run, Step
from .answers import Answers
from .deviations import Deviation
from .items import Item
from .schedule import Schedule


class Naming:
    """The items of one recording."""

    def __init__(self, recording: Recording, session_of: Mapping[str, str]) -> None:
        """Take a recording, and the recorded session of each clientId and of each key of a stream."""
        self._recording, self._session_of, self._answers = recording, session_of, Answers(recording)
        self._places: dict[int, dict[tuple[int, int], int]] = {}  # by triple: which of its events stands where

    def of_step(self, run: Run, step: Step | None) -> Item | None:
        """Return the item that a step of a run is; None for one that no schedule can name."""
        if step is None or step.is_ack:
            return self.of_ack(run)
        if step.event is None:
            return None
        if step.unsolicited is not None:
            return Item(0, step.unsolicited + 1)
        return self._of_event(step.place, step.event)

    def of_ack(self, run: Run) -> Item | None:
        """Return the answer to the request of a run; None for one that nobody can name, or a message without one."""
        return None if run.request is None else self._answer_of(run)

    def request(self, run: Run) -> str:
        """Return the name of the request that a run plays, "" where nobody can name it."""
        found = self._answer_of(run)
        return "" if found is None else found.request

    def _answer_of(self, run: Run) -> Item | None:
        if run.place is None:
            return None
        number = run.place + 1 - len(self._recording.triples)
        if number <= 0:
            return Item(run.place + 1)
        return Item(0, plain=number) if self._answers.has(number) else None

    def session(self, item: Item) -> str | None:
        """Return the recorded session of the client that got an item; None if it is unknown."""
        if item.plain:
            return self._recording.plain[item.plain - 1].session
        if not item.triple:
            one = self._recording.unsolicited[item.index - 1]
            return self._session_of.get(one.event.client_id, one.session)
        triple = self._recording.triples[item.triple - 1]
        if item.is_ack:
            return triple.session
        return self._session_of.get(triple.events[item.index - 1].event.client_id, triple.session)

    def check(self, schedule: Schedule) -> None:
        """Check that the recording has all items of a schedule, and that they may be moved.

        Raises:
            UsageError: If it lacks one; names the deviation, and says what there is.

        """
        for deviation in schedule.deviations:
            for item in (deviation.item, deviation.other):
                if item is not None and (problem := self._against(item)):
                    raise UsageError(f"deviation '{deviation}': {problem}")

    def _against(self, item: Item) -> str:
        """Return why no schedule may name an item, as a sentence for people; "" if one may."""
        if item.plain:
            return self._answers.why_not(item.plain)
        there = self._instead_of(item)
        return there and f"the recording has no {item}; it has {there}"

    def _instead_of(self, item: Item) -> str:
        """Return what the recording has where it lacks an ack or event, "" where it has it."""
        triples = self._recording.triples
        if not item.triple:
            count = len(self._recording.unsolicited)
            return "" if item.index <= count else counted(count, "unsolicited event")
        if item.triple > len(triples):
            return counted(len(triples), "triple")
        count = len(triples[item.triple - 1].events)
        return "" if item.index <= count else f"{counted(count, 'event')} of triple {item.triple}"

    def _of_event(self, place: int | None, event: Event) -> Item | None:
        if place is None or place >= len(self._recording.triples):
            return None
        its = self._places.get(place)
        if its is None:
            events = (link.event for link in self._recording.triples[place].events)
            its = self._places[place] = {(one.seq, one.index): number for number, one in enumerate(events, 1)}
        number = its.get((event.seq, event.index))
        return None if number is None else Item(place + 1, number)


def by_item(schedule: Schedule, holds: Callable[[Deviation], tuple[Item, ...]]) -> dict[Item, list[Deviation]]:
    """Return the deviations of a schedule by the items that `holds` says they hold back."""
    found: dict[Item, list[Deviation]] = {}
    for deviation in schedule.deviations:
        for item in holds(deviation):
            found.setdefault(item, []).append(deviation)
    return found
