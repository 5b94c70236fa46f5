"""Search for an order of acks and events that a client does not bear.

The search knows no client. It says which schedule to run next, and is told what came of it:

    explorer = Explorer(recording, dialect, schedules=200, seed=0)
    while (trial := explorer.next()) is not None:
        passed, says, order = run_the_test(trial.schedule)
        explorer.ran(passed=passed, says=says, order=order)
    print(explorer.result.says)

First comes the recorded order. What the client got there is what the search is about: a recording may hold more. Then
come single deviations, pairs of them, and larger sets at random (`drawing`). The first schedule that fails is shrunk
and confirmed.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from random import Random
from typing import TypeAlias

from ..dialect.definition import Dialect
from ..errors import UsageError
from ..model import Recording
from ..replay.engine.orders.deviations import DISTURBANCES, Deviation, Disturbance, Kind
from ..replay.engine.orders.items import Item
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .choices import Choice, Rank, choices, in_replies
from .coverage import Coverage
from .drawing import Drawing
from .law import Law
from .neighbours import neighbours
from .outcome import Ran, Result, Trial, Verdict
from .placed import Placed, placed
from .shrinking import Found, Shrinking
from .words import Words, counted

_Search: TypeAlias = Generator[tuple[Schedule, str], Ran, Result]
_Runs: TypeAlias = Generator[tuple[Schedule, str], Ran, int]

_RECORDED, _CONFIRMING = "recorded order", "confirming"
_CONFIRM = 2  # more runs of a failing schedule
_LATE = 0.03  # share of late items among the schedules; each costs real seconds
_FEWEST_LATE = 4
_CURES = 0.25  # share of the schedules that look for one that passes, where the recorded order fails
_FEWEST_CURES = 20


class Explorer:
    """A search for the order that a client does not bear, one run after the other."""

    def __init__(
        self,
        recording: Recording,
        dialect: Dialect,
        *,
        schedules: int = 200,
        seed: int = 0,
        disturb: Collection[Disturbance] = frozenset(),
        delay: float = 1.0,
    ) -> None:
        """Begin a search.

        Args:
            recording: The recording that the stand-in plays.
            dialect: Its dialect, which tells what keeps its order (`ordered`).
            schedules: How many schedules are tried at most, with the recorded order. A failing one is shrunk and
                confirmed in some more runs, about 40 at most.
            seed: Decides what is drawn at random. The same seed draws the same schedules for the same outcomes.
            disturb: Kinds of trouble that may happen on the way.
            delay: Seconds by which an ack or event may be late; 0 for none. Each costs so long.

        Raises:
            UsageError: If a number is too small.
        """
        if schedules < 1:
            raise UsageError(f"{schedules} schedules are none to try; give 1 or more")
        if not 0 <= delay <= 3600:
            raise UsageError(f"a delay of {delay:g} seconds cannot be played; give 0 to 3600")
        self._recording, self._dialect = recording, dialect
        self._most, self._random = schedules, Random(seed)  # noqa: S311  # draws orders, no secrets
        self._disturb, self._delay = frozenset(disturb), delay
        self._coverage, self._words = Coverage(), Words(())
        self._drawing: Drawing | None = None
        self._runs, self._waits = 0, False
        self._failing: Found | None = None
        self._search = self._searching()
        self._next: tuple[Schedule, str] | None = next(self._search)
        self._result: Result | None = None

    def next(self) -> Trial | None:
        """Return the schedule to run next; None if the search is over. Tell its outcome by `ran`."""
        if self._next is None:
            return None
        self._waits = True
        return Trial(*self._next, self._runs + 1)

    def ran(self, passed: bool, says: str, order: Order) -> None:  # noqa: FBT001  # the first thing to be told
        """Take the outcome of the run that `next` asked for.

        Args:
            passed: Whether the client bore the order.
            says: The message of the failure; "" if there is none.
            order: What happened in the run.

        Raises:
            UsageError: If no run was asked for.
        """
        if self._next is None or not self._waits:
            raise UsageError("no run was asked for: call next() first")
        self._waits = False
        self._runs += 1
        self._coverage.add(order)
        try:
            self._next = self._search.send(Ran(passed, says, order))
        except StopIteration as exc:
            self._next, self._result = None, exc.value

    @property
    def result(self) -> Result:
        """What was found; while the search goes on, what is known so far (`is_over` is False)."""
        if self._result is not None:
            return self._result
        if self._failing is not None:
            return self._failed(self._failing, " (the search was broken off before it was made smaller)", is_over=False)
        says = f"no failure in {counted(self._runs, 'run')}; the search was broken off. {self._covered()}"
        return Result(Verdict.PASSED, None, says, self._runs, str(self._coverage), is_over=False)

    def _searching(self) -> _Search:
        recorded = yield Schedule(), _RECORDED
        drawing, shrinking_from, law = self._laid_out(recorded.order)
        if not recorded.passed:
            return (yield from self._curing(recorded, shrinking_from))
        for schedule, why in drawing.schedules(self._most - 1, self._random):
            ran = yield schedule, why
            drawing.ran(schedule, ran.order)
            if not ran.passed:
                shrinking = Shrinking(shrinking_from, law, drawing.tried)
                return (yield from self._shrinking(Found(schedule, ran), shrinking))
        return Result(Verdict.PASSED, None, self._told_passed(), self._runs, str(self._coverage))

    def _laid_out(self, order: Order) -> tuple[Drawing, tuple[Choice, ...], Law]:
        """Lay out what the client got in the recorded order, and what may be different about it."""
        wanted = frozenset(Item.parse(act.name) for act in order.acts if not act.name.startswith("request "))
        items = placed(self._recording, self._dialect, wanted or None)
        law = Law(items)
        pairs = neighbours(items, law)
        self._coverage, self._words = Coverage(pairs), Words(items)
        self._coverage.add(order)
        found = choices(self._recording, items, pairs, law, disturb=self._disturb, delay=self._delay)
        most = max(min(_FEWEST_LATE, self._most // 10), round(self._most * _LATE))
        late = [one for one in found if one.rank is Rank.LATE][:most]
        found = (*(one for one in found if one.rank is not Rank.LATE), *late)
        self._drawing = Drawing(found, self._after_handshakes(items), law, self._coverage)
        return self._drawing, found, law

    def _after_handshakes(self, items: Collection[Placed]) -> list[tuple[Deviation, Deviation]]:
        """Return the pairs by which an event comes with the reply to a handshake or subscription that is made anew."""
        if Disturbance.HANDSHAKE not in self._disturb:
            return []
        return [(Deviation(Kind.LOST_SESSION, one.item), one) for one in in_replies(tuple(items))]

    def _shrinking(self, found: Found, shrinking: Shrinking) -> _Search:
        self._failing = found
        search = shrinking.shrink(found)
        try:
            asked = next(search)
            while True:
                ran = yield asked
                if not ran.passed:
                    self._failing = Found(asked[0], ran)
                asked = search.send(ran)
        except StopIteration as exc:
            found = exc.value
        failed = 1 + (yield from self._confirmed(found.schedule, _CONFIRM))
        recorded = yield from self._confirmed(Schedule(), 1)
        if failed == 1 + _CONFIRM and not recorded:
            return self._failed(found)
        return self._unsteady(found, failed, recorded)

    def _confirmed(self, schedule: Schedule, times: int) -> _Runs:
        """Run a schedule again; return how often it failed."""
        failed = 0
        for _ in range(times):
            ran = yield schedule, _CONFIRMING
            failed += not ran.passed
        return failed

    def _curing(self, recorded: Ran, found: tuple[Choice, ...]) -> _Search:
        """Look for the one deviation that makes the client pass."""
        again = yield Schedule(), _CONFIRMING
        if again.passed:
            says = "The recorded order failed in 1 of 2 runs, so it is not the order that the client fails by. "
            return self._result_of(Verdict.UNSTEADY, Schedule(), says + _STEADY, recorded)
        most, tried = max(_FEWEST_CURES, round(self._most * _CURES)), 0
        most = min(most, self._most - 1)
        for one in found[:most]:
            if one.deviation.disturbance is not None:
                continue
            schedule, tried = Schedule.of((one.deviation,)), tried + 1
            ran = yield schedule, "one deviation"
            if ran.passed and not ran.order.unmet and not (yield from self._confirmed(schedule, 1)):
                return self._cured(recorded, schedule)
        says = (
            f"fails in the recorded order, too; none of {counted(tried, 'other order')} with one deviation makes it "
            "pass, so it is hardly the order that it fails by."
        )
        return self._result_of(Verdict.RECORDED_FAILS, None, says + _run_said(recorded), recorded)

    def _cured(self, recorded: Ran, schedule: Schedule) -> Result:
        one = schedule.deviations[0]
        says = (
            f"fails in the recorded order, and passes if {self._words.clause(one)}; 1 deviation; replay it with "
            f"--schedule {schedule.id}\nThis is the smallest difference that makes it pass: the client seems to count "
            f"on it.{_run_said(recorded)}"
        )
        return self._result_of(Verdict.RECORDED_FAILS, None, says, recorded, schedule)

    def _failed(self, found: Found, more: str = "", *, is_over: bool = True) -> Result:
        schedule, words = found.schedule, self._words
        number = len(schedule.deviations)
        told = f"fails if {words.clauses(schedule)}; {counted(number, 'deviation')}{more}"
        lines = [f"{told}; replay it with --schedule {schedule.id}"]
        for one in schedule.deviations:
            lines += [line for line in (words.times(one, found.ran.order), words.cause(one)) if line]
        says = "\n".join(dict.fromkeys(lines)) + _run_said(found.ran)
        return self._result_of(Verdict.FAILED, schedule, says, found.ran, is_over=is_over)

    def _unsteady(self, found: Found, failed: int, recorded: int) -> Result:
        says = f"fails now and then: {failed} of {1 + _CONFIRM} runs failed if {self._words.clauses(found.schedule)}"
        if recorded:
            says += ", and the recorded order failed in 1 of 2 runs"
        says += f"; replay it with --schedule {found.schedule.id}\n{_STEADY}{_run_said(found.ran)}"
        return self._result_of(Verdict.UNSTEADY, found.schedule, says, found.ran)

    def _result_of(
        self,
        verdict: Verdict,
        schedule: Schedule | None,
        says: str,
        ran: Ran,
        passes_with: Schedule | None = None,
        *,
        is_over: bool = True,
    ) -> Result:
        return Result(verdict, schedule, says, self._runs, str(self._coverage), passes_with, ran, is_over)

    def _told_passed(self) -> str:
        return f"no failure in {counted(self._runs, 'schedule')}: {self._searched()}. {self._covered()}"

    def _covered(self) -> str:
        told = str(self._coverage)
        return f"{told[0].upper()}{told[1:]}."

    def _searched(self) -> str:
        """Return which schedules were tried."""
        drawn = self._drawing.drawn if self._drawing is not None else {}
        small = 1 + drawn.get(1, 0) + drawn.get(2, 0)
        larger = sum(drawn.values()) + 1 - small
        if self._drawing is not None and self._drawing.is_whole:
            told = f"all {small} with up to 2 deviations" if small > 1 else "only the recorded order is possible"
            return told + (f", and {larger} with more" if larger else "")
        parts = [(1, "one deviation"), (2, "two")]
        told = ", ".join(f"{drawn[number]} with {words}" for number, words in parts if drawn.get(number))
        return f"the recorded order, {told}" + (f", {larger} with more" if larger else "")


_STEADY = (
    "One order passed and failed, so something else decides, too: real time (a timeout, a sleep), a random value, or "
    "what an earlier run left behind."
)


def _run_said(ran: Ran) -> str:
    """Return the message of a failing run as a line of its own, "" if there is none."""
    first = next((line.strip() for line in ran.says.splitlines() if line.strip()), "")
    return f"\nThe run said: {first}" if first else ""


def names_of_disturbances() -> dict[str, Disturbance]:
    """Return the kinds of trouble by the names that users give."""
    return {one.value: one for one in DISTURBANCES.values()}
