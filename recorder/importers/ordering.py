"""What other tools kept of a session, as the frames of a cassette: put in order, numbered, redacted. Sans-IO.

Those tools keep when a thing happened by a wall clock, and an exchange as one item. Here each of its parts finds its
place by its time, or by the places that a HAR of our own names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..capture.pipeline import Pipeline
from ..errors import CassetteError
from ..model import Failure, Request, Response, SocketMessage
from ..redaction.redactor import Redactor

LARGEST = 256 << 20  # bytes of all bodies together: they are put in order in memory
MOST = 1_000_000  # parts; a small one takes about a kilobyte

Part: TypeAlias = Request | Response | Failure | SocketMessage


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read.

    Attributes:
        started: UTC microseconds since the epoch at which `t` is 0.
        upstream: The server, as far as it is known.
        parts: In their order; their `seq` mean nothing yet.
        notes: What a reader of the cassette should know: what was left out or could not be known.

    """

    started: int
    upstream: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


class Budget:
    """Counts what is read, so that a hostile file cannot fill the memory."""

    def __init__(self, path: str) -> None:
        self._path, self._bytes, self._parts = path, LARGEST, MOST

    @property
    def left(self) -> int:
        """Bytes that bodies may still take."""
        return self._bytes

    def take(self, body: bytes) -> bytes:
        """Count a part with its body.

        Raises:
            CassetteError: If it has become too much.

        """
        self._bytes -= len(body)
        self._parts -= 1
        if self._bytes < 0 or self._parts < 0:
            raise self.exceeded()
        return body

    def exceeded(self) -> CassetteError:
        """What to raise when it is too much."""
        return CassetteError(self._path, f"holds more than {LARGEST >> 20} MiB or {MOST} messages; import it in parts")


def in_order(parts: Iterable[Part], path: str) -> tuple[int, tuple[Part, ...]]:
    """Parts by their times, which are nanoseconds since the epoch; when the first one was, and all since then.

    An answer never comes before its request, whatever the clock says; of two things at one time the answer is first,
    for a client asks on when it has got one.

    Raises:
        CassetteError: If there are none.

    """
    every = list(parts)
    asked = {part.exchange: part.t for part in every if isinstance(part, Request)}
    timed = [
        part if isinstance(part, Request) else replace(part, t=max(part.t, asked.get(part.exchange, part.t) + 1))
        for part in every
    ]
    timed.sort(key=lambda part: (part.t, isinstance(part, Request)))
    if not timed:
        raise CassetteError(path, "holds no HTTP exchange")
    started = timed[0].t // 1000
    return started, tuple(replace(part, t=part.t - started * 1000) for part in timed)


def frames(imported: Imported, redactor: Redactor | None) -> Iterator[bytes]:
    """Yield the frames of the cassette, after its header."""
    pipeline = Pipeline(redactor, 0)
    for text in imported.notes:
        yield pipeline.note(0, "import", text)
    for part in imported.parts:
        yield _frame(pipeline, part)
    yield pipeline.note(imported.parts[-1].t, "close", "the import ended")


def _frame(pipeline: Pipeline, part: Part) -> bytes:
    flow, t = str(part.exchange), part.t
    if isinstance(part, Request):
        return pipeline.request(
            flow,
            t,
            connection=part.connection,
            method=part.method,
            target=part.target,
            headers=part.headers,
            body=part.body,
        )
    if not pipeline.knows(flow):  # a second answer, or a message on a socket that is closed
        return b""
    match part:
        case Response():
            return pipeline.response(flow, t, status=part.status, headers=part.headers, body=part.body)
        case Failure():
            return pipeline.failure(flow, t, part.reason)
        case SocketMessage():
            return pipeline.message(flow, t, from_client=part.from_client, body=part.body)
