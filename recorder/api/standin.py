"""Serve a stand-in from Python, in a thread of its own or in a running event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from os import PathLike
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from ..dialect.definition import load
from ..errors import UsageError
from ..fleet.store.places import place
from ..library.recording import joined, load_recording
from ..model import Recording
from ..printable import counted
from ..replay.engine.miss import Miss
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Kept, Schedule
from ..replay.engine.policy import Match, Repeat
from ..replay.engine.standin import ReplayEngine
from ..replay.engine.witness import Witness
from ..replay.server.admission import rules_of
from ..replay.server.app import Address, serve
from ..replay.server.building import Options, build
from ..replay.server.driver import Callbacks, Trials
from ..replay.server.limits import SESSION, fitting
from .threads import LoopThread

T = TypeVar("T")

_IDLE = 1.0  # seconds without a request, after which it is noted what the clients wait for


@dataclass(frozen=True, slots=True)
class Session:
    """A live session of a stand-in.

    Attributes:
        name: `p1`, `p2` … in the order they came.
        client_id: clientId of its Bayeux session, None before the handshake.
        played: Numbers of the triples it asked for.
        pending: Number of events and acks that are on their way to it.
        parked: It waits in a poll, or a stream is open to it.
        left: It disconnected.

    """

    name: str
    client_id: str | None
    played: tuple[int, ...]
    pending: int
    parked: bool
    left: bool


class StandIn:
    """A stand-in for a recorded server; serves while a `with` or `async with` block runs.

    In a `with` block it is served by a thread, so that clients may block; in an `async with` block by the running event
    loop. Afterwards its results (`misses`, `played`, `report`) can still be read.

    Attributes:
        url: Where it listens, e.g. `http://localhost:40123`; empty before the block.
        recording: What it plays.

    Args:
        cassettes: Files, or recordings.
        listen: Address and port; port 0 takes a free one.
        rate: Pace: 1 as recorded, 10 ten times as fast, "instant" keeps the order only.
        clock: A virtual clock jumps to the next due step when every client waits.
        repeat: What to answer when a request comes more often than it was recorded.
        strict: Operations must come in their recorded order and session.
        faults: Faults to play, as after `--fault` on the command line.
        seed: For equal ids and chances in each run; with a virtual clock 0 by default, else ids are random.
        dialect: Name of a shipped dialect or path of a file; None takes the cassette's own.
        policy: Policy the cassettes were redacted by, if not a shipped one.
        proxied: Clients come through a proxy and name the recorded servers themselves: a request for one of several
            servers is answered by this one alone, and links to the others stay.
        jwt_key: Secret that signs JSON web tokens anew (HS256, HS384, HS512) whose dates the dialect moves.
        control_token: Enable the control API at /__recorder/ for requests that carry this token.
        allow_hosts: Names to serve besides those of this machine and of the recording: `desk.example`, `*.example`, or
            `*` for all.
        allow_origins: Origins of pages to serve besides those of this machine and of the recording:
            `https://desk.example:8443`, `null`, or `*` for all.
        token: Serve only requests that carry this token: in the header X-Recorder-Token, the cookie recorder_token, or
            the query parameter recorder_token.
        instance: Name of this one among several stand-ins behind a load balancer, for the cookie recorder_instance.
        on_miss: Is called for each request that nothing recorded matches.
        on_turn: Is called after requests were answered.
        on_idle: Is called once when nothing came in for `idle_after` seconds and nothing is due.
        idle_after: Seconds.
        session_timeout: Seconds without a request after which a session is let go that holds no poll, stream or
            WebSocket. Its client is told to shake hands again if it comes back.
        thread: Thread to serve in, for several stand-ins of one process; None starts one.
        match: Is called with a live request and a recorded one. False, or a text that says why, refuses a match; True
            makes one of requests that differ; None leaves it to the usual rules. It is called in the thread that
            serves.
        witness: Remembers the first of what passes, as it was, for its `records`.
        schedule: Order to play in, which `order` tells afterwards; None plays as recorded.
        trials: A search whose trials are begun by the control API.

    Raises:
        RecorderError: If a cassette cannot be read, or an argument does not fit it.

    """

    url = ""
    _address: Address | None = None
    _serving: AbstractAsyncContextManager[Address] | None = None

    def __init__(
        self,
        *cassettes: str | PathLike[str] | Recording,
        listen: tuple[str, int] = ("127.0.0.1", 0),
        rate: float | Literal["instant"] = 1.0,
        clock: Literal["wall", "virtual"] = "wall",
        repeat: Literal["error", "last", "cycle"] = "error",
        strict: bool = False,
        faults: Sequence[str] = (),
        seed: int | None = None,
        dialect: str | None = None,
        policy: str | None = None,
        proxied: bool = False,
        jwt_key: str | None = None,
        control_token: str | None = None,
        allow_hosts: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
        token: str | None = None,
        instance: str | None = None,
        on_miss: Callable[[Miss], None] | None = None,
        on_turn: Callable[[], None] | None = None,
        on_idle: Callable[[], None] | None = None,
        idle_after: float = _IDLE,
        session_timeout: float = SESSION,
        thread: LoopThread | None = None,
        match: Match | None = None,
        witness: Witness | None = None,
        schedule: Schedule | Kept | None = None,
        trials: Trials | None = None,
    ) -> None:
        """Read what is to be played; the arguments are those of the class."""
        if not cassettes:
            raise UsageError("a stand-in needs a cassette; give the path of one")
        if control_token == "":
            raise UsageError("the control token is empty; leave it out, or give one")
        self.recording = joined([_recording(given, dialect) for given in cassettes])
        self._names = [_name(given) for given in cassettes]
        self._virtual = clock == "virtual"
        pace, seed = math.inf if rate == "instant" else rate, 0 if seed is None and self._virtual else seed
        self._options = Options(
            pace, self._virtual, Repeat(repeat), strict, tuple(faults), seed, dialect, policy, proxied, jwt_key, match,
            instance, schedule,
        )  # fmt: skip
        self._engine, self._trials = build(self.recording, self._options), trials
        self._turns = _Turns(self._engine, on_turn, on_idle)
        self._callbacks = Callbacks(on_miss or _nothing, self._turns.idle, self._turns.turn, idle_after, witness)
        self._session_timeout, self._listen = _positive("session_timeout", session_timeout), listen
        self._token, self._instance = control_token, instance
        self._rules = rules_of(self.recording, _texts(allow_hosts), _texts(allow_origins), token)
        self._thread, self._own_thread = thread, thread is None

    def __repr__(self) -> str:
        return f"<stand-in {self.url or '(not serving)'} of {', '.join(self._names)}>"

    # -- serving

    def __enter__(self) -> Self:
        """Serve in a thread.

        Raises:
            UsageError: If the address cannot be had.

        """
        if self._thread is None:
            self._thread = LoopThread()
        try:
            self._thread.run(self._begin())
        except BaseException:
            self._stop_thread()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.run(self._end())
        self._stop_thread()

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _begin(self) -> None:
        host, port = self._listen
        self._serving = serve(
            self._engine,
            host,
            port,
            watch=self._callbacks,
            virtual=self._virtual,
            token=self._token,
            limits=replace(fitting(*self._engine.largest), session=self._session_timeout),
            rules=self._rules,
            instance=self._instance,
            fresh=self._fresh,
            trials=self._trials,
        )
        self._address = await self._serving.__aenter__()
        # some clients, aiohttp's among them, keep no cookies for IP addresses
        self.url = f"http://localhost:{self._address.port}" if host == "127.0.0.1" else self._address.url

    def _fresh(self, schedule: Schedule | Kept) -> ReplayEngine:
        """Build the engine that plays another order from the start; all that is asked from now on is of its run."""
        self._options = replace(self._options, schedule=schedule, again=self._options.again + 1)
        self._engine = build(self.recording, self._options)
        self._turns.begin_anew(self._engine)
        return self._engine

    def begin_anew(self, schedule: Schedule | Kept = Schedule()) -> None:  # noqa: B008  # frozen
        """Forget all clients and their connections, and play from the start at the same URL, in another order.

        Raises:
            UsageError: If the recording lacks an item of the schedule.

        """
        self._call(self.address.controls.begin, schedule)

    async def _end(self) -> None:
        serving, self._serving = self._serving, None
        if serving is not None:
            await serving.__aexit__(None, None, None)

    def _stop_thread(self) -> None:
        if self._own_thread and self._thread is not None:
            self._thread.stop()

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function where nothing is half done: in the thread that serves, else here."""
        return function(*arguments) if self._thread is None else self._thread.call(function, *arguments)

    # -- results

    @property
    def address(self) -> Address:
        """Host and port, as they were bound.

        Raises:
            UsageError: Before the block that serves.

        """
        if self._address is None:
            raise UsageError("the stand-in is not serving: use it in a `with` or `async with` block")
        return self._address

    @property
    def sessions(self) -> list[Session]:
        """The live sessions, in the order they came."""
        return [_session(told) for told in self._call(self.address.controls.state)["sessions"]]

    def session(self, name: str | None = None) -> Session:
        """Return the live session of a name or clientId; without one, the only session.

        Raises:
            UsageError: If there is no such session, or several and no name.

        """
        found = [session for session in self.sessions if name in (None, session.name, session.client_id)]
        if len(found) != 1:
            there = ", ".join(session.name for session in found) or "none"
            raise UsageError(f"this call needs exactly one live session, there are: {there}")
        return found[0]

    @property
    def played(self) -> tuple[int, ...]:
        """Numbers of the triples that any session asked for."""
        return self._call(lambda: self._engine.played)

    @property
    def unplayed(self) -> tuple[int, ...]:
        """Numbers of the triples that no session asked for."""
        return self._call(lambda: self._engine.unplayed)

    @property
    def unplayed_events(self) -> list[dict[str, Any]]:
        """Recorded events that wait for something no client did; events of unplayed triples are left out."""
        return self._call(lambda: self._engine.unplayed_events)

    @property
    def unsubscribed_events(self) -> list[dict[str, Any]]:
        """Recorded events on channels that a client did not subscribe to, unlike the recorded client."""
        return self._call(lambda: self._engine.unsubscribed_events)

    @property
    def unheard(self) -> list[dict[str, Any]]:
        """Clients that events are due to, but that have no push session while others have one."""
        return self._call(lambda: self._engine.unheard)

    @property
    def order(self) -> Order:
        """The order in which requests came, and answers and events left, and which deviations of the schedule it shows.

        Raises:
            UsageError: If the stand-in plays without a schedule, and so notes no order.

        """
        ordered = self._engine.ordered
        if ordered is None:
            raise UsageError("no order was noted; give the stand-in a schedule, which may be empty: Schedule()")
        return self._call(lambda: ordered.order)

    @property
    def pending(self) -> int:
        """Number of events and acks that are on their way."""
        return sum(session.pending for session in self.sessions)

    @property
    def misses(self) -> list[str]:
        """Explanations of the requests that nothing recorded matches, the first thousand."""
        return self._call(lambda: [miss.text for miss in self._engine.misses])

    @property
    def missed(self) -> int:
        """Number of requests that nothing recorded matches."""
        return self._call(lambda: self._engine.missed)

    @property
    def foreign_hosts(self) -> dict[str, int]:
        """Hosts outside the recording that its links lead to, with the number of answers and events that name each."""
        return dict(self._call(lambda: self._engine.foreign).unknown)

    @property
    def foreign_links(self) -> list[str]:
        """Warnings, one line each, about links that lead a client out of the replay."""
        return list(self._call(lambda: self._engine.foreign).lines())

    @property
    def fixed_dates(self) -> list[str]:
        """Warnings, one line each, about dates that the dialect wants to move and that stay as recorded."""
        return list(self._call(lambda: self._engine.fixed_dates))

    @property
    def is_over(self) -> bool:
        """True once all recorded events were played and all clients have disconnected."""
        return self._call(lambda: self._engine.is_over)

    @property
    def stall(self) -> str | None:
        """Text that explains what the clients wait for; None once everything recorded was played."""
        return self._call(self._turns.stall)

    def explain_stall(self, idle: float) -> str | None:
        """Explain what the clients would have to send after `idle` seconds of silence; None if all was played."""
        return self._call(self._engine.stall, idle)

    def report(self) -> dict[str, Any]:
        """Return played and unplayed triples, misses and faults, as `recorder replay --json` prints them."""
        return self._call(self._engine.report)

    # -- time

    def advance(self, seconds: float) -> None:
        """Let time pass at once; steps that become due leave in their order.

        Raises:
            UsageError: If the clock is not virtual.

        """
        self._call(self.address.controls.advance, seconds)

    def wait_idle(self, limit: float = 5.0) -> None:
        """Wait until no step is pending and every client waits in a poll, or left.

        Raises:
            TimeoutError: If that takes longer than `limit` seconds; the message names what is pending.
            UsageError: In an event loop, which could serve no client meanwhile: await `until_idle` there.

        """
        must_not_block("wait_idle")
        if self._thread is None:
            raise UsageError("wait_idle needs a `with` block; in an `async with` block await standin.until_idle()")
        try:
            self._thread.run(self._until_idle(), limit)
        except TimeoutError:
            raise TimeoutError(self._why_not_idle(limit)) from None

    async def until_idle(self, limit: float = 5.0) -> None:
        """Wait as `wait_idle` does, in the event loop that serves.

        Raises:
            TimeoutError: See `wait_idle`.

        """
        try:
            await asyncio.wait_for(self._until_idle(), limit)
        except TimeoutError:
            raise TimeoutError(self._why_not_idle(limit)) from None

    def _why_not_idle(self, limit: float) -> str:
        busy = [s.name for s in self.sessions if not s.parked and not s.left]
        away = f", not in a poll: {', '.join(busy)}" if busy else ""
        held = counted(self.pending, "event or ack is", "events and acks are")
        return f"not idle within {limit:g} s: {held} on the way{away}"

    async def _until_idle(self) -> None:
        while not self._is_idle():
            self._turns.came.clear()
            await self._turns.came.wait()

    def _is_idle(self) -> bool:
        sessions = self.address.controls.state()["sessions"]
        return all(not told["pending"] and (told["parked"] or told["left"]) for told in sessions)


def _nothing(_: Miss) -> None:
    """Do nothing with a miss."""


def _positive(name: str, seconds: float) -> float:
    if not seconds > 0:
        raise UsageError(f"{name} is a number of seconds above 0, not {seconds!r}")
    return seconds


class _Turns:
    """Notes that the engine did something, and what it waited for when nothing came."""

    def __init__(
        self, engine: ReplayEngine, on_turn: Callable[[], None] | None, on_idle: Callable[[], None] | None
    ) -> None:
        self.came = asyncio.Event()
        self._engine, self._on_turn, self._on_idle = engine, on_turn, on_idle
        self._stall: str | None = None
        self._left: tuple[int, ...] = ()

    def begin_anew(self, engine: ReplayEngine) -> None:
        """Note that another engine plays from now on."""
        self._engine, self._stall, self._left = engine, None, ()

    def turn(self) -> None:
        """Note that requests were answered."""
        if self._stall is not None and self._engine.unplayed != self._left:
            self._stall = None  # it went on
        self.came.set()
        if self._on_turn is not None:
            self._on_turn()

    def idle(self) -> None:
        """Note what the clients wait for: one that loses patience may say goodbye, and is gone then.

        Where none is there any more, what they waited for before is kept.
        """
        if self._stall is None or self._engine.is_parked:
            self._stall, self._left = self._engine.stall(0.0), self._engine.unplayed
        if self._on_idle is not None:
            self._on_idle()

    def stall(self) -> str | None:
        """Return what the clients wait for, or waited for before they left."""
        return self._stall or self._engine.stall(0.0)


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


def _texts(given: Sequence[str]) -> Sequence[str]:
    """Return a list of texts; a single text is a sequence too, but one of letters."""
    return (given,) if isinstance(given, str) else given


def _name(given: str | PathLike[str] | Recording) -> str:
    return f"a recording of {given.header.upstream}" if isinstance(given, Recording) else place(given).name


def _recording(given: str | PathLike[str] | Recording, dialect: str | None) -> Recording:
    if isinstance(given, Recording):
        return given
    return load_recording(place(given), load(dialect) if dialect else None)


def _session(told: dict[str, Any]) -> Session:
    pending = sum(run["steps"] for run in told["pending"])
    return Session(told["name"], told["clientId"], tuple(told["played"]), pending, told["parked"], told["left"])
