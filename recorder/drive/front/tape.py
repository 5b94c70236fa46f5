"""Record a drive as the recorder records a session: by its pipeline, redacted, into a cassette of its own.

Redaction takes seconds for a body of a megabyte, in which no event would be heard and none would be in time. So a
thread redacts and writes; each record has the time at which it was seen.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from ...capture.mitm.capture import Capture, Settings
from ...capture.pipeline import Hurried, Pipeline
from ...dialect.definition import DEFAULT, Dialect, load
from ...errors import CaptureError
from ...model import LEFT_OUT, Headers
from ...redaction.joins import fitted
from ...redaction.policy import Policy
from ...redaction.pseudonyms import Kind
from ...redaction.redactor import Redactor

_MOST, _LARGEST = 5_000, 32 << 20  # records that wait, and bytes of these; then the clients read no further
_URGENT = 1.0  # seconds that an interrupted drive waits for the thread
_PAUSE = 0.02  # seconds between two looks at the thread

_LEFT_OUT = "the drive was interrupted before the last {} records were redacted; they are left out"

_Make: TypeAlias = tuple[Callable[[], bytes], int]  # makes the frame of a record; bytes of its body


class Tape:
    """The cassette of a drive. Its methods are those of `capture.pipeline.Pipeline`, but they write their frames.

    Use it as a context manager while an event loop runs.

    Attributes:
        failure: Why the drive could not be recorded, None as long as it could.
    """

    def __init__(
        self,
        path: Path,
        *,
        upstream: str,
        dialect: Dialect | None,
        policy: Policy | None,
        key: bytes | None = None,
        known: Iterable[tuple[str, Kind]] = (),
        settings: Settings | None = None,
    ) -> None:
        """Take what the cassette is made with; entering the context creates it.

        Args:
            path: The cassette.
            upstream: URL of the server that is driven.
            dialect: The dialect of the recording that is driven; None chooses one by the first records.
            policy: Redacts; None keeps all values in the clear.
            key: Key of the pseudonyms; None makes a random one.
            known: Values to replace wherever they stand, such as those that the user gave.
            settings: How the cassette is kept.

        """
        self._path, self._upstream, self._dialect = path, upstream, dialect
        self._settings = settings or Settings()
        self._redactor: Redactor | None = None
        if policy is not None:
            own = fitted(policy, dialect or load(DEFAULT))
            self._redactor = Redactor(own, key or secrets.token_bytes(32))
            self._redactor.learn(known)
        self._capture: Capture | None = None
        self._waiting: SimpleQueue[_Make | None] = SimpleQueue()  # None ends the thread
        self._thread = threading.Thread(target=self._write, name="drive-tape", daemon=True)
        self._problem: Exception | None = None
        # each is counted in one thread
        self._put_records = self._done_records = self._put_bytes = self._done_bytes = 0
        self._is_given_up = False  # nothing more is written: the user interrupted the drive
        self._writing = threading.Lock()
        self._next = 0  # number of the record after those that are written

    @property
    def path(self) -> Path:
        """The cassette."""
        return self._path

    @property
    def failure(self) -> CaptureError | None:
        """Why the drive could not be recorded, None as long as it could."""
        if self._problem is not None:
            if isinstance(self._problem, CaptureError):
                return self._problem
            return CaptureError(f"{self._path}: a record cannot be made: {self._problem!r}")
        return self._capture.failure if self._capture is not None else None

    @property
    def findings(self) -> list[str]:
        """Lines about what disturbed the sessions, as the recorder says it."""
        return self._capture.findings if self._capture is not None else []

    def open(self) -> None:
        """Create the cassette; a second call does nothing.

        Raises:
            UsageError: If the file exists already, or cannot be written.
            DialectError: If the dialect is too long for a cassette.

        """
        if self._capture is None:
            self._capture = Capture(
                self._path,
                upstream=self._upstream,
                dialect=self._dialect,
                redactor=self._redactor,
                settings=self._settings,
                on_failure=_nothing,
                on_dialect=lambda _, __: None,
            )
            self._next = self._capture.pipeline.seq
            self._thread.start()

    @property
    def waiting(self) -> int:
        """How many records are not written yet."""
        return self._put_records - self._done_records

    async def room(self) -> None:
        """Wait while too much waits to be redacted: a server may send faster than that, without an end."""
        while self.failure is None and self._is_full():  # noqa: ASYNC110  # a thread makes room
            await asyncio.sleep(_PAUSE)

    def _is_full(self) -> bool:
        return self.waiting > _MOST or self._put_bytes - self._done_bytes > _LARGEST

    async def drained(self) -> None:
        """Wait until all that was on the wire is written; nothing may be put afterwards."""
        if self._capture is not None:
            self._waiting.put(None)
            while self._thread.is_alive():  # noqa: ASYNC110  # an executor could not be interrupted
                await asyncio.sleep(_PAUSE)

    def close(self, *, hurries: bool = False) -> None:
        """Write a note of the clean end, and close the cassette; a second call does nothing.

        Args:
            hurries: Keep no long bodies of what waits, which notes say: the user interrupted the drive. What is not
                written after a second is left out.

        Raises:
            CaptureError: If the rest cannot be written, or something before it could not be.

        """
        if self._capture is None:
            return
        if hurries:
            with suppress(Hurried):  # it leaves a redaction, but the one of another thread goes on
                self._capture.pipeline.hurry()
        self._waiting.put(None)
        self._thread.join(_URGENT if hurries else None)
        with self._writing:
            self._is_given_up, capture = True, self._capture
        if self._thread.is_alive() and self.failure is None:
            was = capture.pipeline  # it may be in the middle of a record; what follows has the number of that
            capture.pipeline = Pipeline.resumed(was.redactor, was.started, None, seq=self._next, exchange=0)
            capture.put(capture.note(LEFT_OUT, _LEFT_OUT.format(self.waiting)))
        capture.close([])
        if self.failure is not None:
            raise self.failure

    def request(
        self, flow: str, now: int, *, connection: str, method: str, target: str, headers: Headers, body: bytes
    ) -> None:
        """Record a request as it leaves."""
        self._put(
            partial(
                self._pipeline.request,
                flow,
                now,
                connection=connection,
                method=method,
                target=target,
                headers=headers,
                body=body,
            ),
            len(body),
        )

    def response(
        self, flow: str, now: int, *, status: int, headers: Headers, body: bytes, lacks: str | None = None
    ) -> None:
        """Record an answer."""
        self._put(
            partial(self._pipeline.response, flow, now, status=status, headers=headers, body=body, lacks=lacks),
            len(body),
        )

    def stream(self, flow: str, now: int, *, status: int, headers: Headers) -> None:
        """Record the head of an answer that comes in chunks."""
        self._put(partial(self._pipeline.stream, flow, now, status=status, headers=headers))

    def chunk(self, flow: str, now: int, body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
        """Record whole events or lines of such an answer."""
        self._put(partial(self._pipeline.chunk, flow, now, body, is_last=is_last, lacks=lacks), len(body))

    def failure_of(self, flow: str, now: int, reason: str) -> None:
        """Record the end of a request that got no answer."""
        self._put(partial(self._pipeline.failure, flow, now, reason))

    def message(self, flow: str, now: int, *, from_client: bool, body: bytes, is_text: bool) -> None:
        """Record a message on a WebSocket."""
        self._put(
            partial(self._pipeline.message, flow, now, from_client=from_client, body=body, is_text=is_text), len(body)
        )

    def closed(self, flow: str, now: int, reason: str) -> None:
        """Record the end of a WebSocket, or of a stream that broke."""
        self._put(partial(self._pipeline.closed, flow, now, reason))

    def note(self, now: int, kind: str, text: str) -> None:
        """Record a fact that is not traffic."""
        self._put(partial(self._pipeline.note, now, kind, text))

    @property
    def _pipeline(self) -> Pipeline:
        if self._capture is None:
            raise CaptureError(f"{self._path}: is not open")
        return self._capture.pipeline

    def _put(self, make: Callable[[], bytes], size: int = 0) -> None:
        if self.failure is not None:
            raise self.failure
        self._put_records, self._put_bytes = self._put_records + 1, self._put_bytes + size
        self._waiting.put((make, size))

    def _write(self) -> None:
        """Make and write the frames in the order of the wire; the first problem ends it, and the drive with it."""
        while (waiting := self._waiting.get()) is not None:
            make, size = waiting
            try:
                frame = b"" if self._is_given_up or self._problem is not None else make()
                with self._writing:
                    if frame and not self._is_given_up and self._capture is not None:
                        self._capture.put(frame)
                        self._next = self._capture.pipeline.seq
            except Exception as exc:  # noqa: BLE001  # a thread has nobody to raise to: `failure` tells it
                self._problem = exc
            self._done_records, self._done_bytes = self._done_records + 1, self._done_bytes + size


def _nothing() -> None:
    """Stop no proxy: the next record raises what went wrong."""
