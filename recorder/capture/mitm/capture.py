"""Keep a capture: the pipeline that turns observations into frames, and the files the frames go to.

The clock and the wish to stop the proxy come from the caller; mitmproxy itself is not needed here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...cassette.codec import RULES_WITHIN
from ...cassette.journal import Journal, create, resume
from ...cassette.reader import open_cassette
from ...cassette.writer import QUEUE, Fsync, Writer
from ...diagnose.incidents import Disturbances
from ...dialect.carried import dialect_of, held, is_same_text
from ...dialect.definition import DEFAULT, Dialect
from ...dialect.fitting import Fit
from ...errors import CaptureError, CassetteError, RecorderError, UsageError
from ...model import TOLD, Header, Part, Record
from ...monitoring.openmetrics import Family, Sample, counter, gauge
from ...monitoring.process import process_families
from ...redaction.bodies.change import Unread
from ...redaction.carried import carrying, described
from ...redaction.policy import NO_POLICY
from ...redaction.redactor import Redactor
from ..choosing import Choosing
from ..context import Context
from ..parts import Limits, part_path
from ..pipeline import Counts, Pipeline
from ..telling import Told

_CHOSEN_WITHIN = RULES_WITHIN * 9 // 10  # records; frames that are made and not yet written count, too

_OF_HOSTS = frozenset({"certificate", "connection-auth"})  # kinds of notes, two of `model.TOLD`

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of how a capture is kept.

    Attributes:
        fsync: When frames are forced to the disk.
        force: Overwrite the cassette if it exists.
        append: Continue the cassette if it exists.
        limits: Where the capture goes on in a new file.
        go_on_when_full: Let traffic pass unrecorded if the capture can no longer be kept, in place of stopping.
        queue_limit: Most bytes of frames that wait for the disk.
        clock: Returns the time in nanoseconds; it only grows.

    """

    fsync: Fsync = Fsync.INTERVAL
    force: bool = False
    append: bool = False
    limits: Limits = Limits()  # noqa: RUF009  # frozen
    go_on_when_full: bool = False
    queue_limit: int = QUEUE
    clock: Callable[[], int] = time.monotonic_ns


class Capture:
    """An open capture; must be made while an event loop runs.

    Attributes:
        pipeline: Turns observations into frames.
        failure: Why the capture could not be kept, None as long as it could.
        paths: The files of its parts.
        begun: Number of its first exchange.
        has_chunks: Whether streamed responses are kept in chunks, which cassettes of format 1 do not have.
        about: The hosts that notes are about, by index of the part and number of the record.

    """

    def __init__(
        self,
        path: Path,
        *,
        upstream: str,
        dialect: Dialect | None,
        redactor: Redactor | None,
        settings: Settings,
        on_failure: Callable[[], None],
        on_dialect: Callable[[Dialect, Fit | None], None],
        watch: Callable[[Record], None] | None = None,
    ) -> None:
        """Create the cassette, or open it to continue it, and start the writer.

        Args:
            path: The cassette.
            upstream: URL of the server, for the header.
            dialect: The dialect that the user named; None to choose one by the first records.
            redactor: Redacts each record; None keeps all values in the clear.
            settings: How the capture is kept.
            on_failure: Stops the proxy; called once, if the capture can no longer be kept.
            on_dialect: Takes the dialect once it is known, with the evidence if it was chosen.
            watch: Is called with each record as it is kept.

        Raises:
            CassetteError: If the file to continue is damaged or is not a cassette.
            DialectError: If the dialect is too long for a cassette; or if the cassette to continue holds none, and
                names one that is not shipped.
            UsageError: If the file exists already, is being written, or cannot be written; or if the cassette to
                continue was recorded with another policy or dialect.

        """
        self._path, self._upstream, self._choosing = path, upstream, Choosing(dialect)
        self._on_dialect, self._fitted = on_dialect, DEFAULT if dialect is None else ""
        self._redactor, self._settings, self._on_failure = redactor, settings, on_failure
        self.clock = settings.clock
        self.failure: CaptureError | None = None
        self._told, self._disturbances, self._watch = Told(), Disturbances(), watch
        self._ending: list[Writer] = []  # writers of earlier parts, which still write their queues
        self.has_chunks = True
        self._part, self._written = 1, 0  # bytes of the parts before
        self.paths = [path]
        self.about: dict[tuple[int, int], str] = {}
        self._has_parts = settings.limits != Limits()
        self._which = Part(secrets.token_hex(8), 1)
        self.pipeline, journal = self._begun(dialect)
        self.begun = self.pipeline.exchange
        self._writer: Writer | None = self._write_to(journal)
        self._open(self._writer, is_awaited=bool(journal.awaited))

    def _open(self, writer: Writer, *, is_awaited: bool) -> None:
        """Say what is known as the capture begins: its dialect, and that it goes on in a file of an earlier one."""
        if self._choosing.is_made:
            self._on_dialect(self.dialect, None)
            if is_awaited:
                self._say_dialect()
        if self._settings.append:
            writer.offer(self.note("session", "a capture begins"))

    def _begun(self, given: Dialect | None) -> tuple[Pipeline, Journal]:
        """Create the file, or open it to continue it."""
        context, now = Context() if self._has_parts else None, self.clock()
        if not (self._settings.append and self._path.exists()):
            journal = self._created(self._path, self._which if self._has_parts else None)
            return Pipeline(self._redactor, now, context, watch=self._watched), journal
        journal, end = resume(self._path)
        if end.header.redaction != self._policy:
            journal.close()
            raise UsageError(
                f"{self._path}: was recorded with redaction {end.header.redaction!r}; "
                f"continue with that policy, or record into a new file"
            )
        may_choose = bool(end.awaited) and end.seq < _CHOSEN_WITHIN
        problem = None if given is None else _other(given, end.header, may_choose=may_choose)
        if problem is not None:
            journal.close()
            raise UsageError(f"{self._path}: {problem}, or record into a new file")
        self._choosing = Choosing(given or (None if may_choose else dialect_of(end.header)))
        self._fitted = end.header.fitted or (end.header.dialect if may_choose else "")
        # The clock of the earlier capture is gone, so the wall clock shows how much time has passed since it began; `t`
        # must still grow, even if the wall clock was set back.
        self.has_chunks = end.header.format > 1
        # the parts after a file that does not say it is one are a capture of their own
        self._which = end.header.part or replace(self._which, number=0)
        begun = now - max(end.t + 1, time.time_ns() - end.header.started * 1000)
        return Pipeline.resumed(
            self._redactor, begun, context, seq=end.seq, exchange=end.exchange, watch=self._watched
        ), journal

    @property
    def dialect(self) -> Dialect:
        """The dialect of the capture: the default as long as none is chosen."""
        return self._choosing.dialect

    @property
    def is_open(self) -> bool:
        """True as long as the capture takes frames."""
        return self._writer is not None

    @property
    def size(self) -> int:
        """Bytes in the current part of the cassette so far."""
        return self._writer.size if self._writer else 0

    @property
    def written(self) -> int:
        """Bytes in all parts so far, also once nothing more is recorded."""
        return self._written + self.size

    @property
    def most_queued(self) -> int:
        """The most bytes of frames that waited for the disk at one time, in the current part."""
        return self._writer.most_queued if self._writer else 0

    @property
    def findings(self) -> list[str]:
        """Lines about what disturbed the sessions, as `doctor` says it, and about facts told once and met again."""
        found = [text for kind, _, text in self._disturbances.found() if kind not in TOLD]
        return found + self._told.again()

    def _watched(self, record: Record) -> None:
        self._disturbances.feed(record)
        found = self._choosing.feed(record)
        if found is None and self.pipeline.seq >= _CHOSEN_WITHIN:
            found = self._choosing.end()
        self._take(found)
        if self._watch is not None:
            self._watch(record)

    def _take(self, found: Fit | None) -> None:
        """Take the choice of a dialect, if it is made: put it into the journals of all parts, and report it."""
        if found is None:
            return
        if found.dialect is not None:
            self._say_dialect()
        self._on_dialect(self.dialect, found)

    def _say_dialect(self) -> None:
        header = self._header()
        try:
            for writer in (*self._ending, self._writer) if self._writer is not None else ():
                writer.rules(header.dialect, header.dialect_text)
        except CaptureError as exc:
            self.stop(exc)

    async def write(self, frame: bytes) -> None:
        """Queue a frame before the first await, so that frames keep their order; then wait while the queue is full."""
        try:
            if (full := self._queued(frame)) is not None:
                await asyncio.to_thread(full.wait)
        except CaptureError as exc:
            self.stop(exc)

    def put(self, frame: bytes) -> None:
        """Queue a frame; while the queue is full, block the event loop: a stream must not outrun the disk."""
        try:
            if (full := self._queued(frame)) is not None:
                full.wait()
        except CaptureError as exc:
            self.stop(exc)

    def _queued(self, frame: bytes) -> Writer | None:
        """Queue a frame, and begin a new part if it is time; return the writer if its queue is full."""
        writer = self._writer
        if writer is None:
            return None
        has_room = writer.offer(frame)
        if self._has_parts and self._is_full():
            self._next_part(self.clock())
        return None if has_room else writer

    def note(self, kind: str, text: str, host: str = "") -> bytes:
        """Return the frame of a note; `host` is the one that it is about."""
        if host:
            self.about[len(self.paths) - 1, self.pipeline.seq] = host
        return self.pipeline.note(self.clock(), kind, text)

    def tell(self, kind: str, place: str, text: str, *, is_host: bool = False) -> None:
        """Tell the user a fact the first time it is met at a place, and keep it as a note for `doctor`.

        Args:
            kind: A kind of note, one of `model.TOLD`.
            place: What the fact is about, e.g. a host; the same fact is told again for another place.
            text: One sentence: what happened, where, and what to do.
            is_host: The place is a host; for some kinds it always is one.

        """
        if not self._told.is_first(kind, place):
            return
        log.warning("%s", text)
        if self._writer is not None:
            self.offer(self.note(kind, text, place if kind in _OF_HOSTS or is_host else ""))

    def offer(self, frame: bytes) -> None:
        """Queue a frame without waiting, also if the queue is full."""
        if self._writer is None:
            return
        try:
            self._writer.offer(frame)
        except CaptureError as exc:
            self.stop(exc)

    def close(self, last: list[bytes]) -> None:
        """Write the queued frames, `last`, and a note of the clean end, and close all parts.

        A second call does nothing.

        Args:
            last: Frames of what is still open.

        Raises:
            CaptureError: If the writer cannot write the rest.

        """
        self._take(self._choosing.end())
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        try:
            for frame in last:
                writer.offer(frame)
            writer.offer(self.pipeline.note(self.clock(), "close", "the capture ended cleanly"))
        except CaptureError as exc:
            self.stop(exc)
        finally:
            for ending in (*self._ending, writer):
                ending.close()

    def stop(self, failure: CaptureError) -> None:
        """Log once that the capture cannot be kept, and stop the proxy.

        With `go_on_when_full` the proxy continues and the traffic passes unrecorded.
        """
        if self.failure is not None:
            return
        self.failure = failure
        if self._settings.go_on_when_full:
            self._written += self.size
            self._writer = None
            log.error("%s; traffic goes on UNRECORDED", failure)
        else:
            log.error("%s; stopping", failure)
            self._on_failure()

    @property
    def _policy(self) -> str:
        return NO_POLICY if self._redactor is None else self._redactor.policy.name

    def _write_to(self, journal: Journal) -> Writer:
        loop = asyncio.get_running_loop()
        return Writer(
            journal,
            fsync=self._settings.fsync,
            limit=self._settings.queue_limit,
            on_failure=lambda failure: loop.call_soon_threadsafe(self.stop, failure),
        )

    def _created(self, path: Path, part: Part | None) -> Journal:
        """Create the file of a part; as long as no dialect is chosen, its header announces that one may follow."""
        private, follows = self._redactor is None, not self._choosing.is_made
        header = replace(self._header(), part=part)
        return create(path, header, force=self._settings.force, private=private, rules_follow=follows)

    def _header(self) -> Header:
        header = Header(
            started=time.time_ns() // 1000,
            upstream=self._upstream if self._redactor is None else self._redactor.text(self._upstream),
            dialect=self.dialect.name,
            redaction=self._policy,
            fitted=self._fitted,
            policy_text=described(self._redactor.policy if self._redactor is not None else None),
        )
        return carrying(header, self.dialect)

    def _is_full(self) -> bool:
        now = self.clock()
        duration = (now - self.pipeline.started) / 1_000_000_000
        return self._settings.limits.reached(self.pipeline.size, duration, self.pipeline.quiet(now))

    def _next_part(self, now: int) -> None:
        """Continue the capture in a new file; the writer of the old one finishes it in its own thread."""
        if self._writer is None:
            return
        self._part += 1
        while self._is_taken(part_path(self._path, self._part)):
            self._part += 1
        path, which = part_path(self._path, self._part), self.pipeline.following(self._which, now)
        try:
            journal = self._created(path, which)
        except RecorderError as exc:
            self.stop(CaptureError(str(exc)))
            return
        self._written += self._writer.size
        self._writer.finish()
        self._ending.append(self._writer)
        self._writer, self._which = self._write_to(journal), which
        self.paths.append(path)
        for frame in self.pipeline.next_part(now):
            self._writer.offer(frame)

    def _is_taken(self, path: Path) -> bool:
        """Return whether a new part must not replace a file: one that is no cassette, or any without `force`."""
        if not os.path.lexists(path):
            return False
        if not self._settings.force:
            return True
        try:
            with open_cassette(path):
                return False
        except CassetteError:
            return True


def _other(given: Dialect, header: Header, *, may_choose: bool) -> str | None:
    """Return why a cassette cannot go on under a dialect, and what to do; None if it can.

    Args:
        given: The dialect that the user named.
        header: The header of the cassette.
        may_choose: Whether the cassette may still say its dialect.

    """
    if given.name == header.dialect:
        is_same = is_same_text(carrying(header, given).dialect_text, held(header))
        return None if is_same else f"holds another dialect of the name {given.name!r}; continue without --dialect"
    if may_choose:
        return None
    return f"has the dialect {header.dialect!r}, not {given.name!r}; continue with {header.dialect!r}"


def families(capture: Capture | None, *, is_recording: bool) -> Iterator[Family]:
    """Yield the counters of a recorder and of its process.

    Args:
        capture: The capture; None before it is opened.
        is_recording: Whether traffic is recorded, not only handed on.

    """
    counts = capture.pipeline.counts if capture else Counts()
    yield counter("recorder_requests", "Requests that were recorded.", counts.requests)
    yield counter("recorder_responses", "Responses that were recorded.", counts.responses)
    yield counter("recorder_failures", "Requests that got no response.", counts.failures)
    yield counter("recorder_messages", "Messages on WebSockets that were recorded.", counts.messages)
    yield counter("recorder_bodies_cut", "Bodies that were not kept whole.", counts.cut)
    unlooked = dict.fromkeys(Unread, 0)
    for (_, reason), count in (capture.pipeline.unlooked if capture else {}).items():
        unlooked[reason] += count
    samples = tuple(Sample(count, (("reason", reason.value),)) for reason, count in unlooked.items())
    yield Family("recorder_bodies_unlooked", "counter", "Bodies that redaction could not search.", samples)
    yield counter("recorder_notes", "Notes about disturbances and other facts.", counts.notes)
    yield counter("recorder_written_bytes", "Bytes of the cassette, of all parts.", capture.written if capture else 0)
    yield gauge("recorder_exchanges_open", "Exchanges that wait for their response.", counts.open)
    yield gauge("recorder_parts", "Files that the capture has begun.", len(capture.paths) if capture else 0)
    yield gauge("recorder_recording", "1 while traffic is recorded, 0 if it passes unrecorded.", int(is_recording))
    yield from process_families()
