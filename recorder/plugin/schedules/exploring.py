"""Run one test under many schedules, each run with fixtures of its own; report one of these runs."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
from _pytest.runner import runtestprotocol  # nothing public runs a test without a report of it

from ...dialect.carried import dialect_of
from ...dialect.definition import load
from ...explore.explorer import Explorer
from ...explore.outcome import Verdict
from ...replay.engine.orders.played import Order
from ...replay.engine.orders.schedule import Kept, Schedule
from .found import told, written

if TYPE_CHECKING:
    from ..playing import Playing

SECTION = "cassette schedule"
_LONGEST = 300  # characters of what a run says of its failure
_RECORDED = Kept(Schedule())
_UNREPORTED = ("setuponly", "setupplan", "setupshow", "trace")  # options that are about a single run


@dataclass(slots=True)
class Exploring:
    """The state of an explored test.

    Attributes:
        kept: Schedule that its stand-in plays.
        is_silent: Nothing is told of this run: it is one of many.
        playing: Its stand-in; None before the fixture has made one.
        text: What is told of the exploration in the report of the test; "" if it fails under no schedule.
        results: A line about each explored test of the whole run of pytest.
        timer: Settings of pytest-timeout for the test; None without them.

    """

    results: list[str]
    timer: Any = None
    kept: Kept = _RECORDED
    is_silent: bool = True
    playing: Playing | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Run:
    schedule: Schedule
    reports: list[pytest.TestReport]
    has_failed: bool
    is_skipped: bool
    says: str
    order: Order


def can_explore(item: pytest.Item) -> bool:
    """Return whether a test can be run many times: not if a single run is shown, or stepped through."""
    return not any(item.config.getoption(name, False) for name in _UNREPORTED)


def explore(item: pytest.Item, nextitem: pytest.Item | None, state: Exploring) -> None:
    """Run a test under schedules until one makes it fail, and report the smallest that does as the run of this test.

    A test that fails under no schedule is reported as it is in the recorded order.

    Args:
        item: The test.
        nextitem: The test that is run after it.
        state: What its fixture `standin` plays by.

    """
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports(item, nextitem, state):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _reports(item: pytest.Item, nextitem: pytest.Item | None, state: Exploring) -> list[pytest.TestReport]:
    """Run a test until all is known; return the reports of its last run, unless they were logged at once."""
    began = time.monotonic()
    runs = _Runs(item, state)
    explorer = runs.explorer()
    if explorer is None:
        return runs.last(_RECORDED, nextitem, log=False)
    try:
        runs.look(explorer)
    finally:
        result = explorer.result
        state.results.append(f"{item.nodeid}: {told(result)}")
    kept = _RECORDED
    if result.verdict not in {Verdict.PASSED, Verdict.EMPTY} and runs.playing is not None:
        state.text = written(item, result, runs.playing.settings)
        kept = _RECORDED if result.schedule is None else result.kept()
    is_logged = item.config.getoption("usepdb", False)  # the report stands before the debugger, and also if it quits
    reports = runs.last(kept, nextitem, log=is_logged)
    if is_logged:
        return []
    before = runs.failed.get(kept.schedule)
    if state.text and before is not None and not any(map(is_failure, reports)):
        reports = [*before.reports, *(report for report in reports if report.when == "teardown")]
        for report in filter(is_failure, reports):
            report.sections.append((SECTION, state.text))
    for report in reports:
        if report.when == "call":
            report.duration = time.monotonic() - began
    return reports


class _Runs:
    """The runs of one test.

    Attributes:
        playing: The stand-in of the first run, whose recording and settings are those of all; None if there was none.
        failed: The last run of each schedule that failed.

    """

    def __init__(self, item: pytest.Item, state: Exploring) -> None:
        self._item, self._state, self._timer = item, state, state.timer
        # a test of the same places: between two runs, fixtures of the function end, and no others
        self._again = copy.copy(item)
        self._properties = len(item.user_properties)
        self.failed: dict[Schedule, _Run] = {}
        self._first = self._run(_RECORDED)
        self.playing = state.playing

    def explorer(self) -> Explorer | None:
        """Return what draws schedules for the test; None if there is nothing to explore."""
        playing = self.playing
        if playing is None or self._first.is_skipped or not playing.settings.explore:
            return None
        settings, recording = playing.settings, playing.recording
        dialect = load(settings.dialect) if settings.dialect else dialect_of(recording.header)
        return Explorer(
            recording,
            dialect,
            schedules=settings.explore,
            seed=settings.explore_seed,
            disturb=settings.disturb,
            delay=settings.delay,
        )

    def look(self, explorer: Explorer) -> None:
        """Run the test under the schedules that an explorer draws, until it has its result or the run is to end."""
        session, found = self._item.session, self._first
        while not (session.shouldstop or session.shouldfail):
            trial = explorer.next()
            if trial is None:
                return
            is_first = found is self._first and trial.schedule == found.schedule
            run = found if is_first else self._run(trial.kept)
            found = run
            explorer.ran(passed=not run.has_failed, says=run.says, order=run.order)

    def last(self, kept: Kept, nextitem: pytest.Item | None, *, log: bool) -> list[pytest.TestReport]:
        """Run the test once more, as a test is run that is not explored; return its reports, and log them on demand."""
        self._prepare(kept)
        self._state.is_silent = False
        try:
            return runtestprotocol(self._item, log=log, nextitem=nextitem)
        finally:
            self._disarm()

    def _run(self, kept: Kept) -> _Run:
        item, state = self._item, self._state
        self._prepare(kept)
        reports: list[pytest.TestReport] = []
        failures: list[str] = []

        def phase(when: Literal["setup", "call", "teardown"], function: Callable[[], object]) -> None:
            ends = (pytest.exit.Exception, KeyboardInterrupt)
            call = pytest.CallInfo.from_call(function, when=when, reraise=ends)
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            reports.append(report)
            if _fails(item, call, report):
                failures.append("" if call.excinfo is None else call.excinfo.exconly(tryshort=True))

        hook = item.ihook
        try:
            with warnings.catch_warnings(record=True):  # the last run gives those of all
                phase("setup", lambda: hook.pytest_runtest_setup(item=item))
                if reports[0].passed:
                    phase("call", lambda: hook.pytest_runtest_call(item=item))
                phase("teardown", lambda: hook.pytest_runtest_teardown(item=item, nextitem=self._again))
        finally:
            _let_go(item)
            self._disarm()
        order = state.playing.order if state.playing is not None else Order()
        is_skipped = not failures and any(report.skipped for report in reports)
        says = failures[0][:_LONGEST] if failures else ""
        run = _Run(kept.schedule, reports, bool(failures), is_skipped, says, order)
        if failures:
            self.failed[kept.schedule] = run
        return run

    def _prepare(self, kept: Kept) -> None:
        item, state = self._item, self._state
        state.kept, state.playing = kept, None
        # what pytest keeps in a test of its run before; as plugins do that run a test again
        del item.user_properties[self._properties :]
        del getattr(item, "_report_sections", [])[:]
        own: dict[str, Any] = vars(item)
        if isinstance(item.parent, pytest.Class):
            own.pop("_instance", None)
            own.pop("_obj", None)
        if not own.get("_request", True):
            own_init: Callable[[], None] = getattr(item, "_initrequest")  # noqa: B009  # mypy knows no such method
            own_init()
        if self._timer is not None and not getattr(self._timer, "func_only", False):
            item.config.pluginmanager.hook.pytest_timeout_set_timer(item=item, settings=self._timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._item.config.pluginmanager.hook.pytest_timeout_cancel_timer(item=self._item)


def _let_go(item: pytest.Item) -> None:
    """Forget the fixtures' values of a run, as pytest does after each."""
    own: dict[str, Any] = vars(item)
    if "_request" in own:
        own["_request"], own["funcargs"] = False, None


def _fails(item: pytest.Item, call: pytest.CallInfo[object], report: pytest.TestReport) -> bool:
    """Return whether a phase of a run failed, also if that was expected (xfail); to pass is no failure."""
    if call.excinfo is None:
        return report.failed and item.get_closest_marker("xfail") is None
    return not call.excinfo.errisinstance((pytest.skip.Exception, pytest.xfail.Exception)) and (
        report.failed or hasattr(report, "wasxfail")
    )


def is_failure(report: pytest.TestReport) -> bool:
    """Return whether a report tells of a failure, also of one that was expected (xfail)."""
    return report.failed or (report.skipped and hasattr(report, "wasxfail"))
