"""Measure one session for Locust's statistics: an entry for each answer, each terminal event and each whole session.

The rows of the statistics:

    ack      GetRecord   from the request to its answer
    events   GetRecord   from the request to the terminal one of its events; a failure for each event that is lost
    stray    RecordData  failures alone: events that came early, twice, or with an id of somebody else
    session  desk        a whole session; a failure if anything in it went other than recorded
"""

from __future__ import annotations

from typing import Protocol

from ...drive.engine.driver import Driver
from ...drive.engine.plan import Answer, Finding, Found, Plan, Step
from ...frozen import dataclass
from .counts import Counts, Fault, fault_of

ACK, EVENTS, STRAY, SESSION = "ack", "events", "stray", "session"  # at most 7 characters, for the table
_OTHERS = "other events"  # name of the row of events that stand for no recorded one
_CONNECTION = "connection"
_MILLI = 1e3
_ANSWERED = frozenset({Found.REFUSED, Found.ACCEPTED})


class Sink(Protocol):
    """Takes the entries of the statistics."""

    def passed(self, kind: str, name: str, milliseconds: float, size: int) -> None:
        """Take something that went as recorded; `size` is in bytes."""

    def failed(self, kind: str, name: str, milliseconds: float | None, reason: str) -> None:
        """Take something that did not."""


@dataclass(frozen=True, slots=True)
class Operations:
    """The facts of a plan that the statistics need, made once for all its sessions.

    Attributes:
        names: Name of each step.
        events: Numbers of the awaited events of the triple of each step, of which the last one is terminal.
        owners: Number of the step that caused an awaited event, by its number.
    """

    names: tuple[str, ...]
    events: tuple[frozenset[int], ...]
    owners: dict[int, int]

    @classmethod
    def of(cls, plan: Plan) -> Operations:
        """Read them of a plan."""
        owners = {
            told.number: told.step
            for told in plan.told
            if told.event is not None and told.is_awaited and told.n and told.step is not None
        }
        events: list[set[int]] = [set() for _ in plan.steps]
        for number, step in owners.items():
            events[step].add(number)
        return cls(tuple(step.title for step in plan.steps), tuple(map(frozenset, events)), owners)


class Measuring:
    """Watches one session, as `fleet.load.player.Watch`.

    Times are seconds on the clock of the driver. The driver may be told before or after: an answer is counted at the
    next call, when the driver has compared it.

    Args:
        plan: What is played.
        operations: Of this plan.
        driver: Plays it.
        sink: Takes entries.
        counts: Counts sessions and faults.
        label: Name of the session in the statistics.
        began: When the session began.
    """

    def __init__(
        self,
        plan: Plan,
        operations: Operations,
        driver: Driver,
        *,
        sink: Sink,
        counts: Counts,
        label: str,
        began: float,
    ) -> None:
        self._plan, self._operations, self._driver = plan, operations, driver
        self._sink, self._counts, self._label, self._began = sink, counts, label, began
        self._left: dict[int, float] = {}
        self._waits: dict[int, set[int]] = {}  # events that are still to come, by step that has left
        self._asked: set[int] = set()  # steps that have left, and whose answer is to come
        self._took: dict[int, float] = {}  # milliseconds to an answer, by step
        self._came: list[tuple[int, int]] = []  # answers to compare: step, bytes
        self._seen = 0  # findings that are counted
        self._is_faulty = self._has_ended = self._is_cut_off = False
        counts.begun += 1

    def left(self, step: Step, at: float) -> None:
        """Note that a step leaves."""
        if self._has_ended:
            self._left_late(step)
            return
        self._look()
        self._left[step.number] = at
        if step.answer is not None:
            self._asked.add(step.number)
        events = self._operations.events[step.number]
        if events:
            self._waits[step.number] = set(events)

    def _left_late(self, step: Step) -> None:
        """Count a step that left while the clients of a session that is cut off were stopped: nobody waits for it."""
        if self._is_cut_off:
            name = self._operations.names[step.number]
            self._counts.cut.update([f"{ACK} {name}"] if step.answer is not None else [])
            self._counts.cut.update([f"{EVENTS} {name}"] if self._operations.events[step.number] else [])

    def answered(self, step: Step, answer: Answer, at: float) -> None:
        """Note that an answer came, or that none will come."""
        if self._has_ended:
            return
        self._took.setdefault(step.number, self._since(step.number, at))
        self._look()
        if step.number in self._asked and answer.status is not None:
            self._came.append((step.number, len(answer.body)))

    def heard(self, told: int | None, at: float) -> None:
        """Note that an event came; None stands for no recorded one."""
        if self._has_ended:
            return
        self._look()
        owner = None if told is None else self._operations.owners.get(told)
        if owner is None or owner not in self._waits:
            return
        waits = self._waits[owner]
        waits.discard(told or 0)
        if not waits:
            del self._waits[owner]
            self._sink.passed(EVENTS, self._operations.names[owner], self._since(owner, at), 0)

    def ended(self, at: float, *, is_cut_off: bool) -> None:
        """Note that the session ended; a second call does nothing.

        Args:
            at: When.
            is_cut_off: Whether the run ended, and the session with it.
        """
        if self._has_ended:
            return
        self._look()
        self._has_ended, self._is_cut_off = True, is_cut_off
        milliseconds = (at - self._began) * _MILLI
        if is_cut_off:
            self._counts.cut_off += 1
            names = self._operations.names
            self._counts.cut.update(f"{ACK} {names[number]}" for number in self._asked)
            self._counts.cut.update(f"{EVENTS} {names[number]}" for number in self._waits)
        elif self._is_faulty or self._driver.state(at).has_stalled:
            self._counts.broken += 1
            self._sink.failed(SESSION, self._label, milliseconds, "other than recorded")
        else:
            self._counts.complete += 1
            self._sink.passed(SESSION, self._label, milliseconds, 0)

    def failed(self, at: float, reason: str) -> None:
        """Note that the session could not go on at all, e.g. because the server cannot be reached."""
        self._look()
        self._has_ended = True
        self._counts.broken += 1
        self._counts.faults[Fault.FAILED.value] += 1
        self._sink.failed(SESSION, self._label, (at - self._began) * _MILLI, f"{Fault.FAILED.value}: {reason}")

    def _since(self, number: int, at: float) -> float:
        return (at - self._left.get(number, at)) * _MILLI

    def _look(self) -> None:
        """Count what the driver has found since the last time, and the answers that are none of that."""
        findings = self._driver.findings
        while self._seen < len(findings):
            finding = findings[self._seen]
            self._seen += 1
            fault = fault_of(finding)
            if fault is None:
                self._counts.reconnected += 1
                continue
            self._is_faulty = True
            self._counts.faults[fault.value] += 1
            kind, name, took = self._row(finding)
            self._sink.failed(kind, name, took, self._reason(fault, finding))
        for number, size in self._came:
            if number in self._asked:
                self._asked.discard(number)
                self._sink.passed(ACK, self._operations.names[number], self._took[number], size)
        self._came.clear()

    def _row(self, finding: Finding) -> tuple[str, str, float | None]:
        """Return the row of a finding in the statistics, and the time it took; None for what did not come."""
        names = self._operations.names
        told = None if finding.told is None else self._plan.told[finding.told]
        if told is not None and told.event is not None:
            name = told.name or told.event.channel
            owner = self._operations.owners.get(told.number)
            if finding.odd is not None or owner is None:
                return EVENTS if finding.odd is None else STRAY, name, None
            self._waits.pop(owner, None)
            return EVENTS, names[owner], None
        if finding.step is None:
            return (STRAY, _OTHERS, None) if finding.odd is not None else (SESSION, _CONNECTION, None)
        if finding.found is Found.REFUSED:
            self._waits.pop(finding.step, None)  # the driver waits for its events no more
        self._asked.discard(finding.step)
        return ACK, names[finding.step], self._took.get(finding.step) if finding.found in _ANSWERED else None

    def _reason(self, fault: Fault, finding: Finding) -> str:
        """Return a reason that is one text for all sessions: with recorded values in place of those of this one."""
        text = finding.text
        for recorded, live in sorted(self._driver.bindings, key=lambda pair: -len(pair[1])):
            if len(live) >= _DISTINCT:
                text = text.replace(live, recorded)
        return f"{fault.value}: {finding.where}: {text}"


_DISTINCT = 4  # characters of a live value that stands in a text by no chance


class Reasons:
    """Keeps the number of different reasons small: a server may put anything into an error or a channel."""

    def __init__(self, most: int = 300) -> None:
        self._most = most
        self._known: set[str] = set()

    def short(self, reason: str) -> str:
        """Return a reason as it is, or its first words if there are too many others."""
        if reason not in self._known:
            if len(self._known) >= self._most:
                return f"{reason.partition(':')[0]}: (one of more than {self._most} reasons)"
            self._known.add(reason)
        return reason
