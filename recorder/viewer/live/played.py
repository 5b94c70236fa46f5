"""Show a stand-in while it plays: take what it plays, answer its live page, and do what the page's buttons ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from ...dialect.definition import Dialect
from ...errors import UsageError
from ...model import Header, Triple
from ...replay.engine.miss import Miss
from ...replay.engine.timeline import Run, Step
from .log import Delta, Log
from .pump import Pump, state
from .standin import Answered, Began, Happened, Missed, Pushed, StandInFeed
from .watched import Test, begin, items_of, text_of

_CLIENTS = 20  # that are told of
_SECOND = 1_000_000_000
_LEAST, _MOST = _SECOND // 4, 5 * _SECOND  # between two looks at the clients
_TIMES = 50  # a look takes no more than this part of the time
_ACTIONS = {  # of the page: method and name at the control API
    "pause": ("POST", "pause"),
    "resume": ("POST", "resume"),
    "step": ("POST", "step"),
    "advance": ("POST", "advance"),
    "inject": ("POST", "inject"),
    "fault": ("POST", "faults"),
    "no-faults": ("DELETE", "faults"),
}

Call: TypeAlias = Callable[[Callable[[], Any]], Any]


class Steered(Protocol):
    """The controls of the stand-in; they are used where it is served, see `Call`."""

    def look(self, most: int) -> dict[str, Any]:
        """Return how far the clients are."""

    def act(self, method: str, action: str, body: bytes) -> tuple[int, Any]:
        """Carry out an action of the control API; return its status and answer."""


class PlayedStandIn:
    """The live page of a stand-in; a `Watcher`. What happens is told in the thread that serves, which never waits.

    Attributes:
        title: Title of the page.

    """

    def __init__(
        self,
        header: Header,
        dialect: Dialect,
        name: str,
        *,
        clock: Callable[[], int],
        facts: dict[str, Any],
        test: Test | None = None,
    ) -> None:
        """Begin with nothing played.

        Args:
            header: Header of the cassette.
            dialect: Its dialect.
            name: Name of the file.
            clock: Returns the time in nanoseconds, by a clock that never goes back.
            facts: What else the page shows as `state`, such as the kind of the clock.
            test: Writes a recording as the text of a test; None for none.

        """
        self.title, self._header, self._dialect, self._clock, self._test = name, header, dialect, clock, test
        self._feed, self._log = StandInFeed(), Log(self._whole)
        self._facts = facts
        self._pump: Pump[Happened] = Pump(self._feed.feed, self._tick, self._delta, self._log)
        self._steered: Steered | None = None
        self._call: Call | None = None
        self._now: Callable[[], float] = lambda: 0.0
        self._begun = 0.0  # seconds of the stand-in's clock
        self._is_new, self._looked, self._next = True, 0, 0

    def start(self, steered: Steered, call: Call, now: Callable[[], float]) -> None:
        """Begin to tell.

        Args:
            steered: The controls.
            call: Calls a function where the stand-in is served, and returns its result.
            now: Returns the seconds of the stand-in's clock.

        """
        self._steered, self._call, self._now, self._begun = steered, call, now, now()
        self._pump.start()

    def end(self, limit: float = 2.0) -> None:
        """Tell how it ended; wait so many seconds at most. The stand-in must still be served, by another thread."""
        self._is_new, self._next = True, 0
        self._pump.end({"state": {"phase": "ended"}}, limit)
        self._call = None

    # -- for the thread that serves

    def began(self, client: str, run: Run, triple: Triple | None, now: float) -> None:
        """Take a run that begins."""
        self._pump.put(Began(client, run, triple, run.left, self._at(now)))

    def pushed(self, client: str, run: Run, step: Step, now: float) -> None:
        """Take an event that left."""
        self._pump.put(Pushed(client, run, step, run.left, self._at(now)))

    def answered(self, client: str, run: Run, now: float) -> None:
        """Take an answer."""
        status = None if run.response is None else run.response.status
        self._pump.put(Answered(client, run, status, run.left, self._at(now)))

    def missed(self, miss: Miss) -> None:
        """Take a miss."""
        self._pump.put(Missed(miss, self._at(self._now())))

    def turned(self) -> None:
        """Note that the stand-in did something."""
        self._is_new = True

    def _at(self, now: float) -> int:
        return max(0, round((now - self._begun) * 1e6))

    # -- for the thread of the pump

    def _tick(self) -> bool:
        now, call, steered = self._clock(), self._call, self._steered
        is_due = now >= self._next and (self._is_new or now - self._looked >= _MOST)
        if not is_due or call is None or steered is None:
            return False
        self._is_new, self._looked = False, now
        try:
            looked = call(lambda: steered.look(_CLIENTS))
        except (RuntimeError, TimeoutError):  # it ends, or is busy: the next look tells
            return False
        self._feed.look(looked | {"now": self._at(looked["now"])})
        took = self._clock() - now
        self._next = now + min(_MOST, max(_LEAST, _TIMES * took))
        return True

    def _delta(self) -> Delta:
        return state(self._feed.take(), self._facts | {"phase": "playing", "lost": self._pump.lost})

    def _whole(self) -> Delta:
        phase = "ended" if self._log.is_closed else "playing"
        return state(self._feed.whole(), self._facts | {"phase": phase, "lost": self._pump.lost})

    # -- for the page

    def rows(self) -> dict[str, Any]:
        """Return what the page begins with; all that happened comes as events."""
        return begin("replay", self.title, self._header, self._dialect) | {"started": 0}

    def block(self, k: int) -> Any:
        """Return the content of an item, None if there is none, or it was let go."""
        with self._log.changing():
            found = self._feed.detail(k)
        return {"text": json.dumps(found[0])} if found else None

    def events(self, since: int, timeout: float) -> list[Delta] | None:
        """Return the deltas after one; see `Log.since`."""
        return self._log.since(since, timeout)

    def control(self, name: str, params: dict[str, Any]) -> Any:
        """Do what a button asks for; return the answer of the control API, None for an unknown button.

        Raises:
            UsageError: If it cannot be done, or the parameters are wrong.

        """
        if name == "test" and self._test is not None:
            with self._log.changing():
                triples = [*self._feed.triples(items_of(params))]
            return {"text": text_of(self._header, triples, self._test)}
        if name not in _ACTIONS:
            return None
        call, steered = self._call, self._steered
        if call is None or steered is None:
            raise UsageError("the stand-in has ended")
        method, action = _ACTIONS[name]
        body = json.dumps(params).encode() if params else b""
        try:
            status, answer = call(lambda: steered.act(method, action, body))
        except (RuntimeError, TimeoutError) as exc:
            raise UsageError("the stand-in has ended, or is too busy to answer") from exc
        self._is_new, self._next = True, 0
        if status != 200:
            raise UsageError(str(answer["error"]))
        return answer
