"""Read flow files of mitmproxy (`mitmdump -w`), of version 0.11 to 12; this module needs mitmproxy, the extra `record`.

mitmproxy converts old flows (`mitmproxy.io.compat`), but hardly checks them: a flow that it cannot convert, or that
holds values of a wrong type, is left out and counted. Only where the framing of the file breaks does reading end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from mitmproxy import flow as mitm_flow
from mitmproxy import http
from mitmproxy.io import compat, tnetstring

from ..capture.mitm.large.decoding import with_host
from ..errors import CassetteError
from ..formats.compression import Broken, TooLarge, Unknown, decompress
from ..model import Failure, Headers, Request, Response, SocketMessage, closed_by
from .containers import LARGEST_BODY, Container
from .losses import Loss, Losses
from .ordering import Imported, in_order
from .spool import Part, Spool

_LATEST = 7_258_118_400  # seconds since the epoch: the year 2200; a record counts nanoseconds in 64 bits
_LARGEST_FLOW = 64 << 20  # bytes in the file; the parsed values take several times as much memory
_IDENTITY = ("", "identity")
_VERSION = "cannot read files with flow format version"
_NO_FILE = "is not a flow file of mitmproxy, or is damaged"


def read_flows(container: Container, spool: Spool) -> Imported:
    """Read a flow file of mitmproxy into a spool, one flow at a time.

    Raises:
        CassetteError: If the file is no flow file, holds no HTTP exchange, or holds too much.
    """
    losses = Losses("flow file")
    upstreams: Counter[str] = Counter()
    saved: dict[str, int] = {}  # exchange, by id of the flow
    earlier: set[int] = set()  # exchanges that a later state of their flow replaces
    with container.reading() as stream:
        for exchange, state in enumerate(_states(stream, container.path, losses)):
            found = _flow(state, losses)
            if not isinstance(found, http.HTTPFlow):
                if found is not None:
                    losses.lose(Loss.NO_HTTP_FLOW)
                elif not upstreams:
                    losses.give_up(exchange + 1, container.path)
                continue
            try:
                parts = list(_parts(found, exchange, losses))
            # a damaged flow has values of any type in any place
            except (TypeError, ValueError, AttributeError, LookupError, OverflowError):
                losses.lose(Loss.BAD_FLOW)
                continue
            for part, lacks in parts:
                spool.add(part, container.path, lacks=lacks)
            upstreams[f"{found.request.scheme}://{found.request.host}:{found.request.port}"] += 1
            # the handshake of a WebSocket stands twice in files of mitmproxy before 7, alone and with its messages
            if saved.setdefault(found.id, exchange) != exchange:
                losses.lose(Loss.SAVED_TWICE)
                earlier.add(saved[found.id])
                saved[found.id] = exchange
    spool.drop(earlier)
    started, ordered = in_order(spool, container.path, losses)
    about = "imported from mitmproxy flows: records are in the order of a wall clock, to the microsecond"
    return Imported(started // 1000, upstreams.most_common(1)[0][0], ordered, (about,), losses)


class _Bounded:
    """A file that refuses large reads: mitmproxy's reader allocates as many bytes as a length in the file says."""

    def __init__(self, file: Any, path: str) -> None:
        self._file, self._path = file, path

    def read(self, size: int) -> bytes:
        if size > _LARGEST_FLOW:
            problem = f"holds a flow of more than {_LARGEST_FLOW >> 20} MiB, or is not a flow file"
            raise CassetteError(self._path, problem)
        return cast("bytes", self._file.read(size))


def _states(file: Any, path: str, losses: Losses) -> Iterator[Any]:
    """Yield the values of a file; damage behind the first one ends the file and is counted."""
    count = 0
    bounded = _Bounded(file, path)
    while file.peek(1)[:1]:
        try:
            yield tnetstring.load(bounded)  # type: ignore[arg-type]  # it calls `read` only
        except CassetteError as exc:
            if not count:
                raise
            losses.stop(count, exc.problem)
            return
        except (ValueError, TypeError, LookupError, RecursionError, MemoryError) as exc:
            if not count:
                problem = str(exc)[:80].replace("\n", " ")
                raise CassetteError(path, f"{_NO_FILE}: {problem}") from exc
            losses.stop(count, "the file ends early or is damaged")
            return
        count += 1


def _flow(state: Any, losses: Losses) -> mitm_flow.Flow | None:
    """Return the flow of a stored value; None, and count it, if mitmproxy cannot convert it."""
    try:
        return mitm_flow.Flow.from_state(cast("Any", compat.migrate_flow(state)))
    except Exception as exc:  # noqa: BLE001  # mitmproxy hardly checks a state before it uses it: any can come
        # other texts than that about the version may hold values of the flow, which are not redacted
        told = str(exc) if _VERSION in str(exc) else type(exc).__name__
        losses.lose(Loss.BAD_FLOW, problem=told[:200])
        return None


def _parts(flow: http.HTTPFlow, exchange: int, losses: Losses) -> Iterator[tuple[Part, str | None]]:
    request, response = flow.request, flow.response
    messages = flow.websocket.messages if flow.websocket is not None else []
    # mitmproxy makes up a handshake without a time for a WebSocket whose handshake is not in the file
    at = request.timestamp_end or request.timestamp_start or (messages[0].timestamp if messages else 0)
    body, lacks = _body(request, losses)
    headers = with_host(request, _headers(request.headers))
    method, target = _text(request.method), _text(request.path)
    yield Request(0, _ns(at), exchange, _text(flow.client_conn.id), method, target, headers, body), lacks
    if response is not None:
        whole = response.timestamp_end or response.timestamp_start or at
        body, lacks = _body(response, losses)
        yield Response(0, _ns(whole), exchange, int(response.status_code), _headers(response.headers), body), lacks
    elif flow.error is not None:
        yield Failure(0, _ns(flow.error.timestamp), exchange, _text(flow.error.msg)), None
    if flow.websocket is None:
        return
    for message in messages:
        content = _bytes(message.content)
        from_client, is_text = bool(message.from_client), bool(message.is_text)
        yield SocketMessage(0, _ns(message.timestamp), exchange, from_client, content, is_text), None
    if flow.websocket.timestamp_end is not None:
        who = "client" if flow.websocket.closed_by_client else "server"
        reason = closed_by(who, flow.websocket.close_code, _text(flow.websocket.close_reason or ""))
        yield Failure(0, _ns(flow.websocket.timestamp_end), exchange, reason), None


def _body(message: http.Message, losses: Losses) -> tuple[bytes, str | None]:
    """Return the body without its content encoding, and what it lacks.

    The body is as it was sent if the encoding is unknown or the data is damaged.
    """
    raw, encoding = _bytes(message.raw_content or b""), message.headers.get("content-encoding", "").strip().lower()
    try:
        body = raw if encoding in _IDENTITY or not raw else decompress(raw, encoding, LARGEST_BODY)
    except TooLarge:
        body = None
    except (Broken, Unknown):
        body = raw
    if body is None or len(body) > LARGEST_BODY:
        losses.lose(Loss.LARGE_BODY)
        return b"", f"it is larger than {LARGEST_BODY >> 20} MiB"
    return body, None


def _headers(headers: http.Headers) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.fields)


def _bytes(content: Any) -> bytes:
    """Return the content of a message; before mitmproxy 7 that of a WebSocket text message was a string."""
    if isinstance(content, str):
        return content.encode("utf-8", "surrogateescape")
    if not isinstance(content, bytes):
        raise TypeError("a body that is no bytes")
    return content


def _text(value: Any) -> str:
    """Return a text; files of mitmproxy before 0.18, written by Python 2, hold bytes in its place."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise TypeError("a text that is no string")
    return value


def _ns(seconds: float) -> int:
    """Return a time in seconds since the epoch as nanoseconds, 0 if it is out of range."""
    return round(seconds * 1_000_000) * 1000 if 0 <= seconds <= _LATEST else 0
