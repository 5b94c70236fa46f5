"""Sessions that are played in memory and watched, as `fleet.load.player` does it on a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recorder.drive.engine.driver import Driver
from recorder.drive.engine.plan import Answer, Plan
from recorder.fleet.users.counts import Counts
from recorder.fleet.users.measuring import Measuring, Operations

from ...drive.engine.simulated import Run, Server, driver


@dataclass
class Entries:
    """The entries of the statistics, by row."""

    passes: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[tuple[str, str, float | None, str]] = field(default_factory=list)

    def passed(self, kind: str, name: str, milliseconds: float, size: int) -> None:
        self.passes[kind, name].append(round(milliseconds))

    def failed(self, kind: str, name: str, milliseconds: float | None, reason: str) -> None:
        self.failures.append((kind, name, None if milliseconds is None else round(milliseconds), reason))


class _Watched(Run):
    """A run whose watch is told what the driver was told, after it."""

    watch: Measuring

    def _tell(self, number: int, what: object, now: float) -> None:
        told = self.driver._plan.told[number]
        before = set(self.driver.state(now).paired)
        super()._tell(number, what, now)
        if isinstance(what, Answer):
            self.watch.answered(self.driver._plan.steps[told.step or 0], what, now)
        else:
            self.watch.heard(next(iter(set(self.driver.state(now).paired) - before), None), now)


class _Server(Server):
    """A server that tells a watch when a step reaches it."""

    left: Callable[[Any], None]

    def receive(self, outgoing: Any) -> list[tuple[float, int, object]]:
        self.left(outgoing.step)
        return super().receive(outgoing)


@dataclass
class Played:
    """A session, with what was counted of it."""

    entries: Entries
    counts: Counts
    driver: Driver
    watch: Measuring
    ended: float


def played(plan: Plan, *, server: dict[str, Any] | None = None, is_cut_off: bool = False, **more: Any) -> Played:
    """Play a plan against its server in memory; one that is cut off is stopped after its first answer."""
    made, entries, counts = driver(plan, **more), Entries(), Counts()
    watch = Measuring(plan, Operations.of(plan), made, sink=entries, counts=counts, label="desk", began=100.0)
    run = _Watched(made, _Server(plan, **(server or {})))
    run.watch = watch
    clock = [100.0]
    run.server.left = lambda step: watch.left(step, clock[0])  # type: ignore[attr-defined]  # of _Server
    due = made.due

    def timed(now: float) -> Any:
        clock[0] = now
        return due(now)

    made.due = timed  # type: ignore[method-assign]  # the server is told the time of the front
    if is_cut_off:
        made.start(100.0)
        for out in made.due(100.0):
            run.server.receive(out)
        watch.ended(100.5, is_cut_off=True)
        return Played(entries, counts, made, watch, 100.5)
    run.play(100.0)
    watch.ended(run.ended, is_cut_off=False)
    return Played(entries, counts, made, watch, run.ended)
