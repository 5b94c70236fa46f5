"""Record while tests run: a recorder before the real server, and a cassette that takes in the new triples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from ..api.recorder import Recorder, program, words_of
from ..cassette.codec import encode
from ..cassette.journal import resume
from ..cassette.reader import read
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect, load
from ..errors import OutputError, UsageError
from ..files import Remote
from ..fleet.suite.transfer import copy
from ..library.recording import derive
from ..library.select import slice_records
from ..model import Note, Record, Recording, Triple
from ..output import RECORDING, locking, replacing
from ..redaction.joins import of_cassette
from ..replay.engine.matching.matcher import Matcher
from ..replay.engine.orders.played import Order
from ..requests.bindings import Bindings
from ..requests.remembered import media_for
from .settings import Settings

_QUIET = 0.3  # seconds without a new record, after which the real server counts as idle


@dataclass(slots=True)
class Taking:
    """The value of the fixture `standin` while a test is recorded, with the attributes of a stand-in that plays.

    Attributes:
        url: URL for the client; it leads to the real server, through the recorder.
        cassette: File to write.
        is_kept: Whether the recording replaces or extends the file; the plugin sets True when the test has passed. If
            False, an old file stays as it was.
        kept: Where the recording is kept if it is not; None keeps it nowhere.

    """

    url: str
    cassette: Path
    _taken: Path
    is_kept: bool = False
    kept: Path | None = None
    played: tuple[int, ...] = ()
    unplayed: tuple[int, ...] = ()
    unplayed_events: tuple[()] = ()
    unsubscribed_events: tuple[()] = ()
    unheard: tuple[()] = ()
    misses: list[str] = field(default_factory=list)
    missed: int = 0
    is_over: bool = False
    pending: int = 0
    stall: str | None = None
    sessions: tuple[()] = ()
    foreign_links: tuple[()] = ()
    fixed_dates: tuple[()] = ()
    order: Order = field(default_factory=Order)

    @property
    def foreign_hosts(self) -> dict[str, int]:
        """Nothing: links that a recorder hands on lead to the real server."""
        return {}

    def session(self, name: str | None = None) -> NoReturn:
        """Raise an error: a recorder knows no live sessions.

        Raises:
            UsageError: In every call.

        """
        raise UsageError(
            f"live session {name or ''}: a recording has no live sessions; use this call only when a cassette is played"
        )

    def begin_anew(self, schedule: object = None) -> NoReturn:  # noqa: ARG002  # the signature of `StandIn.begin_anew`
        """Raise an error: a real server cannot be set back.

        Raises:
            UsageError: In every call.

        """
        raise UsageError("the server that is recorded cannot begin anew; use this call only when a cassette is played")

    def report(self) -> dict[str, Any]:
        """Return an empty report: a recorder plays no triple and sees no miss."""
        nothing = ("unplayed", "unplayed_events", "unsubscribed_events", "unheard", "misses", "faults")
        return {"played": {}} | {name: [] for name in nothing}

    def advance(self, seconds: float) -> None:
        """Sleep for some seconds: nothing can move the clock of a real server."""
        time.sleep(seconds)

    def explain_stall(self, idle: float) -> None:  # the signature of `StandIn.explain_stall`
        """Return None: a recorder does not know what a client would have to send."""

    async def until_idle(self, limit: float = 5.0) -> None:
        """Wait until nothing was recorded for 0.3 seconds, without blocking the event loop.

        Raises:
            TimeoutError: If records still come after `limit` seconds.

        """
        await asyncio.to_thread(self.wait_idle, limit)

    def wait_idle(self, limit: float = 5.0) -> None:
        """Wait until nothing was recorded for 0.3 seconds; block the thread meanwhile.

        Raises:
            TimeoutError: If records still come after `limit` seconds.

        """
        end, size, since = time.monotonic() + limit, -1, time.monotonic()
        while time.monotonic() < since + _QUIET:
            if (grown := self._taken.stat().st_size) != size:
                size, since = grown, time.monotonic()
            if time.monotonic() > end:
                raise TimeoutError(f"not idle within {limit:g} s: the cassette still grows")
            time.sleep(_QUIET / 20)


@contextmanager
def taking(settings: Settings, *, add: bool) -> Iterator[Taking]:
    """Record the traffic of a test until the block ends.

    The cassette is written or changed only if `is_kept` is True at the end of the block.

    Args:
        settings: Settings of the test: cassette, upstream, dialect, policy, recorder.
        add: Append only the new triples if the file exists; False replaces the file.

    Raises:
        DialectError: If there is no such dialect, or it has a mistake.
        UsageError: If no upstream is named, nothing can record, or nothing can be appended to the old cassette.
        UpstreamError: If the recorder cannot start, or ends with an error.

    """
    cassette = settings.cassettes[0]
    if not settings.upstream:
        raise UsageError(f"{cassette}: name the server to record: --cassette-upstream http://gws.example:8090")
    chosen = load(settings.dialect) if settings.dialect else None
    command = program(words_of(settings.recorder))
    is_remote = isinstance(cassette, Remote)
    if is_remote and add and cassette.exists():
        raise UsageError(f"{cassette}: nothing can be added to a file at a URL; record it anew: --cassette-mode all")
    if not is_remote:
        cassette.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=None if is_remote else cassette.parent, prefix=RECORDING) as folder:
        taken = Path(folder) / cassette.name
        recorder = Recorder(
            settings.upstream,
            taken,
            dialect=settings.dialect,
            policy=settings.policy,
            options=settings.record_options,
            command=command,
            before_record=settings.before_record,
        )
        with recorder:
            recorded = Taking(recorder.url, cassette, taken)
            yield recorded
        if recorded.is_kept:
            with nullcontext() if is_remote else locking(cassette.parent):
                if add and settings.places[0].exists():
                    extend(settings, taken, chosen)
                else:
                    with replacing(cassette, force=True, like=[taken]) as file:
                        file.write(taken.read_bytes())
        elif recorded.kept is not None and taken.exists():
            with replacing(recorded.kept, force=True, like=[taken], follow=False) as file:
                file.write(taken.read_bytes())


def extend(settings: Settings, taken: Path, dialect: Dialect | None = None) -> None:
    """Append new triples to the cassette of a test; one that is in a store gets a file, if there is something new.

    Args:
        settings: Settings of the test.
        taken: Cassette with the new recording.
        dialect: Dialect by which both are read; None takes the dialect of the old one.

    Raises:
        UsageError: If the old cassette is sealed, is being written, or was redacted by another policy.
        OutputError: If the file cannot be written.
    """
    (cassette,), (old,) = settings.cassettes, settings.places
    is_copy = old != cassette and not cassette.exists()  # else a test before this one has recorded it
    if is_copy:
        copy(old, cassette)
    added = 0
    try:
        added = add_new(cassette, taken, settings.policy, dialect)
    finally:
        if is_copy and not added:
            cassette.unlink()


def add_new(old: Path, taken: Path, policy: str | None = None, dialect: Dialect | None = None) -> int:
    """Append new triples to a cassette; the bytes already in the file do not change.

    Args:
        old: Cassette to extend.
        taken: Cassette with the new recording.
        policy: Redaction policy of both cassettes, a name or a file; needed only if it is not a shipped one.
        dialect: Dialect by which both are read; None takes the dialect of the old one.

    Returns:
        The number of appended triples.

    Raises:
        UsageError: If the old cassette is sealed, is being written, or was redacted by another policy.

    """
    fresh, known = read(taken), read(old)
    rules = dialect or dialect_of(known.header)  # the choice of the recorder for the new one does not count
    recording = derive(fresh, rules)
    if known.header.redaction != fresh.header.redaction:
        raise UsageError(f"{old}: was redacted by {known.header.redaction!r}; record with this policy to add to it")
    new = _unknown(derive(known, rules), recording, rules, policy)
    if not new:
        return 0
    journal, end = resume(old)
    try:
        later = max(end.t + 1, (fresh.header.started - known.header.started) * 1000)
        moved = (_moved(record, end.seq, end.exchange, later) for record in slice_records(fresh, recording, new))
        journal.append([encode(record) for record in moved])
        journal.sync()
    except OSError as exc:
        raise OutputError(f"{old}: cannot be written: {exc.strerror}; its earlier records are unchanged") from exc
    finally:
        journal.close()
    return len(new)


def _unknown(known: Recording, recording: Recording, dialect: Dialect, policy: str | None) -> Sequence[Triple]:
    """Return the triples of a recording that no request of the known one matches; each known request matches once."""
    matcher = Matcher(known, dialect, of_cassette(known.header, policy, described=True))
    used: set[int] = set()
    new = []
    for triple in recording.triples:
        request = triple.request
        live = matcher.call(request.method, request.target, request.body, media_for(request.headers, request.body))
        places = [p for p in matcher.candidates(live) if p not in used and not matcher.differences(p, live, Bindings())]
        if places:
            used.add(places[0])
        else:
            new.append(triple)
    return new


def _moved(record: Record, seq: int, exchange: int, t: int) -> Record:
    moved = replace(record, seq=record.seq + seq, t=record.t + t)
    return moved if isinstance(moved, Note) else replace(moved, exchange=moved.exchange + exchange)
