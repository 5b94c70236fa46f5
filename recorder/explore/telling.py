"""Tell what a search found, in sentences for people who know their client and not this tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from shlex import quote

from ..printable import counted
from ..replay.engine.orders.deviations import Disturbance
from ..replay.engine.orders.items import REQUEST
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .curing.search import Cure
from .curing.words import CureWords
from .drawing import ONE, RANDOM, TWO, WHOLE, Drawing
from .neighbours import Coverage
from .outcome import Ran, Result, Verdict
from .placed import MOST
from .shrinking import Found, Unsteady
from .stale import Stale
from .words import Words

_FEW = 2  # deviations of which each is told on its own
_STEADY = (
    "One order passed and failed, so something else decides, too: real time (a timeout, a sleep), a random value, or "
    "what an earlier run left behind."
)
_WAITS = (
    "The client seems to give up within half a second, before it has done what that order waits for. So these runs say "
    "nothing about the order; a late event (--delay) shows how long the client waits."
)
_ELSEWHERE = "It may talk to another server: it should use the URL of the stand-in."
_TAKES = {
    Disturbance.POLL: "No poll was lost: that takes a client that gets events by polls.",
    Disturbance.HANDSHAKE: "No session was lost: that takes a Bayeux client that gets events.",
    Disturbance.DUPLICATE: "No event came twice: that takes a client that gets events by polls and confirms them.",
    Disturbance.FALLBACK: "No WebSocket was cut: that takes a Bayeux client that gets events by a WebSocket.",
}


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes results of what is known at the end of a search.

    Attributes:
        runs: How many runs there were.
        unsteady: The schedules that failed now and then.
        unmet: Those that failed, and did not come about.
        is_cut: Whether the client got more answers and events than a search looks at.
        disturb: The kinds of trouble that were asked for.
    """

    words: Words
    coverage: Coverage
    runs: int
    unsteady: Sequence[Unsteady] = ()
    unmet: Sequence[Found] = ()
    is_cut: bool = False
    disturb: frozenset[Disturbance] = frozenset()

    def failed(self, found: Found, stale: Sequence[Stale] = (), *, is_over: bool = True) -> Result:
        """Return that a schedule fails; one that was not shrunk to the end, if the search is not over.

        Args:
            found: The schedule, and its run.
            stale: The stale answers that the client got.
            is_over: Whether the search is over.
        """
        schedule, words = found.schedule, self.words
        telling = words.telling(schedule)
        many = len(telling) > _FEW
        clauses = CureWords(words).clauses(schedule, found.ran.order) if many else words.clauses(schedule)
        told = f"fails if {clauses}; {counted(len(schedule.deviations), 'deviation')}"
        told += "" if is_over else " (the search was broken off before there were fewer)"
        lines = [f"{told}; replay it with --schedule {schedule.id}"]
        for one in telling[:_FEW]:
            lines += ["" if many else words.times(one, found.ran.order), words.cause(one)]
        lines += [words.stale(stale[0])] if stale else []
        lines += self._now_and_then(is_steady=True)
        return self._result(Verdict.FAILED, lines, found.ran, schedule, is_over=is_over)

    def recorded_unsteady(self, recorded: Ran) -> Result:
        """Return that the recorded order failed and passed."""
        told = "fails now and then: the recorded order failed in 1 of 2 runs"
        return self._result(Verdict.UNSTEADY, [told, _STEADY], recorded, Schedule())

    def cured(self, recorded: Ran, cure: Cure, *, is_over: bool = True) -> Result:
        """Return that the recorded order fails, and that a schedule passes, if there is one."""
        schedule = cure.schedule
        if schedule is None:
            return self._hopeless(recorded, cure, is_over=is_over)
        words, number = CureWords(self.words), counted(len(schedule.deviations), "deviation")
        told = f"fails in the recorded order, and passes if {words.clauses(schedule, cure.order)}; {number}"
        told += "" if is_over else " (the search was broken off before there were fewer)"
        more = "This is the smallest difference that makes it pass." if cure.is_smallest else ""
        if len(schedule.deviations) > 1 and cure.is_smallest:
            more = "Each of these deviations is needed: without any one of them it fails."
        lines = [f"{told}; replay it with --schedule {schedule.id}", more, *words.lines(schedule, cure.order)]
        result = self._result(Verdict.RECORDED_FAILS, lines, recorded, is_over=is_over)
        return replace(result, passes_with=schedule, order=cure.order)

    def _hopeless(self, recorded: Ran, cure: Cure, *, is_over: bool) -> Result:
        """Return that the recorded order fails, and so does each other one that was tried."""
        told = "fails in the recorded order"
        if cure.tried:
            others = "the other order that was" if cure.tried == 1 else f"the {cure.tried} other orders that were"
            told += f", and in {others} tried"
        if not is_over:
            told += "; the search was broken off"
        elif cure.once is not None:
            told += "; none makes it pass each time"
        elif cure.is_whole:
            told += ": nothing that this search can change makes it pass, so it is hardly the order that it fails by"
        elif cure.tried:
            told += "; more schedules would try others"
        lines = [told]
        if cure.once is not None:
            clauses = self.words.clauses(cure.once)
            lines += [f"It passed once, and then failed, if {clauses}; try it with {_by_text(cure.once)}.", _STEADY]
        if cure.further is not None:
            schedule, order = cure.further.schedule, cure.further.ran.order
            clauses, number = CureWords(self.words).clauses(schedule, order), len(schedule.deviations)
            last = next(act.name for act in reversed(order.acts) if act.name.startswith(REQUEST))
            where = self.words.of_request(last)
            lines.append(f"It comes further, up to {where}, if {clauses}; {counted(number, 'deviation')}.")
        return self._result(Verdict.RECORDED_FAILS, lines, recorded, is_over=is_over)

    def passed(self, drawing: Drawing) -> Result:
        """Return that nothing failed, or nothing each time, or that there was nothing to try."""
        if self.coverage.is_empty:
            return self._result(Verdict.EMPTY, [f"no order was tried: {self.coverage}", _ELSEWHERE], None)
        told = f"{self._failures('schedule')}: {_searched(drawing)}"
        missing = [_TAKES[one] for one in Disturbance if one in self.disturb - self.coverage.trouble]
        cut = f"The client got more: only {MOST} answers and events were looked at." if self.is_cut else ""
        return self._none_fails([told, self._covered(), cut, *missing])

    def broken_off(self) -> Result:
        """Return that nothing failed so far, or nothing each time."""
        told = f"{self._failures('run')}; the search was broken off"
        return self._none_fails([told, self._covered()], is_over=False)

    def _failures(self, what: str) -> str:
        if self.unsteady or self.unmet:
            return f"no schedule fails each time, in {counted(self.runs, 'run')}"
        return f"no failure in {counted(self.runs, what)}"

    def _now_and_then(self, *, is_steady: bool = False) -> list[str]:
        """Return what is told of the schedules that failed in some of their runs; a result keeps one schedule."""
        lines: list[str] = []
        for one in self.unsteady:
            is_kept = lines == [] and not is_steady
            clauses, schedule = self.words.clauses(one.found.schedule), one.found.schedule
            told = f"fails now and then: {one.failed} of {counted(one.runs, 'run')} failed if {clauses}"
            told += ", and the recorded order failed later, too" if one.is_recorded else ""
            named = f"--schedule {schedule.id}" if is_kept else _by_text(schedule)
            lines.append(f"{told}; replay it with {named}")
        return [*lines, _STEADY] if lines else []

    def _gives_up(self) -> list[str]:
        """Return what is told of the schedules that failed and did not come about."""
        if not self.unmet:
            return []
        first, many = self.unmet[0].schedule, len(self.unmet)
        told = f"fails while the stand-in waits for an order that does not come about: {counted(many, 'run')}"
        told += f", {'first ' if many > 1 else ''}if {self.words.clauses(first)}"
        named = _by_text(first) if self.unsteady else f"--schedule {first.id}"
        return [f"{told}; replay it with {named}", _WAITS]

    def _none_fails(self, lines: list[str], *, is_over: bool = True) -> Result:
        if not self.unsteady and not self.unmet:
            return self._result(Verdict.PASSED, lines, None, is_over=is_over)
        found = self.unsteady[0].found if self.unsteady else self.unmet[0]
        lines = [*self._now_and_then(), *self._gives_up(), *lines]
        return self._result(Verdict.UNSTEADY, lines, found.ran, found.schedule, is_over=is_over)

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


def _by_text(schedule: Schedule) -> str:
    """Return the option that plays a schedule of which no file is kept."""
    return f"--schedule {quote(str(schedule))}"


def _searched(drawing: Drawing) -> str:
    """Return which schedules were tried."""
    one, two, random = (drawing.drawn[why] for why in (ONE, TWO, RANDOM))
    whole = f", {counted(drawing.drawn[WHOLE], 'relation')} as a whole" if drawing.drawn[WHOLE] else ""
    more = f"{whole}, and {random} drawn at random" if random else whole
    if not drawing.is_whole:
        told = ", ".join(f"{number} with {words}" for number, words in ((one, "1 deviation"), (two, "2")) if number)
        return f"the recorded order{', ' if told else ''}{told}{more}"
    if not one:
        return "no other order is possible"
    return f"all {1 + one + two} with up to 2 deviations{' (late ones alone)' if drawing.has_late else ''}{more}"
