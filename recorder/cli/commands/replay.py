"""The command `recorder replay`."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ...model import Recording
from ...printable import counted, printable, to_json
from ...system.limits import allow_descriptors
from ...system.signals import call_on, ends
from ..exploring.options import explore_options, given_of
from ..group import NEW_OBJECTS
from ..loading import load, rules_of
from ..options import (
    Rate,
    cassettes_argument,
    dialect_option,
    listen_option,
    log_option,
    recorded_policy_option,
    warn_if_exposed,
)
from ..saying import alone, say, tell
from ..tokens import CONTROL_TOKEN, TokenFile, token_of
from ..verdict import announce
from ..viewing.options import view_options
from ..writing import logging_into

if TYPE_CHECKING:
    from ...api.standin import StandIn
    from ...monitoring.log import LogFile
    from ...replay.engine.miss import Miss
    from ...replay.engine.orders.schedule import Kept, Schedule
    from ...viewer.live.played import PlayedStandIn
    from ..exploring.served import ServedTrials

_STALLED = 3  # exit code
_TOKEN = "RECORDER_TOKEN"  # noqa: S105  # the environment variable's name
_JWT_KEY = "RECORDER_JWT_KEY"
_TOLD = 10  # events that did not come, at the end
_DESCRIPTORS = 65_536  # each connection takes one, and shells allow a thousand


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options say of a replay."""

    listen: tuple[str, int]
    rate: float
    clock: Literal["wall", "virtual"]
    repeat: Literal["error", "last", "cycle"]
    strict: bool
    exit_when_done: bool
    idle: float
    faults: tuple[str, ...]
    seed: int | None
    dialect: str | None
    session_timeout: float
    control_token: str | None = None
    policy: str | None = None
    jwt_key: str | None = None
    token: str | None = None
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    instance: str | None = None
    schedule: Kept | None = None
    explore: int | None = None
    explore_seed: int = 0
    explore_delay: float = 1.0
    disturb: tuple[str, ...] = ()
    trials: ServedTrials | None = None
    log: Path | None = None
    view: bool = False
    view_port: int | None = None
    no_open: bool = False


@click.command("replay")
@cassettes_argument
@listen_option
@click.option("--rate", type=Rate(), default="1", show_default=True, help="Pace: 1 as recorded, 10 ten times as fast.")
@click.option(
    "--clock",
    type=click.Choice(["wall", "virtual"]),
    default="wall",
    show_default=True,
    help="virtual: jump to the next step when all clients wait.",
)
@click.option(
    "--repeat",
    type=click.Choice(["error", "last", "cycle"]),
    default="error",
    show_default=True,
    help="What to answer when a request comes more often than it was recorded.",
)
@click.option("--strict", is_flag=True, help="Operations must come in their recorded order and session.")
@click.option(
    "--exit-when-done",
    is_flag=True,
    help="Exit when everything was played and the clients have left, or when the clients stopped making requests.",
)
@click.option(
    "--idle",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds without a request after which the requests that are needed next are printed.",
)
@click.option(
    "--session-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    help="Seconds without a request after which a session without an open poll, stream or WebSocket ends.",
)
@click.option("--fault", "faults", metavar="FAULT", multiple=True, help="Inject a fault, e.g. 'drop event NAME#2'.")
@click.option(
    "--seed",
    type=int,
    metavar="N",
    help="Use equal ids and random choices in each run; default 0 with a virtual clock.",
)
@click.option(
    "--schedule",
    "schedules",
    metavar="ID|FILE|TEXT",
    multiple=True,
    help="Play in another order, e.g. 'event 4.1 before ack 4', or one that `explore` found.",
)
@click.option("--json", "as_json", is_flag=True, help="At the end, print the played triples and the misses as JSON.")
@click.option(
    "--control-token",
    type=TokenFile(CONTROL_TOKEN),
    help="Enable the control API and the counters at /__recorder/ for requests that carry the token in this file."
    f"  [env var: {CONTROL_TOKEN}, the token itself]",
)
@click.option(
    "--token",
    type=TokenFile(_TOKEN),
    help=f"Serve only requests that carry the token in this file.  [env var: {_TOKEN}, the token itself]",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    metavar="NAME",
    multiple=True,
    help="Serve requests for this host too, e.g. desk.example, *.example, or * for all.",
)
@click.option(
    "--allow-origin",
    "allow_origins",
    metavar="ORIGIN",
    multiple=True,
    help="Serve pages of this origin too, e.g. https://desk.example:8443, null, or * for all.",
)
@click.option(
    "--instance",
    metavar="NAME",
    help="Name of this stand-in among several behind a load balancer, told in the cookie recorder_instance.",
)
@click.option(
    "--jwt-key",
    type=TokenFile(_JWT_KEY),
    help=f"Sign JSON web tokens with moved dates by the secret in this file.  [env var: {_JWT_KEY}, the secret itself]",
)
@explore_options
@recorded_policy_option
@view_options
@dialect_option
@log_option
def command(cassettes: tuple[Path, ...], *, as_json: bool, **options: Any) -> None:
    """Stand in for the recorded server, offline. Events are sent only after their request came.

    Prints `listening on URL` when ready and serves until Ctrl-C. Every live session plays the cassette from its start.
    A request without a match gets status 470, the header X-Recorder-Miss and an explanation; then the exit code is 1.
    With --exit-when-done the command ends by itself after a client came: with 0 if everything was played, with 3 if the
    clients wait for something else. The exit code is also 3 if events were due to a client without a push session while
    another client had one.

    Requests for names of this machine, and for names in the cassette, are served. A request for another host, or from a
    page of another origin, gets status 403 and counts as a miss; the answer names the option that allows such requests.
    --token keeps other users of this machine out.

    Behind a load balancer each of several stand-ins has a name (--instance), and each first answer sets it as a cookie:
    the balancer sends a client's further requests to the instance of that name.

    Faults: drop, duplicate, reorder or delay `event NAME`; `delay ack OPERATION 3s`; `http 500 OPERATION`; `no answer
    OPERATION`; `unknown-client after OPERATION`; `cut websocket after OPERATION`; `cut stream after OPERATION` or
    EVENT; `stall heartbeat`; `end session after OPERATION` or EVENT; `expire session after 10s idle`; `refuse
    handshake`, `refuse subscribe CHANNEL` or `refuse publish CHANNEL`, each with `2 times` and `with 'ERROR'` behind
    it. NAME#2 is the second of a session, NAME 10% one in ten.

    A schedule names acts by their numbers in `show`, as `event 4.1 before ack 4` and `event 4.1 before answer p2` do
    (docs/races.md). Play it with --clock virtual.

    \b
    Example:  recorder replay session.cassette --listen 127.0.0.1:8090 --rate instant
              recorder replay session.cassette --exit-when-done --clock virtual
    """
    from ...fleet.store.fetched import at_hand
    from ...library.index.making import maker_of

    # events are due at their times, so what is read later is read from this machine
    recording = load([at_hand(path) for path in cassettes], options["dialect"], maker_of)
    allow_descriptors(_DESCRIPTORS)
    collect_rarely()
    settings = _settings(options, cassettes)
    settings = replace(settings, trials=_trials(recording, cassettes, settings))
    if settings.schedule is not None:
        _tell_if_forbidden(recording, settings.schedule.schedule, settings.dialect)
    with logging_into(settings.log, takes_all=True) as log:
        with _viewed(recording, cassettes[0], settings) as page:
            standin, stalled = asyncio.run(_serve(recording, settings, log, page))
        if settings.trials is not None:  # each trial had its own verdict
            return
        _conclude(standin.report(), standin.missed, as_json=as_json)
    if stalled or standin.unheard or (settings.exit_when_done and (standin.unplayed or standin.unplayed_events)):
        raise SystemExit(_STALLED)


def _settings(options: dict[str, Any], cassettes: tuple[Path, ...]) -> Settings:
    """Read the files that options name: of secrets, and of a schedule."""
    options["control_token"] = token_of(options["control_token"], CONTROL_TOKEN)
    options["token"] = token_of(options["token"], _TOKEN)
    options["jwt_key"] = token_of(options["jwt_key"], _JWT_KEY)
    schedules: tuple[str, ...] = options.pop("schedules")
    return Settings(**options, schedule=_schedule(schedules, cassettes))


def _conclude(report: dict[str, Any], missed: int, *, as_json: bool) -> None:
    """Print how the replay went; exit with 1 if there were misses."""
    from ...replay.engine.status import numbers, unheard_text

    if as_json:
        announce(to_json(report, indent=None))
    for deviation in report.get("schedule", {}).get("unmet", ()):
        say(f"'{deviation}' did not come about: the client did not do what it waits for, or not in time")
    for fault in report["faults"]:
        say(f"fault '{fault['fault']}' hit {counted(fault['hit'], 'time')}")
    if report["unplayed"]:
        say(f"not asked for: triple {numbers(report['unplayed'])}")
    for event in report["unplayed_events"][:_TOLD]:
        what = f"event {event['event']} {event['name']} on {event['channel']}"
        say(printable(f"did not come: {what}; it waits for {event['waits_for']}"))
    if len(report["unplayed_events"]) > _TOLD:
        say(f"… and {counted(len(report['unplayed_events']) - _TOLD, 'more event')}")
    unsent = counted(len(report["unsubscribed_events"]), "event was", "events were")
    channels = sorted({event["channel"] for event in report["unsubscribed_events"]})
    if channels and (missed or report["unplayed"] or report["unplayed_events"]):  # else that is the client's choice
        say(f"{unsent} not sent: no client subscribed to {', '.join(channels)}")
    for found in report["unheard"][:_TOLD]:
        say(printable(unheard_text(found)))
    if missed:
        say(f"{counted(missed, 'request')} matched nothing, see above")
        raise SystemExit(1)


def _schedule(texts: tuple[str, ...], cassettes: tuple[Path, ...]) -> Kept | None:
    """Return the schedule that a user names, None for none."""
    if not texts:
        return None
    from ...explore.files import kept

    return kept(texts, cassettes)


def _tell_if_forbidden(recording: Recording, schedule: Schedule, dialect: str | None) -> None:
    """Say why no server may show the order that is to be played, if so."""
    from ...explore.law import forbidden

    if problem := forbidden(recording, rules_of(recording.header, dialect), schedule):
        say(problem)


def _trials(recording: Recording, cassettes: tuple[Path, ...], settings: Settings) -> ServedTrials | None:
    """Begin the search whose trials clients ask for, if one is wanted."""
    if settings.explore is None:
        if given := given_of("explore_seed", "explore_delay", "disturb"):
            raise click.UsageError(f"{given} for a search: give --explore N, or what is to happen by --schedule")
        return None
    from ..exploring.served import begin

    if settings.control_token is None:
        raise click.UsageError("--explore needs --control-token: a client asks for its trials by the control API")
    if given := given_of("as_json"):
        raise click.UsageError(f"{given} for a replay without --explore: the control API tells what a search found")
    if settings.schedule is not None:
        raise click.UsageError("--schedule plays one order, --explore searches for one: give one of the two")
    numbers = settings.explore, settings.explore_seed, settings.explore_delay
    return begin(recording, settings.dialect, cassettes, numbers, settings.disturb)


def collect_rarely() -> None:
    """Spare the collector what lives as long as the process: a recording, and thousands of sessions that hold polls.

    With its own setting it goes through all of them, in one go, whenever a quarter as much is new: as in the moment in
    which all polls are answered.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


def _end_by_signals(*, hangs_up: bool) -> asyncio.Event:
    """Return an event that a signal sets; SIGHUP only if it `hangs_up`, and not under nohup, which ignores SIGHUP."""
    stop = asyncio.Event()
    call_on(ends(hangs_up=hangs_up), lambda _number: stop.set())
    return stop


@contextmanager
def _viewed(recording: Recording, path: Path, settings: Settings) -> Iterator[PlayedStandIn | None]:
    """Serve the live page until the block ends, if one is wanted."""
    if not (settings.view or settings.view_port is not None):
        yield None
        return
    from ...dialect.carried import dialect_of
    from ...dialect.definition import load as load_dialect
    from ...exporters.pytest_suite import skeleton
    from ...viewer.live.played import PlayedStandIn
    from ..viewing.live import viewing

    dialect = load_dialect(settings.dialect) if settings.dialect else dialect_of(recording.header)

    def test(some: Recording) -> Iterator[str]:
        return skeleton(some, str(path.resolve()), dialect.bayeux_prefix)

    facts = {"clock": settings.clock, "file": str(path)}
    page = PlayedStandIn(recording.header, dialect, path.name, clock=time.monotonic_ns, facts=facts, test=test)
    with viewing(page, settings.view_port, opens=not settings.no_open):
        yield page


async def _serve(
    recording: Recording, settings: Settings, log: LogFile | None, page: PlayedStandIn | None
) -> tuple[StandIn, bool]:
    """Serve until told to stop, or done; return also whether the clients waited for something that never comes."""
    from ...api.standin import StandIn

    warn_if_exposed(settings.listen[0])
    stop = _end_by_signals(hangs_up=log is None)
    told: list[str] = []

    def turn() -> None:
        if page is not None:
            page.turned()
        if settings.exit_when_done and standin.is_over:
            stop.set()

    def idle() -> None:
        _tell_new(standin.explain_stall(settings.idle), told)
        if settings.exit_when_done:
            stop.set()

    standin = StandIn(
        recording,
        listen=settings.listen,
        rate=settings.rate,
        clock=settings.clock,
        repeat=settings.repeat,
        strict=settings.strict,
        faults=settings.faults,
        seed=settings.seed,
        dialect=settings.dialect,
        policy=settings.policy,
        schedule=settings.schedule,
        **_guarded(settings),
        on_miss=partial(_missed, page),
        on_turn=turn,
        on_idle=idle,
        idle_after=settings.idle,
        session_timeout=settings.session_timeout,
        trials=settings.trials,
    )
    await _until(stop, standin, log, page)
    return standin, bool(told) and settings.exit_when_done


def _guarded(settings: Settings) -> dict[str, Any]:
    """Return the arguments of a stand-in that say whom it serves, and by which name."""
    names = ("jwt_key", "control_token", "allow_hosts", "allow_origins", "token", "instance")
    return {name: getattr(settings, name) for name in names}


def _tell_new(verdict: str | None, told: list[str]) -> None:
    """Print what the clients wait for, unless it was told last."""
    if verdict is not None and told[-1:] != [verdict]:
        told.append(verdict)
        for line in verdict.splitlines():
            say(line)


def _missed(page: PlayedStandIn | None, miss: Miss) -> None:
    tell(miss.text)
    if page is not None:
        page.missed(miss)


async def _until(stop: asyncio.Event, standin: StandIn, log: LogFile | None, page: PlayedStandIn | None) -> None:
    for line in (*standin.foreign_links, *standin.fixed_dates):
        say(line)
    async with standin:
        if page is not None:
            _show(standin, page)
        click.echo(f"listening on {standin.address.url}")
        with alone(log):
            await stop.wait()
        if page is not None:
            await asyncio.to_thread(page.end)  # which may still ask this loop for something


def _show(standin: StandIn, page: PlayedStandIn) -> None:
    from ..viewing.live import Steering, caller

    controls = standin.address.controls
    controls.watch(page)
    page.start(Steering(controls), caller(asyncio.get_running_loop()), controls.now)
