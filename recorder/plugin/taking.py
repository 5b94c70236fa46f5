"""Recording while tests run: a real recorder before the real server, and what is new taken into a cassette."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..cassette.codec import encode
from ..cassette.journal import resume
from ..cassette.store import read
from ..correlate.dialect import shipped
from ..correlate.recording import derive
from ..correlate.select import slice_records
from ..errors import UpstreamError, UsageError
from ..model import Note, Record, Recording, Triple
from ..redaction.policy import of_cassette
from ..replay.match import Matcher
from ..replay.rebind import Bindings

_START, _END = 30.0, 20.0  # seconds; a cold mitmproxy takes a few


@dataclass(frozen=True, slots=True)
class Taking:
    """The fixture while a test is recorded: `url` leads to the real server, through the recorder."""

    url: str
    cassette: Path


@contextmanager
def taking(cassette: Path, upstream: str, mode: str) -> Iterator[Taking]:
    """Record what passes until the block ends, into a new cassette, or (`new_episodes`) add what is new to an old one.

    The file is there, or changed, only if the block ends without an error.

    Raises:
        UsageError: If there is no upstream, or the old cassette cannot be added to.
        UpstreamError: If the recorder cannot start.

    """
    if not upstream:
        raise UsageError(f"{cassette}: to record it name the server: --cassette-upstream http://gws.example:8090")
    cassette.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cassette.parent, prefix=".recording-") as folder:  # beside it, to be renamed
        taken = Path(folder) / cassette.name
        with _recorder(upstream, taken) as url:
            yield Taking(url, cassette)
        if mode == "new_episodes" and cassette.exists():
            add_new(cassette, taken)
        else:
            os.replace(taken, cassette)  # noqa: PTH105  # atomic, over whatever another worker has put there


def add_new(old: Path, taken: Path) -> int:
    """Append the triples of a capture that a cassette does not have; what is there stays as it is, byte for byte.

    Returns:
        How many there were.

    Raises:
        UsageError: If the cassette is sealed, being written, or was redacted by another policy.

    """
    fresh = read(taken)
    recording, known = derive(fresh), read(old)
    if known.header.redaction != fresh.header.redaction:
        raise UsageError(f"{old}: was redacted by {known.header.redaction!r}, nothing else can be added to it")
    new = _unknown(derive(known), recording)
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


def _unknown(known: Recording, recording: Recording) -> Sequence[Triple]:
    """The triples that no request of a cassette matches; each of those counts once."""
    matcher = Matcher(known, shipped(known.header.dialect), of_cassette(known.header.redaction))
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


@contextmanager
def _recorder(upstream: str, cassette: Path) -> Iterator[str]:
    """A recorder as a process of its own, for mitmproxy is one to a process; yields its URL."""
    command = [sys.executable, "-m", "recorder", "record", upstream, "-o", str(cassette)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own
    try:
        yield _url(process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _url(process: subprocess.Popen[str]) -> str:
    if process.stdout is None or process.stderr is None:
        raise UpstreamError("the recorder has no output")
    readable, _, _ = select.select([process.stdout], [], [], _START)
    line = process.stdout.readline() if readable else ""
    if not line.startswith("listening on "):
        process.kill()
        told = process.communicate()[1].strip().splitlines()
        raise UpstreamError(told[-1] if told else f"the recorder was not ready within {_START:g} s")
    return line.split()[-1].replace("127.0.0.1", "localhost")
