"""Find streamed answers that broke, such as streams of events, and WebSockets that were closed with an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..dialect.paths import path_of
from ..model import Chunk, Failure, Request, Response, closing
from .tally import Listing

# Codes that tell of no error: a normal end, a page that was left, no code at all (RFC 6455, section 7.4.1). 1006 is a
# finding of its own.
_NORMAL = frozenset({1000, 1001, 1005, 1006})
_SECOND = 1_000_000_000
_SOON = 60 * _SECOND  # a client that was away for longer did not go on, it began anew
_REMEMBERED = 1_000  # clients that may come back
_OWN = frozenset({"cookie", "authorization"})

Found = tuple[str, str, str]  # kind, where, text


@dataclass(slots=True)
class _Cut:
    """A stream that broke; `back` is how long its client took to ask for it again, None if it did not."""

    failure: Failure
    name: str
    by_client: bool
    back: int | None = None


@dataclass(slots=True)
class StreamEnds:
    """Collects how streams ended; takes the records that tell."""

    _open: dict[int, tuple[str, str]] = field(default_factory=dict)  # by exchange: name, and whose it is
    _last: dict[str, _Cut] = field(default_factory=dict)  # the last cut of each client that may come back
    _cuts: Listing[_Cut] = field(default_factory=Listing)
    _plain: set[int] = field(default_factory=set)  # open WebSockets with messages that are no Bayeux
    _closed: Listing[Found] = field(default_factory=Listing)

    def asked(self, request: Request) -> None:
        """Take a request: a client may ask for its stream again."""
        cut = self._last.pop(_client(request), None) if self._last else None
        if cut is not None:
            cut.back = request.t - cut.failure.t
            if cut.by_client and cut.back <= _SOON:
                self._cuts.add(cut)

    def opened(self, request: Request, response: Response) -> None:
        """Take a response, which may be a stream."""
        if response.streamed:
            self._open[response.exchange] = f"{request.method} {path_of(request.target)}", _client(request)

    def told(self, chunk: Chunk) -> None:
        """Take a chunk, which may be the last one of a stream."""
        if chunk.is_last:
            self._open.pop(chunk.exchange, None)

    def broke(self, failure: Failure, *, by_client: bool) -> bool:
        """Take the end of an exchange; return whether it was that of a stream."""
        stream = self._open.pop(failure.exchange, None)
        if stream is None:
            return False
        cut = _Cut(failure, stream[0], by_client)
        if not by_client:  # clients leave when their work is done
            self._cuts.add(cut)
        self._last[stream[1]] = cut
        if len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]
        return True

    def spoke(self, socket: int) -> None:
        """Take a message without Bayeux on a WebSocket; how those with Bayeux end is told with their sessions."""
        self._plain.add(socket)

    def closed(self, failure: Failure) -> None:
        """Take the end of a WebSocket."""
        told = closing(failure.reason) if failure.exchange in self._plain else None
        self._plain.discard(failure.exchange)
        if told is not None and told.code not in _NORMAL:
            by, why = "server" if told.by_server else "client", f": {told.reason}" if told.reason else ""
            text = f"a WebSocket was closed by the {by} with code {told.code}{why}"
            self._closed.add(("socket-closed", f"record {failure.seq}", text))

    def found(self) -> Iterator[Found]:
        """Yield each finding as kind, place and sentence; call this after the last record."""
        for cut in self._cuts.items:
            by = "the client" if cut.by_client else "the upstream"
            if cut.back is None:
                after = "its client did not come back"
            else:
                after = f"its client came back after {cut.back / _SECOND:.1f} s"
            text = f"a stream ({cut.name}) was cut by {by}: {cut.failure.reason.rstrip('.')}; {after}"
            yield "stream-cut", f"record {cut.failure.seq}", text
        yield from self._cuts.rest("stream-cut")
        yield from self._closed.items
        yield from self._closed.rest("socket-closed")


def _client(request: Request) -> str:
    """Return what tells whose stream a request asks for: its path, and what the client shows."""
    shown = sorted(value for name, value in request.headers if name.lower() in _OWN)
    return "\n".join((path_of(request.target), *shown))
