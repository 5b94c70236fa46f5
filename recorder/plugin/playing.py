"""A stand-in for one test, served in the loop's thread: what the fixture `standin` is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..dialect.definition import load
from ..errors import UsageError
from ..library.recording import joined, load_recording
from ..model import Recording
from ..replay.engine.standin import StandIn
from ..replay.server.app import Address, serve
from ..replay.server.building import Options, build
from ..replay.server.driver import Callbacks
from ..replay.server.limits import fitting
from .settings import Settings
from .threads import LoopThread

_REMEMBERED = 32  # recordings
_IDLE = 1.0  # seconds without a request, after which it is noted what the clients wait for


@dataclass(frozen=True, slots=True)
class Session:
    """A live session as it stands.

    Attributes:
        name: `p1`, `p2` … in the order they came.
        client_id: Its Bayeux session, None before the handshake.
        played: Numbers of the triples it asked for.
        pending: Events and acks that are on their way to it.
        parked: Whether it waits in a poll.
        left: Whether it disconnected.

    """

    name: str
    client_id: str | None
    played: tuple[int, ...]
    pending: int
    parked: bool
    left: bool


class Turns:
    """What the stand-in tells while it serves: that it did something, and what it waited for when nothing came."""

    def __init__(self, standin: StandIn) -> None:
        self.came = asyncio.Event()
        self._standin = standin
        self._stall: str | None = None
        self._left: tuple[int, ...] = ()

    def turn(self) -> None:
        """It did something."""
        if self._stall is not None and self._standin.unplayed != self._left:
            self._stall = None  # it went on
        self.came.set()

    def idle(self) -> None:
        """Nothing came in for a while. A client whose patience ends may say goodbye, and is not to be seen then."""
        self._stall, self._left = self._standin.stall(0.0), self._standin.unplayed

    def stall(self) -> str | None:
        """What the clients wait for, or waited for before they left."""
        return self._stall or self._standin.stall(0.0)


@dataclass(slots=True, repr=False)
class Playing:
    """The fixture: a server that plays the cassettes of one test.

    Attributes:
        url: Where it listens, e.g. `http://localhost:40123`.
        recording: What it plays.

    """

    url: str
    recording: Recording
    settings: Settings
    _standin: StandIn
    _address: Address
    _thread: LoopThread
    _turns: Turns

    def __repr__(self) -> str:
        return f"<stand-in {self.url} of {', '.join(path.name for path in self.settings.cassettes)}>"

    @property
    def sessions(self) -> list[Session]:
        """The live sessions, in the order they came."""
        state = self._thread.call(self._address.controls.state)
        return [_session(told) for told in state["sessions"]]

    def session(self, name: str | None = None) -> Session:
        """The live session of this name, or the only one.

        Raises:
            UsageError: If there is no such session, or several and no name.

        """
        found = [session for session in self.sessions if name in (None, session.name, session.client_id)]
        if len(found) != 1:
            there = ", ".join(session.name for session in found) or "none"
            raise UsageError(f"one live session is asked for, there are: {there}")
        return found[0]

    @property
    def played(self) -> tuple[int, ...]:
        """Numbers of the triples that were asked for, by whatever session."""
        return tuple(sorted({number for session in self.sessions for number in session.played}))

    @property
    def unplayed(self) -> tuple[int, ...]:
        """Numbers of the triples nobody asked for."""
        return self._thread.call(lambda: self._standin.unplayed)

    @property
    def pending(self) -> int:
        """How many events and acks are on their way."""
        return sum(session.pending for session in self.sessions)

    @property
    def misses(self) -> list[str]:
        """Why requests matched nothing; each a text that says what to do."""
        return self._thread.call(lambda: [miss.text for miss in self._standin.misses])

    @property
    def stall(self) -> str | None:
        """What the clients wait for, or did before they left, where something is left that nobody asks for."""
        return self._thread.call(self._turns.stall)

    def report(self) -> dict[str, Any]:
        """What was played and missed, as `recorder replay --json` prints it."""
        return self._thread.call(self._standin.report)

    def advance(self, seconds: float) -> None:
        """Let time pass at once; what is due meanwhile leaves in its order.

        Raises:
            UsageError: If the clock is the wall's.

        """
        self._thread.call(self._address.controls.advance, seconds)

    def wait_idle(self, limit: float = 5.0) -> None:
        """Until nothing is on its way and every client waits in a poll, or left.

        Raises:
            TimeoutError: If that is not so within `limit` seconds; says what is on its way.
            UsageError: In an event loop, which could serve no client meanwhile.

        """
        must_not_block("wait_idle")
        try:
            self._thread.run(self._until_idle(), limit)
        except TimeoutError:
            raise TimeoutError(self._why_not_idle(limit)) from None

    def _why_not_idle(self, limit: float) -> str:
        busy = [s.name for s in self.sessions if not s.parked and not s.left]
        away = f", not in a poll: {', '.join(busy)}" if busy else ""
        return f"not idle within {limit:g} s: {self.pending} events and acks are on their way{away}"

    async def _until_idle(self) -> None:
        while not self._is_idle():
            self._turns.came.clear()
            await self._turns.came.wait()

    def _is_idle(self) -> bool:
        sessions = self._address.controls.state()["sessions"]
        return all(not told["pending"] and (told["parked"] or told["left"]) for told in sessions)


def must_not_block(name: str) -> None:
    """Refuse to wait inside of an event loop.

    Raises:
        UsageError: If one runs in this thread.

    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(f"{name} would block the event loop of your client; await asyncio.to_thread(standin.{name})")


@contextmanager
def playing(settings: Settings, thread: LoopThread) -> Iterator[Playing]:
    """Serve the cassettes of a test until the block ends.

    Raises:
        RecorderError: If a cassette cannot be read, or the settings do not fit it.

    """
    recording = recording_of(settings.cassettes, settings.dialect)
    standin = build(recording, _options(settings))
    turns = Turns(standin)
    serving: AbstractAsyncContextManager[Address] = serve(
        standin,
        virtual=settings.rate is None,
        watch=Callbacks(turn=turns.turn, idle=turns.idle, idle_after=_IDLE),
        limits=fitting(recording),
    )
    address = thread.run(serving.__aenter__())
    try:
        # localhost: some clients keep no cookies for addresses
        url = f"http://localhost:{address.port}"
        yield Playing(url, recording, settings, standin, address, thread, turns)
    finally:
        thread.run(serving.__aexit__(None, None, None))


def recording_of(paths: Sequence[Path], dialect: str | None) -> Recording:
    """What cassettes hold; remembered while the files stay as they are.

    Raises:
        RecorderError: If one is not there, or cannot be read.

    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(
            f"there is no {', '.join(missing)}; record it from the real server: "
            "pytest --cassette-mode once --cassette-upstream URL"
        )
    return joined([_read(path, path.stat().st_mtime_ns, dialect) for path in paths])


@lru_cache(maxsize=_REMEMBERED)
def _read(path: Path, _: int, dialect: str | None) -> Recording:
    return load_recording(path, load(dialect) if dialect else None)


def _options(settings: Settings) -> Options:
    return Options(
        rate=1.0 if settings.rate is None else settings.rate,
        virtual=settings.rate is None,
        repeat=settings.repeat,
        strict=settings.strict,
        faults=settings.faults,
        seed=settings.seed,
        dialect=settings.dialect,
        policy=settings.policy,
    )


def _session(told: dict[str, Any]) -> Session:
    pending = sum(run["steps"] for run in told["pending"])
    return Session(told["name"], told["clientId"], tuple(told["played"]), pending, told["parked"], told["left"])
