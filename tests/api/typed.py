"""A program that uses every public name, for mypy: what is said of their types is true."""

from __future__ import annotations

from recorder import (
    Cassette,
    CassetteError,
    Dialect,
    DialectError,
    Drive,
    Event,
    Link,
    Miss,
    PolicyError,
    Recorder,
    RecorderError,
    Recording,
    RedactionPolicy,
    Request,
    Response,
    Session,
    StandIn,
    State,
    Triple,
    UsageError,
    __version__,
)


def looked_at(path: str) -> tuple[int, str, list[str], str]:
    """Read a cassette."""
    with Cassette(path, dialect="gws-outbound") as cassette:
        triple: Triple = cassette.triple(1)
        request: Request = triple.request
        ack: Response | None = triple.ack
        links: tuple[Link, ...] = triple.events
        events: list[Event] = [link.event for link in links]
        state: State = triple.state
        recording: Recording = cassette.recording()
        status = 0 if ack is None else ack.status
        return len(recording.triples) + status, request.target, [event.channel for event in events], state.value


def stood_in(path: str) -> tuple[list[Session], list[Miss]]:
    """Serve one, in a thread."""
    found: list[Miss] = []
    allowed = ["desk.example", "*.dev"]
    with StandIn(
        path,
        rate="instant",
        clock="virtual",
        allow_hosts=allowed,
        allow_origins=("null", "https://desk.example"),
        token="s3cret",  # no secret
        on_miss=found.append,
    ) as standin:
        standin.advance(1.0)
        standin.wait_idle(1.0)
        return standin.sessions, found


async def served(path: str, upstream: str) -> str:
    """Serve one and record, in an event loop."""
    async with StandIn(path, rate=2.0) as standin, Recorder(upstream, "new.cassette", force=True) as recorder:
        await standin.until_idle(1.0)
        return f"{standin.url} {recorder.url} {__version__}"


def driven(path: str, url: str) -> tuple[int, list[str], float]:
    """Play the client's side."""
    drive = Drive(path, url, allow=["GetChainedRecord"], rate="instant", on_missing="skip", upstream_ca="ca.pem")
    report = drive.run("live.cassette")
    with Drive(path, url, allow_all=True, rate=10, values="values.toml") as stepped:
        step = stepped.step()
    titles = [] if step is None else [step.title]
    return report.exit_code, [*titles, *(finding.text for finding in report.findings)], report.seconds


def names() -> list[str]:
    """Load settings, and name the errors."""
    dialect: Dialect = Dialect.load("gws-outbound")
    policy: RedactionPolicy = RedactionPolicy.load("gws")
    errors: list[type[RecorderError]] = [CassetteError, DialectError, PolicyError, UsageError]
    return [dialect.name, policy.name, *(error.__name__ for error in errors)]
