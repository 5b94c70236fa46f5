"""Play the clients of a plan: say what leaves when, under which live values, and what did not come as recorded.

    ┌─────────┐ all causes   ┌───────┐ think time   ┌──────┐
    │ WAITING ├─────────────►│ READY ├─────────────►│ SENT │
    └─────────┘              └───┬───┘              └──────┘
                                 │ a value, a cause or its connection is missing
                                 ▼
                             ┌──────────┐
                             │ LEFT_OUT │  its answer and its events are VOID, steps after it go on
                             └──────────┘

    COMING ── its step was sent ──► OPEN ── it came ──────────────► HEARD
       │                              ├── its patience ran out ──► MISSING ── it came late ──► HEARD
       └── its step was left out      └── its step was refused ──► VOID

The driver has no clock and no connections: a front (`drive.front`) asks for what is due, sends it, and tells what came.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum
from itertools import islice
from typing import Final

from ...dialect.definition import Dialect, name_of
from ...model import Event, Response
from ...priority_queue import PriorityQueue
from .fill import filled
from .plan import Act, Answer, Cause, Finding, Hole, Outgoing, Plan, Step, Told
from .playing.bindings import Bindings
from .playing.findings import Words, is_begin, is_end
from .playing.pairing import Held, Paired, Pairing, Surplus, Traits
from .playing.resolving import Lacking, Resolver
from .playing.schedule import Phase, Schedule
from .playing.state import OnMissing, Patience, State
from .values import Values

__all__ = ["Driver", "OnMissing", "Patience", "State", "Traits"]

_NANO: Final = 1e9
_UPGRADED = 101  # RFC 9110, section 15.2.2
_LONGEST = 1_000  # characters of a text of a finding: a server may send an error without an end
_MOST_SURPLUS = 200  # findings about surplus events: a broken server may send any number
_SHOWN = 20  # waits that a state lists


class _Fate(Enum):
    """The fates of an answer or event that the server should tell; the diagram of the module has them."""

    COMING = 0
    OPEN = 1
    HEARD = 2
    MISSING = 3
    VOID = 4


_UNSETTLED = frozenset({_Fate.COMING, _Fate.OPEN})


class Driver:
    """The clients of a plan, played by cause.

    All times are seconds on one clock of the caller's.

    Args:
        plan: What is driven.
        values: What the user gave in place of recorded values.
        new_id: Mints a value like the recorded one of a hole.
        rate: Pace of the clients' think times: 1 as recorded, `math.inf` without any.
        patience: How long to wait for what the server should tell.
        on_missing: What to do about steps that wait for something that does not come.
        settle: Seconds to wait for surplus events after all is done.
        dialect: Names events, and tells which answers say no; without one, channels and statuses do.
        traits: What the drivers of one plan share; None makes it for this one.

    Attributes:
        findings: What went other than recorded, in the order it was found.
        slack: Seconds that a step may take to leave, before patience begins; a front that tells `left` sets it.
        on_event: Is called with each event that counts, and the number of the recorded one that it stands for; None
            for one that was not recorded. An event may be told later than it came.

    Raises:
        ValueError: If the rate is no positive number, or a step waits for something that comes after it.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        values: Values,
        new_id: Callable[[Hole], str],
        rate: float = 1.0,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        on_missing: OnMissing = OnMissing.STOP,
        settle: float = 0.5,
        dialect: Dialect | None = None,
        traits: Traits | None = None,
    ) -> None:
        if not rate > 0:
            raise ValueError(f"rate {rate} is not positive")
        self.findings: list[Finding] = []
        self.slack = 0.0
        self.on_event: Callable[[int | None, Event], None] | None = None
        self._plan, self._values, self._rate, self._patience = plan, values, rate, patience
        self._on_missing, self._settle, self._dialect = on_missing, settle, dialect
        self._words, traits = Words(plan), traits or Traits(plan)
        self._bindings = Bindings()
        self._resolver = Resolver(traits.known.wanted, values, new_id, self._bindings)
        self._pairing = Pairing(plan, self._bindings, traits, dialect)
        self._began = self._quiet_since = -math.inf
        self._has_begun = self._is_over = self._has_stalled = False
        self._schedule = Schedule(plan, rate)
        self._fates = [_Fate.COMING] * len(plan.told)
        self._told_of: defaultdict[int | None, list[Told]] = defaultdict(list)
        self._events_by: defaultdict[str, list[Told]] = defaultdict(list)  # by connection
        for told in plan.told:
            self._told_of[told.step].append(told)
            if told.event is not None:
                self._events_by[told.connection].append(told)
        self._steps_by: defaultdict[str, list[Step]] = defaultdict(list)  # by connection
        for step in plan.steps:
            self._steps_by[step.connection].append(step)
        self._expiring: PriorityQueue[int, float] = PriorityQueue()
        self._times = [step.t for step in plan.steps]
        self._patient: list[tuple[int, int]] = []  # waited for without an end until that step has left: told things
        self._open_told: dict[int, None] = {}  # those that are waited for, in the order they were opened
        self._closed: dict[str, str] = {}  # connections that are lost for good, and why; "" if the client closed it
        self._lost: dict[str, tuple[float, str]] = {}  # when a connection was lost, and why
        self._unsettled = len(plan.steps) + sum(told.is_awaited for told in plan.told)
        self._answers = sum(step.answer is not None for step in plan.steps)
        self._events = sum(told.event is not None and told.is_awaited for told in plan.told)
        self._sent = self._left_out = self._heard = self._came = 0
        self._answered: set[int] = set()
        self._paired: dict[int, Event] = {}
        self._surplus = 0

    @property
    def bindings(self) -> list[tuple[str, str]]:
        """The recorded values that were learned from the server or minted by a client, each with its live value."""
        return self._bindings.pairs()

    def start(self, now: float) -> None:
        """Begin the drive.

        Raises:
            ValueError: If it has begun.
        """
        if self._has_begun:
            raise ValueError("the drive has begun")
        self._has_begun, self._began, self._quiet_since = True, now, now
        for told in self._told_of[None]:
            self._open(told, now)
        self._schedule.begin(now)

    def due(self, now: float) -> list[Outgoing]:
        """Return the steps that leave now, in order, each once; what has not come in time is found missing."""
        outgoing: list[Outgoing] = []
        while self._has_begun and not self._is_over:
            # steps first: what a late front has brought meanwhile is not missing
            if (step := self._schedule.pop(now)) is not None:
                self._leave(step, now, outgoing)
            elif (expiry := self._expiring.first()) is not None and expiry <= now:
                self._expire(self._plan.told[self._expiring.pop() or 0], now)
            elif self._end is not None and self._end <= now:
                self._finish(now)
            else:
                break
        return outgoing

    def left(self, number: int, now: float) -> None:
        """Note that the bytes of a step leave now, and not when `due` gave it out: patience begins now.

        A front sends the steps of a client one after the other, and a busy machine takes its time for that.
        """
        for told in self._told_of[number]:
            if self._fates[told.number] is _Fate.OPEN and told.number in self._expiring:
                self._expiring.put(told.number, now + self._seconds(told))

    def answered(self, number: int, answer: Answer, now: float) -> None:
        """Take the answer to a step, or the reason why none came.

        Only the first answer to a step counts.

        Raises:
            ValueError: If the step was not sent.
        """
        step = self._plan.steps[number]
        if not self._schedule.was_sent(number):
            raise ValueError(f"{self._words.step(step)} was not sent")
        if number in self._answered or self._is_over:
            return
        self._answered.add(number)
        told = None if step.answer is None else self._plan.told[step.answer]
        self._came += told is not None and answer.status is not None
        if answer.status is None:
            self._fail(step, told, answer, now)
        elif told is not None:
            self._resolver.learn(told, answer)
            self._compare(step, told, answer, now)
            self._settle_told(told, _Fate.HEARD, now)

    def heard(self, connection: str, event: Event, now: float) -> None:
        """Take an event that came by a connection of the plan."""
        if not self._has_begun or self._is_over:
            return
        match self._pairing.pair(connection, event):
            case Paired(told):
                self._come(self._plan.told[told], event, now)
            case Surplus() as surplus if not self._pairing.is_ignored(connection, event):
                self._unexpected(connection, event, surplus, now)
            case Surplus() | Held():
                pass

    def lost(self, connection: str, text: str, now: float) -> None:
        """Note that a connection was lost and recovered; events that it lost are found missing in their time."""
        if self._is_over or connection in self._closed:
            return
        self._lost[connection] = now, text
        self._find(self._words.lost(connection, text, self._at(now)))

    def gone(self, connection: str, text: str, now: float) -> None:
        """Note that a connection was lost for good: what it should bring is missing now.

        Nothing is found if all has come that it should bring.
        """
        if self._is_over or connection in self._closed:
            return
        events = [
            one for one in self._events_by[connection] if one.is_awaited and self._fates[one.number] in _UNSETTLED
        ]
        steps = [one for one in self._steps_by[connection] if not is_end(one) and self._schedule.is_unsent(one.number)]
        self._closed[connection] = text = text or "no reason is known"
        if events or steps:
            found = self._words.gone(connection, text, len(events), len(steps), self._at(now))
            self._find(found)
        for told in events:
            if self._fates[told.number] is _Fate.OPEN:
                self._miss(told, now)

    def deadline(self) -> float | None:
        """Return when `due` has to be asked again if nothing comes before; None before the begin and after the end."""
        if not self._has_begun or self._is_over:
            return None
        times = (self._schedule.next_time(), self._expiring.first(), self._end)
        earliest = min((at for at in times if at is not None), default=None)
        return earliest if earliest is None else max(earliest, self._began)

    def next_step(self) -> Step | None:
        """Let one more step leave, and no other one; return it, None if all have left.

        The first call puts the driver into steps: then the steps leave in the recorded order, each after a call of its
        own.
        """
        limit, first = self._schedule.limit, self._schedule.first_unsent()
        number = first if math.isinf(limit) else max(first, int(limit) + 1)
        self._schedule.go_to(number)
        return self._plan.steps[number] if number < len(self._plan.steps) else None

    def go_on(self) -> None:
        """Let all further steps leave by themselves again."""
        self._schedule.go_to(math.inf)

    @property
    def is_paused(self) -> bool:
        """True if the driver plays in steps, and waits for a call of `next_step` even if no deadline is there."""
        return self._schedule.limit < math.inf and not self._is_over

    def is_at_rest(self) -> bool:
        """Return whether all has come that the next step waits for, and only `next_step` lets it leave.

        After the last step: whether all is settled.
        """
        first = self._schedule.first_unsent()
        if first == len(self._plan.steps):
            return not self._unsettled
        return first > self._schedule.limit and self._schedule.has_causes(first)

    def state(self, now: float) -> State:
        """Return how far the drive has got."""
        return State(
            self._sent,
            self._left_out,
            len(self._plan.steps),
            self._came,
            self._answers,
            self._heard,
            self._events,
            tuple(islice(self._waits(now), _SHOWN)),
            self._is_over,
            self._has_stalled,
            self._paired,
        )

    def _find(self, *findings: Finding) -> None:
        """Keep findings, without a value that the user gave: a server may repeat one in an error or a channel."""
        for one in findings:
            text, where = (_short(self._values.masked(part)) for part in (one.text, one.where))
            self.findings.append(replace(one, text=text, where=where))

    @property
    def _end(self) -> float | None:
        """When the run is over; None while something is not settled."""
        return None if self._unsettled else self._quiet_since + self._settle

    def _at(self, now: float) -> float:
        return now - self._began

    def _leave(self, step: Step, now: float, outgoing: list[Outgoing]) -> None:
        """Send a step, or leave it out."""
        if is_begin(step):
            self._begin(step.connection)
        cut = self._closed.get(step.connection, "")
        reason = self._schedule.doomed.get(step.number) or (cut and f"its connection is gone ({cut})")
        if reason:
            self._leave_out(step, reason, now, is_told=not (cut and is_end(step)))
            return
        headers = self._values.headers(step.client)
        resolved, lacking = self._resolver.resolve(step, headers)
        if lacking:
            self._find(*self._without(step, lacking, now))
            self._leave_out(step, self._words.lacks(lacking[0]), now)
            return
        self._resolver.bind(step, resolved)
        outgoing.append(filled(step, resolved.get, headers))
        self._sent += 1
        self._pass(step, Phase.SENT, now)
        if is_end(step):
            self._closed[step.connection] = ""
        for told in self._told_of[step.number]:
            self._open(told, now)

    def _begin(self, connection: str) -> None:
        """Take it that a connection begins, also again; the session whose place it takes is over."""
        self._closed.pop(connection, None)
        one = self._plan.connections.get(connection)
        if one is not None and one.replaces:
            self._closed[one.replaces] = ""

    def _leave_out(self, step: Step, reason: str, now: float, *, is_told: bool = True) -> None:
        self._left_out += 1
        if is_told:
            self._find(self._words.left_out(step, reason, self._at(now)))
            if self._on_missing is OnMissing.STOP:
                self._stop()
                return
        self._pass(step, Phase.LEFT_OUT, now)
        if is_begin(step):
            self._cut(step.connection, f"{self._words.step(step)} was not sent", now)
        for told in self._told_of[step.number]:
            self._void(told, now)

    def _pass(self, step: Step, phase: Phase, now: float) -> None:
        """Take a step as settled: the steps after it may go on."""
        self._unsettled -= 1
        self._quiet_since = now
        self._schedule.passed(step, phase, now)
        while self._patient and self._patient[0][0] < self._schedule.first_unsent():
            told = self._plan.told[heapq.heappop(self._patient)[1]]
            if self._fates[told.number] is _Fate.OPEN:
                self._expiring.put(told.number, now + self._seconds(told))

    def _without(self, step: Step, lacking: list[Lacking], now: float) -> list[Finding]:
        at = self._at(now)
        return [self._words.no_value(step, one, one.without[0], at) for one in lacking if one.without]

    def _open(self, told: Told, now: float) -> None:
        """Wait for something whose step has left; its patience begins when its cause has."""
        self._fates[told.number] = _Fate.OPEN
        if told.event is not None:
            early = self._pairing.open(told, told.event)
            if early is not None:
                self._come(told, early, now)
                return
            if self._closed.get(told.connection):
                self._miss(told, now)
                return
        if told.is_awaited or self._schedule.is_waited_for(told):
            self._open_told[told.number] = None
            if not told.is_loose or self._schedule.first_unsent() > self._since(told):
                self._expiring.put(told.number, now + self.slack + self._seconds(told))
            else:
                heapq.heappush(self._patient, (self._since(told), told.number))

    def _since(self, told: Told) -> int:
        """Return the number of the step from which the patience for something counts; -1 for the begin.

        Nobody knows what caused an event without a triple: it may be any step before it, of any client.
        """
        step = -1 if told.step is None else told.step
        if not told.is_loose:
            return step
        return max(step, min(bisect_left(self._times, told.t), self._schedule.first_waiter(told)) - 1)

    def _seconds(self, told: Told) -> float:
        """Return how long something is waited for, in seconds since its cause has left."""
        steps = self._plan.steps
        since = steps[max(0, self._since(told))].t if steps else told.t
        return self._patience.seconds(max(0, told.t - since) / _NANO, is_loose=told.is_loose)

    def _come(self, told: Told, event: Event, now: float) -> None:
        if self.on_event is not None:
            self.on_event(told.number, event)
        self._paired[told.number] = event
        self._heard += told.is_awaited
        self._resolver.learn(told, event)
        self._settle_told(told, _Fate.HEARD, now)

    def _settle_told(self, told: Told, fate: _Fate, now: float) -> None:
        before, self._fates[told.number] = self._fates[told.number], fate
        if before not in _UNSETTLED:
            return
        self._expiring.drop(told.number)
        self._open_told.pop(told.number, None)
        if told.is_awaited:
            self._unsettled -= 1
            self._quiet_since = now
        self._schedule.settled(told, now)

    def _void(self, told: Told, now: float) -> None:
        """Wait no more for something that cannot come, for a reason that was found."""
        before = self._fates[told.number]
        if before not in _UNSETTLED:
            return
        if told.event is not None:
            if before is _Fate.COMING and told.n:
                self._pairing.forget(told)
            else:  # what followed a step by chance may come without it
                early = self._pairing.open(told, told.event) if before is _Fate.COMING else None
                if early is not None:
                    self._come(told, early, now)
                    return
                self._pairing.retire(told)
        self._settle_told(told, _Fate.VOID, now)

    def _expire(self, told: Told, now: float) -> None:
        """Find something missing whose patience has run out."""
        if not told.is_awaited:
            self._void(told, now)
            return
        lost = self._lost.get(told.connection)
        since = now - self._seconds(told)
        meanwhile = lost[1] if lost is not None and lost[0] >= since and told.event is not None else ""
        self._find_missing(told, now, lost=meanwhile)
        self._miss(told, now)

    def _find_missing(self, told: Told, now: float, *, failure: str = "", lost: str = "") -> None:
        waits = [self._plan.steps[number] for number in self._schedule.waiters(told)]
        self._find(self._words.missing(told, self._seconds(told), waits, at=self._at(now), failure=failure, lost=lost))

    def _miss(self, told: Told, now: float) -> None:
        """Do as the user wishes about the steps that wait for something missing."""
        waiters = self._schedule.waiters(told)
        if waiters and self._on_missing is OnMissing.STOP:
            self._stop()
            return
        if self._on_missing is OnMissing.SKIP:
            for number in waiters:
                self._schedule.doomed.setdefault(number, f"it waited for {self._words.told(told)}, which did not come")
        if told.event is not None:
            self._pairing.retire(told)
        self._settle_told(told, _Fate.MISSING, now)

    def _fail(self, step: Step, told: Told | None, answer: Answer, now: float) -> None:
        """Take that no answer came to a step."""
        failure = answer.failure or "no answer came"
        if told is None:
            if step.act is Act.MESSAGE:
                self._find(self._words.failed(step, failure, self._at(now)))
        elif self._fates[told.number] is _Fate.OPEN:
            self._find_missing(told, now, failure=failure)
            self._miss(told, now)
        if is_begin(step):
            self._cut(step.connection, failure, now)

    def _compare(self, step: Step, told: Told, answer: Answer, now: float) -> None:
        """Find whether an answer says no where the recorded one said yes, or the other way."""
        is_accepted = self._is_accepted(step, told, answer)
        if told.is_accepted and not is_accepted:
            self._find(self._words.refused(step, told, answer, self._at(now)))
            for event in self._told_of[step.number]:
                if event.event is not None:
                    self._void(event, now)
            if is_begin(step):
                self._cut(step.connection, "it was refused", now)
        elif is_accepted and not told.is_accepted:
            self._find(self._words.accepted(step, told, answer, self._at(now)))

    def _is_accepted(self, step: Step, told: Told, answer: Answer) -> bool:
        """Return whether an answer says yes, and learn the keys that it tells."""
        status = answer.status or 0
        if self._dialect is None or told.response is None:
            return 200 <= status < 300 or status == _UPGRADED
        live = Response(0, 0, 0, status, answer.headers, answer.body)
        is_accepted, keys = self._dialect.answered(live, step.operation)
        if keys:
            self._pairing.learn(self._dialect.answered(told.response, step.operation)[1], keys)
        return is_accepted

    def _cut(self, connection: str, reason: str, now: float) -> None:
        """Wait no more for events of a connection that did not begin."""
        self._closed[connection] = reason
        for told in self._events_by[connection]:
            if self._fates[told.number] is _Fate.OPEN:
                self._void(told, now)

    def _unexpected(self, connection: str, event: Event, surplus: Surplus, now: float) -> None:
        if self.on_event is not None:
            self.on_event(None, event)
        self._surplus += 1
        if self._surplus > _MOST_SURPLUS + 1:
            return
        name = name_of(self._dialect.keys_of_event(event), event) if self._dialect else event.channel
        found = self._words.surplus(connection, event, name, surplus, self._at(now))
        if self._surplus > _MOST_SURPLUS:
            found = replace(found, text=f"{found.text}; further events that were not recorded are not told")
        self._find(found)

    def _stop(self) -> None:
        self._is_over = self._has_stalled = True

    def _finish(self, now: float) -> None:
        for connection, event, surplus in self._pairing.leftovers():
            if not self._pairing.is_ignored(connection, event):
                self._unexpected(connection, event, surplus, now)
        self._is_over = True

    def _waits(self, now: float) -> Iterator[str]:
        """Yield what the next step of each client waits for, then what is waited for after the last step."""
        if self._is_over and not self._has_stalled:
            return
        heads = list(self._schedule.heads())
        for step in heads:
            causes = self._schedule.causes[step.number].values()
            yield from (self._words.wait(step, cause) for cause in causes if self._is_open(cause))
            at = self._schedule.leaves_at(step.number)
            if at is not None and not self._is_over:
                yield f"{self._words.step(step)} leaves in {max(0.0, at - now):.3g} s"
        if not heads:
            yield from (f"{self._words.told(self._plan.told[number])} is waited for" for number in self._open_told)

    def _is_open(self, cause: Cause) -> bool:
        if cause.told is not None:
            return self._fates[cause.told] in _UNSETTLED
        return cause.step is not None and self._schedule.is_unsent(cause.step)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
