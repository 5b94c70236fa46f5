"""Build a stand-in from a recording and options: of the command line, of a test, or of an addon."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialect.carried import dialect_of
from ...dialect.definition import load
from ...model import Recording
from ...redaction.joins import of_cassette
from ..engine.faults import Faults, parse
from ..engine.orders.schedule import Kept, Schedule
from ..engine.policy import Match, Policy, Repeat
from ..engine.rewriting.dates import Today
from ..engine.sessions.instances import checked
from ..engine.standin import ReplayEngine
from .app import epoch, new_id, seeded_ids


@dataclass(frozen=True, slots=True)
class Options:
    """How a recording is played.

    Attributes:
        rate: Pace: 1 as recorded, 10 ten times as fast, inf keeps the order only.
        virtual: Use a virtual clock: it begins when the recording began, and moves only when every client waits.
        repeat: What to answer when a request comes more often than it was recorded.
        strict: Operations must come in their recorded order and session.
        faults: Faults to play, each as text after `--fault` on the command line.
        seed: Seed for equal ids and chances in each run; None takes random ids, which cannot be guessed.
        dialect: Name of a shipped dialect, or path of a file; None takes that of the recording.
        policy: Redaction policy of the recording, a name or a file; None takes that of the recording.
        proxied: Clients come through a proxy and name the recorded servers themselves.
        jwt_key: Secret that signs web tokens anew whose dates the dialect moves.
        match: A function of the user that has a say in each match.
        instance: Name of the stand-in among several behind a load balancer; None for one that stands alone.
        schedule: Order to play in, which is noted then; None plays as recorded.
        again: How often it began anew before; the ids that it makes are others each time.
    """

    rate: float = 1.0
    virtual: bool = False
    repeat: Repeat = Repeat.ERROR
    strict: bool = False
    faults: tuple[str, ...] = ()
    seed: int | None = None
    dialect: str | None = None
    policy: str | None = None
    proxied: bool = False
    jwt_key: str | None = None
    match: Match | None = None
    instance: str | None = None
    schedule: Schedule | Kept | None = None
    again: int = 0


def build(recording: Recording, options: Options) -> ReplayEngine:
    """Build a stand-in that plays a recording.

    Raises:
        RecorderError: If the dialect, policy, schedule, a fault or the name of the instance is unknown or wrong.
    """
    return ReplayEngine(
        recording,
        load(options.dialect) if options.dialect else dialect_of(recording.header),
        new_id=new_id if options.seed is None else seeded_ids(options.seed, options.again),
        rate=options.rate,
        policy=Policy(options.repeat, options.strict, options.match),
        faults=Faults([parse(text) for text in options.faults], recording, seed=options.seed or 0),
        epoch=recording.header.started / 1_000_000 if options.virtual else epoch(),
        redaction=of_cassette(recording.header, options.policy, described=True),
        proxied=options.proxied,
        instance=None if options.instance is None else checked(options.instance),
        today=Today(epoch(), None if options.jwt_key is None else options.jwt_key.encode("utf-8", "surrogateescape")),
        schedule=options.schedule,
    )
