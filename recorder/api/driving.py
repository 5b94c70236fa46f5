"""Hold one run of a drive: its engine, its cassette, and the steps that are played one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..drive.engine.allowing import Allowed
from ..drive.engine.driver import Driver
from ..drive.engine.plan import Plan, Step
from ..drive.engine.report import Report
from ..drive.engine.values import Values
from ..model import Record
from ..push.rules import PushRules

if TYPE_CHECKING:
    from ..drive.front.run import Front
    from ..drive.front.tape import Tape
    from ..drive.front.target import Target
    from ..fleet.store.keeping import Working


class Run:
    """One run of a drive, in an event loop.

    Attributes:
        driver: The engine that plays the plan.
    """

    def __init__(
        self,
        plan: Plan,
        driver: Driver,
        target: Target,
        tape: Tape | None,
        *,
        allowed: Allowed,
        values: Values,
        rules: PushRules,
        keep: Callable[[Record], None] | None = None,
        working: Working | None = None,
    ) -> None:
        """Take the parts of the run; nothing is sent yet."""
        self.driver, self._working = driver, working
        self._plan, self._target, self._tape = plan, target, tape
        self._allowed, self._values, self._rules, self._keep = allowed, values, rules, keep
        self._front: Front | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._task: asyncio.Task[None] | None = None
        self._turned = asyncio.Event()

    async def play(self, on_turn: Callable[[], None] | None = None) -> None:
        """Play to the end; a cancelled run ends in order, too.

        Args:
            on_turn: Is called when something was sent, or came.

        Raises:
            UpstreamError: If the server cannot be reached.
            OutputError: If the cassette cannot be written.

        """
        from ..drive.front.run import Front  # noqa: PLC0415  # takes aiohttp, an extra

        self._began = time.monotonic()
        self._front = Front(
            self.driver,
            self._plan,
            self._target,
            values=self._values,
            allowed=self._allowed,
            rules=self._rules,
            tape=self._tape,
            on_turn=on_turn,
            keep=self._keep,
        )
        try:
            await self._front.run()
        finally:
            self._seconds = time.monotonic() - self._began
            if self._working is not None:
                await asyncio.to_thread(self._working.put)

    async def step(self) -> Step | None:
        """Let one more step leave, and wait until the one after it could.

        After the last step: wait until the run is over.

        Returns:
            The step; None if none has left, because all have or because the run has stalled.

        """
        before = self._sent
        step = self.driver.next_step()
        if step is None:
            self.driver.go_on()
        if self._task is None:
            self._task = asyncio.create_task(self.play(self._turned.set))
        elif self._front is not None:
            self._front.wake()
        while not self._task.done():
            self._turned.clear()
            if step is not None and self._sent > before and self.driver.is_at_rest():
                return step
            waiting = asyncio.create_task(self._turned.wait())
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        self._task.result()  # raises what ended the run
        return step if self._sent > before else None

    async def end(self) -> None:
        """End a run that is played step by step: its clients disconnect."""
        if self._task is None or self._task.done():  # `step` has raised what ended it
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    @property
    def _sent(self) -> int:
        return self.driver.state(time.monotonic()).sent

    def report(self) -> Report:
        """Return what came of it, or what has come yet."""
        seconds = self._seconds or (0.0 if self._began is None else time.monotonic() - self._began)
        state = self.driver.state(time.monotonic())
        return Report(
            findings=tuple(self.driver.findings),
            bindings=tuple(self.driver.bindings),
            sent=state.sent,
            answered=state.answered,
            heard=state.heard,
            steps=state.steps,
            answers=state.answers,
            events=state.events,
            notes=self._plan.notes,
            waits=state.waits,
            is_over=state.is_over,
            has_stalled=state.has_stalled,
            cassette=None if self._working is None else self._working.target,
            seconds=seconds,
        )
