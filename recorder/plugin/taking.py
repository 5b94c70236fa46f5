"""Recording while tests run: a real recorder before the real server, and what is new taken into a cassette."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from ..api.recorder import Recorder
from ..cassette.codec import encode
from ..cassette.journal import resume
from ..cassette.reader import read
from ..dialect.definition import shipped
from ..errors import UsageError
from ..library.recording import derive
from ..library.select import slice_records
from ..model import Note, Record, Recording, Triple
from ..redaction.policy import of_cassette
from ..replay.engine.matching.bindings import Bindings
from ..replay.engine.matching.matcher import Matcher

_QUIET = 0.3  # seconds without anything recorded, after which a real server is taken for idle


@dataclass(slots=True)
class Taking:
    """The fixture while a test is recorded, with what it has while the test is played.

    Attributes:
        url: Leads to the real server, through the recorder.
        cassette: What is recorded.
        is_kept: Whether it is; else the old one, if any, stays as it was. Said when the test has passed.

    """

    url: str
    cassette: Path
    _taken: Path
    is_kept: bool = False
    played: tuple[int, ...] = ()
    unplayed: tuple[int, ...] = ()
    misses: list[str] = field(default_factory=list)
    missed: int = 0
    is_over: bool = False
    pending: int = 0
    stall: str | None = None
    sessions: tuple[()] = ()

    def session(self, name: str | None = None) -> NoReturn:
        """There is none.

        Raises:
            UsageError: Always.

        """
        raise UsageError(f"live session {name or ''}: a recorder knows of none; ask for it where the test is played")

    def report(self) -> dict[str, Any]:
        """Nothing was played, and nothing missed."""
        return {"played": {}, "unplayed": [], "misses": [], "faults": []}

    def advance(self, seconds: float) -> None:
        """Wait: a real server has its own clock."""
        time.sleep(seconds)

    def explain_stall(self, idle: float) -> None:  # the stand-in's signature
        """Return None: a recorder does not know what a client would have to send."""

    async def until_idle(self, limit: float = 5.0) -> None:
        """Wait as `wait_idle` does, without blocking the event loop.

        Raises:
            TimeoutError: See `wait_idle`.

        """
        await asyncio.to_thread(self.wait_idle, limit)

    def wait_idle(self, limit: float = 5.0) -> None:
        """Until nothing was recorded for a while.

        Raises:
            TimeoutError: If that is not so within `limit` seconds.

        """
        end, size, since = time.monotonic() + limit, -1, time.monotonic()
        while time.monotonic() < since + _QUIET:
            if (grown := self._taken.stat().st_size) != size:
                size, since = grown, time.monotonic()
            if time.monotonic() > end:
                raise TimeoutError(f"not idle within {limit:g} s: the recorder goes on recording")
            time.sleep(_QUIET / 20)


@contextmanager
def taking(
    cassette: Path, upstream: str, *, add: bool, options: Sequence[str] = (), policy: str | None = None
) -> Iterator[Taking]:
    """Record what passes until the block ends, into a new cassette, or add what is new to an old one.

    The file is there, or changed, only if it `is_kept` at the end.

    Raises:
        UsageError: If there is no upstream, or the old cassette cannot be added to.
        UpstreamError: If the recorder cannot start, or ends with an error.

    """
    if not upstream:
        raise UsageError(f"{cassette}: to record it name the server: --cassette-upstream http://gws.example:8090")
    cassette.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cassette.parent, prefix=".recording-") as folder:  # beside it, to be renamed
        taken = Path(folder) / cassette.name
        with Recorder(upstream, taken, policy=policy, options=options) as recorder:
            recorded = Taking(recorder.url, cassette, taken)
            yield recorded
        if recorded.is_kept:
            with _alone(cassette.parent):
                if add and cassette.exists():
                    add_new(cassette, taken, policy)
                else:
                    os.replace(taken, cassette)  # noqa: PTH105  # atomic, whoever reads it


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Other workers wait with the cassettes of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def add_new(old: Path, taken: Path, policy: str | None = None) -> int:
    """Append the triples of a capture that a cassette does not have; what is there stays as it is, byte for byte.

    Args:
        old: The cassette.
        taken: The capture.
        policy: By which both are redacted, if it is none that is shipped.

    Returns:
        How many there were.

    Raises:
        UsageError: If the cassette is sealed, being written, or was redacted by another policy.

    """
    fresh = read(taken)
    recording, known = derive(fresh), read(old)
    if known.header.redaction != fresh.header.redaction:
        raise UsageError(f"{old}: was redacted by {known.header.redaction!r}, nothing else can be added to it")
    new = _unknown(derive(known), recording, policy)
    if not new:
        return 0
    journal, end = resume(old)
    try:
        later = max(end.t + 1, (fresh.header.started - known.header.started) * 1000)
        moved = (_moved(record, end.seq, end.exchange, later) for record in slice_records(fresh, recording, new))
        journal.append([encode(record) for record in moved])
    finally:
        journal.close()
    return len(new)


def _unknown(known: Recording, recording: Recording, policy: str | None) -> Sequence[Triple]:
    """Return the triples that no request of a cassette matches; each request of it counts once."""
    matcher = Matcher(known, shipped(known.header.dialect), of_cassette(known.header.redaction, policy))
    used: set[int] = set()
    new = []
    for triple in recording.triples:
        request = triple.request
        live = matcher.call(request.method, request.target, request.body)
        places = [p for p in matcher.candidates(live) if p not in used and not matcher.differences(p, live, Bindings())]
        if places:
            used.add(places[0])
        else:
            new.append(triple)
    return new


def _moved(record: Record, seq: int, exchange: int, t: int) -> Record:
    moved = replace(record, seq=record.seq + seq, t=record.t + t)
    return moved if isinstance(moved, Note) else replace(moved, exchange=moved.exchange + exchange)
