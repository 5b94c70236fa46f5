"""Play the client's side of a recording by cause, against a server."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from ..cassette.reader import Cassette, read
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect, load
from ..drive.engine.allowing import Allowed, needs, option, refusals
from ..drive.engine.driver import Driver, OnMissing, Patience
from ..drive.engine.fresh import new_ids
from ..drive.engine.listing import Row, rows
from ..drive.engine.needs import Missing, missing, with_given
from ..drive.engine.plan import Finding, Plan, Step
from ..drive.engine.planning import plan_of
from ..drive.engine.report import Report
from ..drive.engine.selecting import of_clients
from ..drive.engine.values import Values
from ..errors import NothingSelected, UsageError, ValuesError
from ..fleet.store.keeping import Working
from ..fleet.store.places import place
from ..library.recording import derive
from ..model import Record, Recording
from ..output import refuse
from ..redaction.joins import of_cassette, of_more
from ..redaction.policy import Policy
from .driving import Run
from .threads import LoopThread

if TYPE_CHECKING:
    from ..drive.front.target import Target

_LEAST, _SETTLE = 5.0, 0.5  # seconds
_EXAMPLE = "http://staging.example:8090"


class Drive:
    """The client's side of a recording, played by cause against a server.

    Nothing is sent before `run` or `step`, and nothing that may change data without being allowed.

    Attributes:
        path: The file.
        cassette: What is in it.
        recording: What is derived of it.
        dialect: The dialect it is read by.
        plan: What is sent, and what each step waits for.
        to: URL of the server; "" if there is none, and the drive only lists.

    Args:
        cassette: The file.
        to: URL of the server, e.g. `http://staging.example:8090`; "" only to list what would be sent.
        output: Cassette to write what was on the wire to, redacted.
        force: Overwrite that cassette if it exists.
        rate: Pace of think times: 1 as recorded, 10 ten times as fast, "instant" without them.
        sessions: Labels of the sessions to play; all by default.
        values: TOML file with the values that replace pseudonyms, keys and headers.
        environ: Environment to read values from; that of the process by default.
        allow: What may be sent beside reading: names of operations, 'METHOD /path', 'PUBLISH /channel'.
        allow_all: Allow everything.
        on_missing: What to do if something does not come: "stop", "skip" the steps that need it, or "send" them.
        patience: Seconds at least to wait for what the server should tell.
        settle: Seconds to wait for surplus events after all has come.
        send_recorded_credentials: Send the recorded tokens to another host than the recorded one.
        insecure: Accept any certificate of the server.
        upstream_ca: PEM files, and folders of certificates, to trust beside the public CAs.
        seed: For ids that are equal whenever a drive is made with it; each of its runs has others.
        dialect: Name of a shipped dialect, or path of a file; None takes the cassette's own.
        policy: Policy the cassette was redacted by, if not a shipped one.
        thread: Thread to play single steps in, for several drives of one process; None starts one.
        on_record: Is called with each record of what is on the wire, in the clear, in the thread that plays.

    Raises:
        UsageError: If an argument cannot be used.
        CassetteError: If the file cannot be read, or is no cassette.
        NothingSelected: If nothing in it is sent by a client.
        SettingsError: If the dialect, the policy or the values have a mistake.

    """

    def __init__(
        self,
        cassette: str | PathLike[str],
        to: str,
        *,
        output: str | PathLike[str] | None = None,
        force: bool = False,
        rate: float | Literal["instant"] = 1.0,
        sessions: Sequence[str] = (),
        values: str | PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
        allow: Sequence[str] = (),
        allow_all: bool = False,
        on_missing: Literal["stop", "skip", "send"] = "stop",
        patience: float = _LEAST,
        settle: float = _SETTLE,
        send_recorded_credentials: bool = False,
        insecure: bool = False,
        upstream_ca: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
        seed: int | None = None,
        dialect: str | None = None,
        policy: str | None = None,
        thread: LoopThread | None = None,
        on_record: Callable[[Record], None] | None = None,
    ) -> None:
        """Read the cassette, and plan; nothing is sent."""
        self.path, self.to = place(cassette), to
        self._rate, self._patience = _rate(rate), Patience(least=_seconds(patience))
        self._on_missing, self._settle = _on_missing(on_missing), settle
        self._allowed = Allowed(allow, everything=allow_all)
        self._values = _values(values, os.environ if environ is None else environ)
        self._sends_credentials = send_recorded_credentials
        trusted = [upstream_ca] if isinstance(upstream_ca, str | PathLike) else upstream_ca
        self._target = self._target_of([Path(one) for one in trusted], insecure=insecure) if to else None
        self._read(dialect, policy, sessions)
        self._seed, self._output, self._force = seed, output, force
        self._runs = 0
        self._run: Run | None = None
        self._stepping: Run | None = None
        self._thread, self._own_thread = thread, thread is None
        self._on_record = on_record

    def __repr__(self) -> str:
        return f"<drive of {self.path} against {self.to or 'nothing'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- before the first byte

    @property
    def writes(self) -> list[Step]:
        """Steps that need to be allowed: each may change something on the server."""
        return [step for step in self.plan.steps if needs(step)]

    @property
    def refused(self) -> list[Step]:
        """Steps that need to be allowed, and are not."""
        return self._allowed.refused(self.plan)

    @property
    def missing(self) -> list[Missing]:
        """Values that a run would lack, each with what would give it."""
        return missing(self.plan, self._values, self._is_recorded_host, self._sends_credentials)

    def rows(self) -> list[Row]:
        """Return what would be sent, in order: what each step waits for, and where its values come from."""
        given = {"to_recorded_host": self._is_recorded_host, "send_credentials": self._sends_credentials}
        return rows(self.plan, self._values, self._allowed, dialect=self.dialect, **given)

    @property
    def _is_recorded_host(self) -> bool:
        return self._target is not None and self._target.is_recorded(self.plan)

    def problems(self) -> list[str]:
        """Return a line for each step that is not allowed, and for each value that is missing; none if it can run."""
        return [*refusals(self.refused), *(one.text for one in self.missing)]

    def unused(self) -> list[str]:
        """Return a line for what was allowed or given and is for nothing in the plan, such as a misspelt name."""
        allowed = [f"no request of the drive needs the permission {name!r}" for name in self._allowed.unused(self.plan)]
        return allowed + [
            f"no request takes the value {name} of the values file" for name in self._values.unused(self.plan)
        ]

    def check(self) -> None:
        """Refuse to run if a step is not allowed, or a value is missing.

        Raises:
            UsageError: Then; the text names each.

        """
        found = [one.text for one in self.missing]
        if self.refused:
            options = dict.fromkeys(option(step) for step in self.refused)
            names = [name for one in options for name in shlex.split(one)[1::2]]  # of `--allow NAME --allow NAME`
            given = "allow_all=True" if "--allow-all" in options else f"allow={names}, or allow_all=True"
            found.insert(0, f"requests that may change data must be allowed: {given}; nothing was sent")
        if not self.to:
            found.insert(0, f"name the server to send to, e.g. Drive({str(self.path)!r}, {_EXAMPLE!r})")
        if found:
            raise UsageError("; ".join(found))

    # -- a run

    def run(self, output: str | PathLike[str] | None = None) -> Report:
        """Play all to the end; a second call plays all again, under fresh ids.

        Args:
            output: Cassette to write to, instead of that of the constructor.

        Raises:
            UsageError: See `check`; and in a running event loop, where `run_async` is to be awaited.
            UpstreamError: If the server cannot be reached.
            OutputError: If the cassette cannot be written.

        """
        _must_not_block("run")
        return asyncio.run(self.run_async(output))

    async def run_async(
        self, output: str | PathLike[str] | None = None, *, on_turn: Callable[[], None] | None = None
    ) -> Report:
        """Play all to the end as `run` does, in the running event loop.

        Args:
            output: See `run`.
            on_turn: Is called when something was sent, or came.

        """
        run = self._begin(output)
        await run.play(on_turn)
        return run.report()

    def step(self) -> Step | None:
        """Send the next step, and wait until all has come that the step after it waits for.

        The first call begins a run, `close` ends it.

        Returns:
            The step; None if there is none left, or if the run has stalled.

        Raises:
            UsageError: See `run`.
            UpstreamError: If the server cannot be reached.

        """
        _must_not_block("step")
        if self._thread is None:
            self._thread = LoopThread()
        if self._stepping is None:
            self._stepping = self._begin(None)
        return self._thread.run(self._stepping.step(), None)

    def close(self) -> None:
        """End a run that was begun by `step`, and the thread it was played in."""
        stepping, self._stepping = self._stepping, None
        if self._thread is None:
            return
        try:
            if stepping is not None:
                self._thread.run(stepping.end())
        finally:
            if self._own_thread:
                self._thread.stop()
                self._thread = None

    # -- what came of it

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings of the last run, or those so far of a run that goes on."""
        return self._run.driver.findings if self._run is not None else ()

    def report(self) -> Report:
        """Return what came of the last run, or of what was played of it yet."""
        if self._run is None:
            plan = self.plan
            answers = sum(step.answer is not None for step in plan.steps)
            events = sum(told.event is not None and told.is_awaited for told in plan.told)
            return Report(steps=len(plan.steps), answers=answers, events=events, notes=plan.notes)
        return self._run.report()

    def _read(self, dialect: str | None, policy: str | None, sessions: Sequence[str]) -> None:
        """Read the cassette, and make the plan of it."""
        chosen = load(dialect) if dialect is not None else None
        self.cassette: Cassette = read(self.path)
        self.recording: Recording = derive(self.cassette, chosen)
        self.dialect: Dialect = chosen or dialect_of(self.cassette.header)
        self.policy: Policy | None = of_cassette(self.cassette.header, policy, described=True)
        self._redacting = policy
        plan = plan_of(self.recording, self.cassette.records, self.dialect, self.policy)
        of_sessions = of_clients(plan, sessions) if sessions else plan
        self.plan: Plan = with_given(of_sessions, self._values, self.dialect)
        if not self.plan.steps:
            raise NothingSelected(f"{self.path}: holds no request of a client, so a drive has nothing to send")

    def _target_of(self, ca: Sequence[Path], *, insecure: bool) -> Target:
        try:
            from ..drive.front import run  # noqa: F401, PLC0415  # tries whether its libraries, an extra, are there
            from ..drive.front.target import Target  # noqa: PLC0415  # see above
        except ModuleNotFoundError as exc:
            name = (exc.name or "").partition(".")[0]
            raise UsageError(f"a drive needs {name}: pip install 'outbound-recorder[drive]'") from exc
        return Target.at(self.to, insecure=insecure, ca=tuple(ca), send_credentials=self._sends_credentials)

    def _begin(self, output: str | PathLike[str] | None) -> Run:
        """Make the next run; nothing is sent, or written.

        Raises:
            UsageError: See `check`; or if the cassette must not be written.

        """
        self.check()
        if self._target is None:
            raise UsageError(f"{self!r} has no server to send to")
        from ..capture.mitm.capture import Settings  # noqa: PLC0415  # with the front, see _target_of
        from ..drive.front.tape import Tape  # noqa: PLC0415  # see above

        wanted = output if output is not None else self._output
        tape = working = None
        if wanted is not None:
            path = place(wanted)
            refuse(path, [self.path], force=self._force)
            working = Working(path, force=self._force)
            kept = Settings(force=self._force)
            policy, known = of_more(self.cassette.header, self._redacting), self._values.hidden()
            tape = Tape(working.path, upstream=self.to, dialect=self.dialect, policy=policy, known=known, settings=kept)
        self._runs += 1
        # ids need not be secret
        random = secrets.token_bytes if self._seed is None else Random(f"{self._seed} {self._runs}").randbytes  # noqa: S311
        driver = Driver(
            self.plan,
            values=self._values,
            new_id=new_ids(random),
            rate=self._rate,
            patience=self._patience,
            on_missing=self._on_missing,
            settle=self._settle,
            dialect=self.dialect,
        )
        self._run = Run(
            self.plan,
            driver,
            self._target,
            tape,
            allowed=self._allowed,
            values=self._values,
            rules=self.dialect.push,
            keep=self._on_record,
            working=working,
        )
        return self._run


def _values(path: str | PathLike[str] | None, environment: Mapping[str, str]) -> Values:
    """Read a values file and the environment.

    Raises:
        UsageError: If the file cannot be read.
        ValuesError: If the file has a mistake, or is no text in UTF-8.

    """
    if path is None:
        return Values.parse("", "environment", environment)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"{path}: the file with values cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ValuesError(str(path), "encoding", f"is not UTF-8 at byte {exc.start}; save it as UTF-8") from None
    return Values.parse(text, str(path), environment)


def _rate(given: float | str) -> float:
    rate = math.inf if given == "instant" else given
    if not isinstance(rate, int | float) or not rate > 0:
        raise UsageError(f"rate must be a positive number or 'instant', not {given!r}")
    return rate


def _seconds(given: float) -> float:
    if not given > 0:
        raise UsageError(f"patience must be a positive number of seconds, not {given!r}")
    return given


def _on_missing(given: str) -> OnMissing:
    known = [one.value for one in OnMissing]
    if given not in known:
        raise UsageError(f"on_missing must be one of {', '.join(known)}, not {given!r}")
    return OnMissing(given)


def _must_not_block(name: str) -> None:
    """Refuse to wait inside of an event loop: the server under test may live in it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    instead = "await drive.run_async()" if name == "run" else f"await asyncio.to_thread(drive.{name})"
    raise UsageError(f"{name} would block the running event loop; {instead}")
