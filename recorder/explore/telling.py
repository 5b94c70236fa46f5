"""Tell what a search found, in sentences for people who know their client and not this tool."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .drawing import ONE, RANDOM, TWO, Drawing
from .neighbours import Coverage
from .outcome import Ran, Result, Verdict
from .placed import MOST
from .shrinking import Found
from .words import Words, counted

_STEADY = (
    "One order passed and failed, so something else decides, too: real time (a timeout, a sleep), a random value, or "
    "what an earlier run left behind."
)


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes results of what is known at the end of a search.

    Attributes:
        runs: How many runs there were.
        is_cut: Whether the client got more acks and events than a search looks at.
    """

    words: Words
    coverage: Coverage
    runs: int
    is_cut: bool = False

    def failed(self, found: Found, *, is_over: bool = True) -> Result:
        """Return that a schedule fails; one that was not shrunk to the end, if the search is not over."""
        schedule, words = found.schedule, self.words
        told = f"fails if {words.clauses(schedule)}; {counted(len(schedule.deviations), 'deviation')}"
        told += "" if is_over else " (the search was broken off before there were fewer)"
        lines = [f"{told}; replay it with --schedule {schedule.id}"]
        for one in words.telling(schedule):
            lines += [words.times(one, found.ran.order), words.cause(one)]
        return self._result(Verdict.FAILED, lines, found.ran, schedule, is_over=is_over)

    def unsteady(self, found: Found, failed: int, runs: int, *, is_recorded: bool) -> Result:
        """Return that a schedule fails in some of its runs, or that the recorded order fails, which passed before."""
        told = f"fails now and then: {failed} of {counted(runs, 'run')} failed if {self.words.clauses(found.schedule)}"
        told += ", and the recorded order failed in 1 of 2 runs" if is_recorded else ""
        told += f"; replay it with --schedule {found.schedule.id}"
        return self._result(Verdict.UNSTEADY, [told, _STEADY], found.ran, found.schedule)

    def recorded_unsteady(self, recorded: Ran) -> Result:
        """Return that the recorded order failed and passed."""
        told = "fails now and then: the recorded order failed in 1 of 2 runs"
        return self._result(Verdict.UNSTEADY, [told, _STEADY], recorded, Schedule())

    def cured(self, recorded: Ran, schedule: Schedule, order: Order) -> Result:
        """Return that the recorded order fails, and a schedule with one deviation passes, in which this happened."""
        clause = self.words.clauses(schedule)
        told = f"fails in the recorded order, and passes if {clause}; 1 deviation; replay it with --schedule"
        more = "This is the smallest difference that makes it pass: the client seems to count on it."
        result = self._result(Verdict.RECORDED_FAILS, [f"{told} {schedule.id}", more], recorded)
        return replace(result, passes_with=schedule, order=order)

    def hopeless(self, recorded: Ran, tried: int) -> Result:
        """Return that the recorded order fails, and so does each of so many others."""
        told = "fails in the recorded order"
        if tried:
            others = "order with one deviation does" if tried == 1 else "orders with one deviation do"
            told += f", and the {tried} other {others} not pass either: so it is hardly the order that it fails by"
        return self._result(Verdict.RECORDED_FAILS, [told], recorded)

    def passed(self, drawing: Drawing) -> Result:
        """Return that nothing failed."""
        told = f"no failure in {counted(self.runs, 'schedule')}: {_searched(drawing)}"
        cut = f"The client got more: only {MOST} acks and events were looked at." if self.is_cut else ""
        return self._result(Verdict.PASSED, [told, self._covered(), cut], None)

    def broken_off(self) -> Result:
        """Return that nothing failed so far."""
        told = f"no failure in {counted(self.runs, 'run')}; the search was broken off"
        return self._result(Verdict.PASSED, [told, self._covered()], None, is_over=False)

    def _covered(self) -> str:
        told = str(self.coverage)
        return f"{told[0].upper()}{told[1:]}."

    def _result(
        self,
        verdict: Verdict,
        lines: list[str],
        ran: Ran | None,
        schedule: Schedule | None = None,
        *,
        is_over: bool = True,
    ) -> Result:
        says = "\n".join(dict.fromkeys(line for line in lines if line))
        order = ran.order if ran is not None else Order()
        return Result(verdict, schedule, says, self.runs, str(self.coverage), None, ran, order, is_over)


def _searched(drawing: Drawing) -> str:
    """Return which schedules were tried."""
    one, two, random = (drawing.drawn[why] for why in (ONE, TWO, RANDOM))
    more = f", and {random} drawn at random" if random else ""
    if not drawing.is_whole:
        told = ", ".join(f"{number} with {words}" for number, words in ((one, "1 deviation"), (two, "2")) if number)
        return f"the recorded order{', ' if told else ''}{told}{more}"
    if not one:
        return "no other order is possible"
    return f"all {1 + one + two} with up to 2 deviations{' (late ones alone)' if drawing.has_late else ''}{more}"
