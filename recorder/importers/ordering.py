"""Turn the parts that other tools recorded into frames of a cassette: ordered, numbered, redacted. Sans-IO.

Other tools store an exchange as one item, with times of a wall clock. Here each part of an exchange (request, response,
message) gets its own place, by its time, or by the `_sequence` of a HAR from `recorder convert`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..capture.pipeline import Pipeline
from ..errors import CassetteError
from ..model import Failure, Request, Response, SocketMessage
from ..redaction.redactor import Redactor

LARGEST = 256 << 20  # bytes of all bodies together; sorting needs all of them in memory
MOST = 1_000_000  # parts; a small part takes about a kilobyte of memory

Part: TypeAlias = Request | Response | Failure | SocketMessage


@dataclass(frozen=True, slots=True)
class Imported:
    """The content of an imported file.

    Attributes:
        started: UTC microseconds since the epoch at which `t` is 0.
        upstream: URL of the recorded server, as far as the file names it.
        parts: The parts, in order; their `seq` has no meaning yet.
        notes: Facts that a reader of the cassette needs: what was left out or is unknown.
    """

    started: int
    upstream: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


class Budget:
    """A limit on the bytes and parts of an imported file, so that a hostile file cannot fill the memory."""

    def __init__(self, path: str) -> None:
        self._path, self._bytes, self._parts = path, LARGEST, MOST

    @property
    def left(self) -> int:
        """Bytes that further bodies may take."""
        return self._bytes

    def take(self, body: bytes) -> bytes:
        """Count a part and return its body.

        Raises:
            CassetteError: If the file holds more bytes or parts than allowed.
        """
        self._bytes -= len(body)
        self._parts -= 1
        if self._bytes < 0 or self._parts < 0:
            raise self.exceeded()
        return body

    def exceeded(self) -> CassetteError:
        """Return the error to raise when the budget is used up."""
        return CassetteError(self._path, f"holds more than {LARGEST >> 20} MiB or {MOST} messages; import it in parts")


def in_order(parts: Iterable[Part], path: str) -> tuple[int, tuple[Part, ...]]:
    """Sort parts by their times, which are nanoseconds since the epoch.

    A response never comes before its request, whatever the clock says. At equal times a response goes before a request,
    because a client sends its next request after the response.

    Args:
        parts: The parts, in any order.
        path: The name of the file, for errors.

    Returns:
        The time of the first part in UTC microseconds since the epoch; the parts, with `t` in nanoseconds since then.

    Raises:
        CassetteError: If there are no parts.
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
    """Yield the frames of the cassette after its header: the notes, the parts, and a clean end."""
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
    if not pipeline.knows(flow):  # the exchange is over: a second response, or a message on a closed socket
        return b""
    match part:
        case Response():
            return pipeline.response(flow, t, status=part.status, headers=part.headers, body=part.body)
        case Failure():
            return pipeline.failure(flow, t, part.reason)
        case SocketMessage():
            return pipeline.message(flow, t, from_client=part.from_client, body=part.body)
