"""A floor of agents behind the recorder's hooks: real flows of mitmproxy, in simulated time, without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from mitmproxy import connection, http
from mitmproxy.addons import proxyserver
from mitmproxy.test import taddons, tflow

from benchmarks.synthetic import records
from recorder.capture.mitm.addon import Recorder
from recorder.model import Headers, Record, Request, Response

HOURS = 8
SHIFT = HOURS * 3600 * 10**9  # ns


@dataclass(slots=True)
class Clock:
    """A clock that goes when it is told to; ns."""

    now: int = 0

    def __call__(self) -> int:
        return self.now


@dataclass(slots=True)
class Floor:
    """Lets the recorder see one exchange after the other, as mitmproxy would."""

    recorder: Recorder
    seen: int = 0  # requests and answers
    _server: connection.Server = field(default_factory=tflow.tserver_conn)
    _clients: dict[str, connection.Client] = field(default_factory=dict)
    _open: dict[int, http.HTTPFlow] = field(default_factory=dict)

    async def sees(self, record: Record) -> None:
        """A request comes from a desktop, or an answer to one from the server."""
        match record:
            case Request():
                flow = self._open[record.exchange] = http.HTTPFlow(self._client(record.connection), self._server)
                flow.request = _request(record)
                self.recorder.requestheaders(flow)
                await self.recorder.request(flow)
            case Response():
                flow = self._open.pop(record.exchange)
                flow.response = http.Response.make(record.status, record.body, _raw(record.headers))
                self.recorder.responseheaders(flow)
                await self.recorder.response(flow)
            case _:
                return
        self.seen += 1

    def _client(self, name: str) -> connection.Client:
        return self._clients.setdefault(name, tflow.tclient_conn())


@asynccontextmanager
async def recording(path: Path, clock: Callable[[], int], **options: int) -> AsyncIterator[Floor]:
    """A floor, and the recorder that sees it."""
    recorder = Recorder(path, clock=clock, **options)
    with taddons.context(recorder, proxyserver.Proxyserver()):
        recorder.open()
        try:
            yield Floor(recorder)
        finally:
            recorder.close()


def shift(triples: int) -> Iterator[tuple[int, Record]]:
    """What happens on the floor, and when (ns): so many triples, spread over the shift."""
    last = max(record.t for record in records(triples))
    for record in records(triples):
        yield record.t * SHIFT // last, record


def hours() -> Iterator[int]:
    """The ends of the hours (ns)."""
    return (hour * SHIFT // HOURS for hour in count(1))


def _request(record: Request) -> http.Request:
    made = http.Request.make(record.method, f"http://gws.example:8090{record.target}", record.body)
    made.headers = http.Headers(_raw(record.headers))
    return made


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
