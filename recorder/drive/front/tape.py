"""Record a drive as the recorder records a session: by its pipeline, redacted, into a cassette of its own."""

from __future__ import annotations

import secrets
from pathlib import Path

from ...capture.mitm.capture import Capture, Settings
from ...capture.pipeline import Pipeline
from ...dialect.definition import DEFAULT, Dialect, load
from ...errors import CaptureError
from ...model import Headers
from ...redaction.joins import fitted
from ...redaction.policy import Policy
from ...redaction.redactor import Redactor


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
        settings: Settings | None = None,
    ) -> None:
        """Take what the cassette is made with; entering the context creates it.

        Args:
            path: The cassette.
            upstream: URL of the server that is driven.
            dialect: The dialect of the recording that is driven; None chooses one by the first records.
            policy: Redacts; None keeps all values in the clear.
            key: Key of the pseudonyms; None makes a random one.
            settings: How the cassette is kept.

        """
        self._path, self._upstream, self._dialect = path, upstream, dialect
        self._settings = settings or Settings()
        self._redactor: Redactor | None = None
        if policy is not None:
            own = fitted(policy, dialect or load(DEFAULT))
            self._redactor = Redactor(own, key or secrets.token_bytes(32))
        self._capture: Capture | None = None

    @property
    def path(self) -> Path:
        """The cassette."""
        return self._path

    @property
    def failure(self) -> CaptureError | None:
        """Why the drive could not be recorded, None as long as it could."""
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

    def close(self) -> None:
        """Write a note of the clean end, and close the cassette; a second call does nothing.

        Raises:
            CaptureError: If the rest cannot be written, or something before it could not be.

        """
        if self._capture is not None:
            self._capture.close([])
            if self._capture.failure is not None:
                raise self._capture.failure

    def request(
        self, flow: str, now: int, *, connection: str, method: str, target: str, headers: Headers, body: bytes
    ) -> None:
        """Record a request as it leaves."""
        self._put(
            self._pipeline.request(
                flow, now, connection=connection, method=method, target=target, headers=headers, body=body
            )
        )

    def response(
        self, flow: str, now: int, *, status: int, headers: Headers, body: bytes, lacks: str | None = None
    ) -> None:
        """Record an answer."""
        self._put(self._pipeline.response(flow, now, status=status, headers=headers, body=body, lacks=lacks))

    def stream(self, flow: str, now: int, *, status: int, headers: Headers) -> None:
        """Record the head of an answer that comes in chunks."""
        self._put(self._pipeline.stream(flow, now, status=status, headers=headers))

    def chunk(self, flow: str, now: int, body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
        """Record whole events or lines of such an answer."""
        self._put(self._pipeline.chunk(flow, now, body, is_last=is_last, lacks=lacks))

    def failure_of(self, flow: str, now: int, reason: str) -> None:
        """Record the end of a request that got no answer."""
        self._put(self._pipeline.failure(flow, now, reason))

    def message(self, flow: str, now: int, *, from_client: bool, body: bytes, is_text: bool) -> None:
        """Record a message on a WebSocket."""
        self._put(self._pipeline.message(flow, now, from_client=from_client, body=body, is_text=is_text))

    def closed(self, flow: str, now: int, reason: str) -> None:
        """Record the end of a WebSocket, or of a stream that broke."""
        self._put(self._pipeline.closed(flow, now, reason))

    def note(self, now: int, kind: str, text: str) -> None:
        """Record a fact that is not traffic."""
        self._put(self._pipeline.note(now, kind, text))

    @property
    def _pipeline(self) -> Pipeline:
        if self._capture is None:
            raise CaptureError(f"{self._path}: is not open")
        return self._capture.pipeline

    def _put(self, frame: bytes) -> None:
        if self._capture is not None:
            self._capture.put(frame)
            if self._capture.failure is not None:
                raise self._capture.failure


def _nothing() -> None:
    """Stop no proxy: the next record raises what went wrong."""
