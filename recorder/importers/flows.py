"""Read flow files of mitmproxy (`mitmdump -w`); this module needs mitmproxy, the extra `record`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mitmproxy import http
from mitmproxy.io import FlowReader

from ..capture.mitm.addon import with_host
from ..compression import Broken, TooLarge, Unknown, decompress
from ..errors import CassetteError
from ..files import open_regular
from ..model import Failure, Headers, Request, Response, SocketMessage
from .ordering import Budget, Imported, Part, in_order

_LATEST = 253_402_300_799  # seconds since the epoch: the year 9999
_LARGEST_FLOW = 64 << 20  # bytes in the file; the parsed values take several times as much memory
_IDENTITY = ("", "identity")


def read_flows(path: Path) -> Imported:
    """Read a flow file of mitmproxy, one flow at a time.

    Raises:
        CassetteError: If the file is no flow file, holds no HTTP exchange, or holds too much.
    """
    budget = Budget(str(path))
    parts: list[Part] = []
    upstreams: Counter[str] = Counter()
    others = 0
    for exchange, flow in enumerate(_flows(path)):
        if isinstance(flow, http.HTTPFlow):
            parts += _parts(flow, exchange, budget)
            upstreams[f"{flow.request.scheme}://{flow.request.host}:{flow.request.port}"] += 1
        else:
            others += 1
    started, ordered = in_order(parts, str(path))
    notes = ["imported from mitmproxy flows: records are in the order of a wall clock, to the microsecond"]
    notes += [f"left out: {others} flows that are not HTTP"] if others else []
    return Imported(started, upstreams.most_common(1)[0][0], ordered, tuple(notes))


class _Bounded:
    """A file that refuses large reads: mitmproxy's reader allocates as many bytes as a length in the file says."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path

    def read(self, size: int) -> bytes:
        if size > _LARGEST_FLOW:
            raise CassetteError(
                self._path, f"holds a flow of more than {_LARGEST_FLOW >> 20} MiB, or is not a flow file"
            )
        return self._file.read(size)

    def peek(self, size: int) -> bytes:
        at = self._file.tell()
        found = self._file.read(size)
        self._file.seek(at)
        return found


def _flows(path: Path) -> Iterator[object]:
    try:
        with open_regular(path) as file:
            # mitmproxy's reader calls read and peek only
            yield from FlowReader(_Bounded(file, str(path))).stream()  # type: ignore[arg-type]
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc
    except CassetteError:
        raise
    # mitmproxy's classes hardly check a state before they use it, so a damaged one can raise any exception
    except Exception as exc:
        problem = str(exc)[:80].replace("\n", " ")
        raise CassetteError(str(path), f"is not a flow file of mitmproxy, or is damaged: {problem}") from exc


def _parts(flow: http.HTTPFlow, exchange: int, budget: Budget) -> Iterator[Part]:
    request, response = flow.request, flow.response
    at = request.timestamp_end or request.timestamp_start
    yield Request(
        0,
        _ns(at),
        exchange,
        flow.client_conn.id,
        request.method,
        request.path,
        with_host(request, _headers(request.headers)),
        budget.take(_body(request, budget)),
    )
    if response is not None:
        whole = response.timestamp_end or response.timestamp_start or at
        body = budget.take(_body(response, budget))
        yield Response(0, _ns(whole), exchange, response.status_code, _headers(response.headers), body)
    elif flow.error is not None:
        yield Failure(0, _ns(flow.error.timestamp), exchange, flow.error.msg)
    if flow.websocket is None:
        return
    for message in flow.websocket.messages:
        body = budget.take(message.content)
        yield SocketMessage(0, _ns(message.timestamp), exchange, from_client=message.from_client, body=body)
    if flow.websocket.timestamp_end is not None:
        who = "client" if flow.websocket.closed_by_client else "server"
        reason = f"websocket closed by {who}, code {flow.websocket.close_code}"
        yield Failure(0, _ns(flow.websocket.timestamp_end), exchange, reason)


def _body(message: http.Message, budget: Budget) -> bytes:
    """Return the body with its content-encoding decoded; as recorded if the encoding is unknown or data is damaged."""
    raw, encoding = message.raw_content or b"", message.headers.get("content-encoding", "").strip().lower()
    if encoding in _IDENTITY or not raw:
        return raw
    try:
        return decompress(raw, encoding, budget.left)
    except TooLarge:
        raise budget.exceeded() from None
    except (Broken, Unknown):
        return raw


def _headers(headers: http.Headers) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields)


def _ns(seconds: float) -> int:
    """Return a time in seconds since the epoch as nanoseconds, 0 if it is out of range."""
    return round(seconds * 1_000_000) * 1000 if 0 <= seconds <= _LATEST else 0
