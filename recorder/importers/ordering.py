"""Turn the parts that other tools recorded into frames of a cassette: ordered, numbered, redacted. Sans-IO.

Other tools store an exchange as one item, with times of a wall clock. Here each part of an exchange (request, response,
message) gets its own place, by its time, or by the `_sequence` of a HAR from `recorder convert`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..capture.pipeline import Pipeline
from ..errors import CassetteError
from ..model import GUESSED, LEFT_OUT, Chunk, Failure, Request, Response, SocketMessage
from ..redaction.redactor import Redactor
from .losses import Losses
from .spool import Part, Parts, Spool


@dataclass(frozen=True, slots=True)
class Imported:
    """The content of an imported file.

    Attributes:
        started: UTC microseconds since the epoch at which `t` is 0.
        upstream: URL of the recorded server, as far as the file names it.
        parts: The parts, in order; their `seq` has no meaning yet.
        about: Facts about the whole that a reader of the cassette needs, e.g. where its order comes from.
        losses: What was left out, and which times were guessed.
    """

    started: int
    upstream: str
    parts: Parts
    about: tuple[str, ...]
    losses: Losses

    @property
    def exchanges(self) -> int:
        """The number of HTTP exchanges."""
        return self.parts.count_of(Request)

    @property
    def notes(self) -> tuple[str, ...]:
        """All that a reader needs to know, a line each."""
        return (*self.about, *self.losses.lost_texts(), *self.losses.guessed_texts())


def in_order(spool: Spool, path: str, losses: Losses) -> tuple[int, Parts]:
    """Sort parts by their times.

    A response never comes before its request, whatever the clock says. At equal times a response goes before a request,
    because a client sends its next request after the response.

    Args:
        spool: The parts, each exchange with its request first; their times are nanoseconds since the epoch.
        path: The name of the file, for errors.
        losses: What was left out, for errors.

    Returns:
        The time of the first part in nanoseconds since the epoch, in whole microseconds; the parts, with `t` since it.

    Raises:
        CassetteError: If there are no parts.
    """
    if not spool.items:
        told = "; ".join(losses.lost_texts())
        raise CassetteError(path, "holds no HTTP exchange", hint=told)
    asked = 0
    for item in spool.items:
        if item.kind is Request:
            asked = item.t
        item.t = max(item.t, asked + (item.kind is not Request))
    spool.items.sort(key=lambda item: item.t * 2 + (item.kind is Request))
    return _from_first(spool)


def as_numbered(spool: Spool) -> tuple[int, Parts]:
    """Sort parts by their places in the original capture; the results are those of `in_order`."""
    spool.items.sort(key=lambda item: item.place or 0)
    latest = 0
    for item in spool.items:
        latest = item.t = max(latest, item.t)
    return _from_first(spool)


def _from_first(spool: Spool) -> tuple[int, Parts]:
    started = spool.items[0].t // 1000 * 1000
    return started, Parts(spool, spool.items, started)


def frames(imported: Imported, redactor: Redactor | None) -> Iterator[bytes]:
    """Yield the frames of the cassette after its header: the notes, the parts, and a clean end."""
    pipeline = Pipeline(redactor, 0, context=None)
    losses = imported.losses
    for kind, texts in (("import", imported.about), (LEFT_OUT, losses.lost_texts()), (GUESSED, losses.guessed_texts())):
        for text in texts:
            yield pipeline.note(0, kind, text)
    last = 0
    for part, lacks in imported.parts.lacking():
        last = part.t
        if found := _frame(pipeline, part, lacks):
            yield found
    yield pipeline.note(last, "close", "the import ended")


def _frame(pipeline: Pipeline, part: Part, lacks: str | None) -> bytes:
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
            lacks=lacks,
        )
    if not pipeline.knows(flow):  # the exchange is over: a second response, or a message on a closed socket
        return b""
    match part:
        case Response(streamed=True):
            return pipeline.stream(flow, t, status=part.status, headers=part.headers)
        case Chunk():
            return pipeline.chunk(flow, t, part.body, is_last=part.is_last)
        case Response():
            return pipeline.response(flow, t, status=part.status, headers=part.headers, body=part.body, lacks=lacks)
        case Failure():
            return pipeline.failure(flow, t, part.reason)
        case SocketMessage(from_client=from_client, body=body, is_text=is_text):
            return pipeline.message(flow, t, from_client=from_client, body=body, is_text=is_text)
