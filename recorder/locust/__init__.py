"""Play recorded sessions as users of Locust: `from recorder.locust import SessionUser` in a locustfile.

    from recorder.locust import SessionUser


    class Agents(SessionUser):
        host = "http://127.0.0.1:8090"
        cassettes = ["cassettes/desk.cassette"]
        values = ["agents.csv"]
        allow = ["GetChainedRecord"]

Locust makes all sockets of its process those of gevent, so this module is for the process that Locust runs in, and for
no other one. `recorder load` writes such a file and starts Locust.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import gevent
from gevent import GreenletExit
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner

from ..drive.engine.driver import OnMissing
from ..drive.engine.values import Values
from ..errors import RecorderError, UsageError
from ..fleet.load.player import Player
from ..fleet.load.server import Server
from ..fleet.store.places import place
from ..fleet.users.ledger import Ledger, ledger_of
from ..fleet.users.locustfile import PARENT
from ..fleet.users.measuring import Measuring
from ..fleet.users.scenarios import PATIENCE, SETTLE, Load, Scenario, Settings, rate_of

__all__ = ["SessionUser"]

_AGAIN = 1.0  # seconds before a session is begun again whose server could not be reached
_LOOK = 1.0  # seconds between two looks at parent and master
_SILENCE = 10.0  # seconds without a word of the master, which says one each second, before its worker ends
_USAGE = 2  # exit code
_log = logging.getLogger("recorder.locust")


class SessionUser(User):
    """A user that plays recorded sessions by cause, one after the other, each under fresh ids.

    A subclass says what is played, and may have tasks of its own beside `play`. Nothing is sent before all is checked:
    a request that may change data and is not allowed, or a value that is missing, ends Locust with exit code 2.

    Attributes:
        cassettes: Files to play; or a mapping of files to weights, of which one with weight 3 is played three times as
            often as one with weight 1.
        values: Files with values: TOML, as for `recorder drive`, and CSV with a row for each user.
        rate: Pace of think times: 1 as recorded, 10 ten times as fast, "instant" without them.
        sessions: Labels of the recorded sessions to play; all by default.
        allow: What may be sent beside reading: names of operations, 'METHOD /path', 'PUBLISH /channel'.
        allow_all: Allow everything.
        on_missing: What to do if something does not come: "skip" the steps that need it, "stop" the session, or "send".
        patience: Seconds at least to wait for what the server should tell.
        settle: Seconds to wait at the end of a session for events that were not recorded.
        send_recorded_credentials: Send the recorded tokens to another host than the recorded one.
        insecure: Accept any certificate of the server.
        upstream_ca: PEM files, and folders of certificates, to trust beside the public CAs.
        dialect: Name of a shipped dialect, or path of a file; None takes that of each cassette.
        policy: Policy the cassettes were redacted by, if not a shipped one.

    """

    abstract = True
    cassettes: ClassVar[Sequence[str] | Mapping[str, int]] = ()
    values: ClassVar[str | Sequence[str]] = ()
    rate: ClassVar[float | str] = 1.0
    sessions: ClassVar[Sequence[str]] = ()
    allow: ClassVar[Sequence[str]] = ()
    allow_all: ClassVar[bool] = False
    on_missing: ClassVar[str] = OnMissing.SKIP.value
    patience: ClassVar[float] = PATIENCE
    settle: ClassVar[float] = SETTLE
    send_recorded_credentials: ClassVar[bool] = False
    insecure: ClassVar[bool] = False
    upstream_ca: ClassVar[str | Sequence[str]] = ()
    dialect: ClassVar[str | None] = None
    policy: ClassVar[str | None] = None

    def __init__(self, environment: Environment) -> None:
        """Take the environment; `on_start` prepares the user."""
        super().__init__(environment)
        self._ledger: Ledger = ledger_of(environment)
        self._row: int | None = None
        self._load: Load
        self._server: Server
        self._own: Values

    def on_start(self) -> None:
        """Take a row of values. A subclass that has an `on_start` calls this one first."""
        if self._ledger.is_ending:
            raise StopUser
        self._load, self._server = _ready(type(self), self.host or "")
        name = type(self).__name__
        self._ledger.has_rows(name, self._load.rows.count)
        self._row = self._ledger.take(name)
        if self._row is None:
            self._ledger.none_left(name)
            raise StopUser
        self._own = self._load.rows.values(self._row)

    def on_stop(self) -> None:
        """Give the row of values back. A subclass that has an `on_stop` calls this one, too."""
        row, self._row = self._row, None
        if row is not None:
            self._ledger.give(type(self).__name__, row)

    @task
    def play(self) -> None:
        """Play one session, of one of the cassettes by their weights."""
        scenarios = self._load.scenarios
        weights = [one.weight for one in scenarios]
        [scenario] = random.choices(scenarios, weights)  # noqa: S311  # which one is no secret
        self.play_session(scenario)

    def play_session(self, scenario: Scenario) -> None:
        """Play one session of a cassette to its end, or until Locust stops the user."""
        part = self._load.part(scenario, self._row or 0, self._own, secrets.token_bytes)
        watch = Measuring(
            part.plan,
            part.operations,
            part.driver,
            sink=self._ledger,
            counts=self._ledger.counts,
            label=scenario.label,
            began=time.monotonic(),
        )
        player = Player(
            part.driver,
            part.plan,
            self._server,
            values=self._own,
            allowed=self._load.allowed,
            rules=scenario.dialect.push,
            watch=watch,
            patience=self.patience,
        )
        playing = gevent.spawn(_played, player)
        try:
            problem = playing.get()
        except GreenletExit:
            # counted first: what is missed while the clients disconnect is nobody's fault
            watch.ended(time.monotonic(), is_cut_off=True)
            playing.kill()
            raise
        if problem is not None:
            watch.failed(time.monotonic(), str(problem))
            gevent.sleep(_AGAIN)
            return
        now = time.monotonic()
        watch.ended(now, is_cut_off=not part.driver.state(now).is_over)


def _played(player: Player) -> RecorderError | None:
    """Play; return what went wrong, for gevent prints a traceback of each greenlet that raises."""
    try:
        player.run()
    except RecorderError as exc:
        return exc
    return None


def settings_of(users: type[SessionUser], host: str) -> Settings:
    """Return what a class of users says of itself.

    Raises:
        UsageError: If something of it cannot be used.

    """
    known = [one.value for one in OnMissing]
    if users.on_missing not in known:
        raise UsageError(f"on_missing must be one of {', '.join(known)}, not {users.on_missing!r}")
    cassettes = users.cassettes if isinstance(users.cassettes, Mapping) else dict.fromkeys(users.cassettes, 1)
    return Settings(
        cassettes=tuple((_path(one), weight) for one, weight in cassettes.items()),
        to=host,
        values=tuple(map(_path, _several(users.values))),
        rate=rate_of(users.rate),
        sessions=tuple(users.sessions),
        allow=tuple(users.allow),
        allow_all=users.allow_all,
        on_missing=OnMissing(users.on_missing),
        patience=users.patience,
        settle=users.settle,
        send_recorded_credentials=users.send_recorded_credentials,
        insecure=users.insecure,
        upstream_ca=tuple(map(_path, _several(users.upstream_ca))),
        dialect=users.dialect,
        policy=users.policy,
    )


def _several(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str | Path) else given


def _path(given: str) -> Path:
    return place(given)


@cache
def _ready(users: type[SessionUser], host: str) -> tuple[Load, Server]:
    """Return what a class of users plays against a server, read and checked once in a process.

    Raises:
        RecorderError: If something keeps it from being sent.

    """
    if not host:
        raise UsageError("name the server to send to, e.g. --host http://staging.example:8090")
    load = Load(settings_of(users, host), os.environ)
    problems = load.problems()
    if problems or load.target is None:
        raise UsageError("; ".join(problems))
    return load, Server(load.target)


def _begin(environment: Environment, **_more: Any) -> None:
    """Check all before anything is sent; what is wrong ends Locust."""
    found = [one for one in environment.user_classes if issubclass(one, SessionUser)]
    if not found:
        return
    ledger = ledger_of(environment)
    options = environment.parsed_options
    users = options.num_users if options is not None and len(environment.user_classes) == 1 else None
    for one in found:
        host = environment.host or one.host or ""
        if not host and options is not None and not options.headless:
            continue  # the page asks for it
        try:
            load = _ready(one, host)[0]
            problems = load.problems(users)
        except RecorderError as exc:
            problems = [str(exc)]
        if problems:
            for line in problems:
                _log.error("%s: %s", one.__name__, line)
            _log.error("nothing was sent")
            sys.exit(_USAGE)
        ledger.has_rows(one.__name__, load.rows.count)
    # to read cassettes takes seconds, and gevent counts --run-time from the time its loop last looked at the clock
    gevent.get_hub().loop.update_now()
    gc.collect()
    gc.freeze()  # plans live as long as the process: to look through them again and again takes 5 to 10 % of its time
    gevent.spawn(_watch, environment.runner, _parents(environment))


def _parents(environment: Environment) -> list[int]:
    """Return the processes that this one ends with: `recorder load`, and the one that started it as a worker.

    Without them nobody could end it by Ctrl-C.
    """
    options, parent = environment.parsed_options, os.getppid()
    started = int(os.environ.get(PARENT, "0"))
    if getattr(options, "processes", None) and isinstance(environment.runner, WorkerRunner):
        return [parent, *([started] if started else [])]
    return [parent] if parent == started else []


def _watch(runner: object, parents: Sequence[int]) -> None:
    """End the run as Ctrl-C does when a parent was killed, or the master of a worker says nothing any more.

    Locust's workers send for another minute without their master.
    """
    while True:
        gevent.sleep(_LOOK)
        if parents and not _are_there(parents):
            _log.error("the process that started this one is gone")
            break
        heard = runner.last_heartbeat_timestamp if isinstance(runner, WorkerRunner) else None
        if heard is not None and time.time() - heard > _SILENCE:
            _log.error("the master has said nothing for %.0f s", _SILENCE)
            break
    os.kill(os.getpid(), signal.SIGINT)


def _are_there(parents: Sequence[int]) -> bool:
    if os.getppid() != parents[0]:
        return False
    try:
        for one in parents[1:]:
            os.kill(one, 0)
    except OSError:
        return False
    return True


events.init.add_listener(_begin)
