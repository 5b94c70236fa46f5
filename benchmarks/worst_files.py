"""The worst files for importers, for cassettes, and for correlation: what must stay linear in what others wrote."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.worst_rows import Row
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.migrate import migrate
from recorder.cassette.reader import read
from recorder.cassette.repair.recover import recover
from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.errors import RecorderError
from recorder.importers.containers import Container
from recorder.importers.flows import read_flows
from recorder.importers.har import read_har
from recorder.importers.ordering import frames
from recorder.importers.spool import Spool
from recorder.library.lazy import open_recording
from recorder.library.sealing import seal
from recorder.model import Chunk, Failure, Header, Record, Request, Response, SocketMessage

_HEADER = Header(started=0, upstream="http://worst.example", dialect="gws-outbound", redaction="none")
_JSON = (("Content-Type", "application/json"),)
_HELD = json.dumps({"recordHandle": 7, "operationName": "GetChainedRecord", "applicationId": 134}).encode()


# HAR


def _entry(url: str = "http://worst.example/a", **own: Any) -> dict[str, Any]:
    request = {"method": "GET", "url": url, "headers": [], "cookies": [], "queryString": []}
    response = {"status": 200, "headers": [], "content": {"size": 0, "mimeType": "text/plain", "text": ""}}
    start = "2026-01-01T00:00:00.000Z"
    return {"startedDateTime": start, "time": 1, "request": request, "response": response} | own


def _har(entries: list[dict[str, Any]]) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def _filled(size: int, one: Callable[[int], dict[str, Any]]) -> bytes:
    """An archive of so many entries."""
    length = len(json.dumps(one(0))) + 2
    return _har([one(number) for number in range(size // length + 1)])


def _content(text: str, **own: Any) -> dict[str, Any]:
    content = {"size": len(text), "mimeType": "application/json", "text": text}
    return {"status": 200, "headers": [], "content": content | own}


def _frames(size: int) -> bytes:
    messages = [{"type": "receive", "time": 1767225600 + n / 1000, "opcode": 1, "data": "x"} for n in range(size // 70)]
    return _har([_entry(_webSocketMessages=messages)])


def _events(size: int) -> bytes:
    count = size // 110
    told = [{"time": 1767225600 + n, "eventName": "message", "eventId": "", "data": "x"} for n in range(count)]
    answer = _content("data: x\n\n" * count, mimeType="text/event-stream")
    return _har([_entry(response=answer, _eventSourceMessages=told)])


def _many_headers(size: int) -> bytes:
    headers = [{"name": f"X-{n}", "value": "v"} for n in range(size // 40)]
    return _har([_entry(request={"method": "GET", "url": "http://worst.example/a", "headers": headers})])


def _equal_keys(size: int) -> bytes:
    return (
        b'{"log":{"entries":[{"request":{' + b'"url":"http://worst.example/",' * (size // 31) + b'"method":"GET"}}]}}'
    )


def _deep(size: int) -> bytes:
    return b'{"log":{"entries":[{"a":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}]}}"


def _cut(size: int) -> bytes:
    return _filled(size, lambda n: _entry(f"http://worst.example/{n}"))[:-40]


_HARS: dict[str, Callable[[int], bytes]] = {
    "many entries": lambda size: _filled(size, lambda n: _entry(f"http://worst.example/{n}")),
    "equal requests by a service worker": lambda size: _filled(size, lambda _: _entry(_fetchedViaServiceWorker=True)),
    "a server for each entry": lambda size: _filled(size, lambda n: _entry(f"http://h{n}.example/")),
    "many headers": _many_headers,
    "many WebSocket messages": _frames,
    "many events of a stream": _events,
    "deep JSON": _deep,
    "equal keys": _equal_keys,
    "cut off": _cut,
    "cut off in a text": lambda size: _har([_entry(response=_content("x" * size))])[:-60],
    "escapes": lambda size: _har([_entry(response=_content("\u0101" * (size // 6)))]),
    "backslashes": lambda size: _har([_entry(response=_content("\\" * (size // 2)))]),
    "Base64": lambda size: _har(
        [_entry(response=_content(base64.b64encode(bytes(size * 3 // 4)).decode(), encoding="base64"))]
    ),
    "Base64 with blanks": lambda size: _har([_entry(response=_content("QQ ==\n" * (size // 7), encoding="base64"))]),
    "long key": lambda size: _har([_entry() | {"k" * size: 1}]),
    "long number": lambda size: b'{"log":{"entries":[{"time":' + b"1" * size + b"}]}}",
    "long URL": lambda size: _har([_entry("http://worst.example/" + "%41" * (size // 3))]),
    "blanks before entries": lambda size: b'{"log":' + b" \n" * (size // 2) + b'{"entries":[]}}',
    "open arrays": lambda size: b'{"log":{"entries":' + b"[" * size,
    "commas": lambda size: b'{"log":{"entries":[' + b"1," * (size // 2) + b"1]}}",
}


def _imported(content: bytes, kind: str) -> None:
    with suppress(RecorderError), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "worst")
        path.write_bytes(content)
        container = Container.of(path)
        spool = Spool()
        reader = read_har if kind == "har" else read_flows
        for _ in frames(reader(container, spool), None):
            pass


# Flow files of mitmproxy: tnetstrings


def _tnet(value: Any) -> bytes:
    match value:
        case None:
            return b"0:~"
        case bool():
            content, mark = str(value).lower().encode(), b"!"
        case int():
            content, mark = str(value).encode(), b"#"
        case float():
            content, mark = repr(value).encode(), b"^"
        case bytes():
            content, mark = value, b","
        case str():
            content, mark = value.encode(), b";"
        case dict():
            content, mark = b"".join(_tnet(part) for item in value.items() for part in item), b"}"
        case _:
            content, mark = b"".join(map(_tnet, value)), b"]"
    return b"%d:%b%b" % (len(content), content, mark)


def _nested(size: int) -> bytes:
    depth = size // 9
    lengths: list[int] = []
    length = 0
    for _ in range(depth):
        lengths.append(length)
        length += len(str(length)) + 2
    return b"".join(b"%d:" % one for one in reversed(lengths)) + b"]" * depth


def _same(size: int) -> bytes:
    body = b"1:a;1:1#" * (size // 8)
    return b"%d:%b}" % (len(body), body)


_FLOWS: dict[str, Callable[[int], bytes]] = {
    "long length": lambda size: b"9" * size + b":",
    "zeros before a length": lambda size: b"0" * size + b"1:x,",
    "deep lists": _nested,
    "many empty maps": lambda size: b"0:}" * (size // 3),
    "many maps of another kind": lambda size: _tnet({"type": "x", "version": 21}) * (size // 40),
    "a map of many keys": lambda size: _tnet({f"k{n}": n for n in range(size // 14)}),
    "equal keys": _same,
    "cut off": lambda size: b"%d:" % (size * 2) + b"x" * size,
    "one long text": lambda size: _tnet("x" * size),
}


# Compressed files


def _zeros(size: int) -> bytes:
    return gzip.compress(bytes(size * 64))  # of 64 MB at 1 MB


_PACKED: dict[str, Callable[[int], bytes]] = {
    "gzip of a HAR": lambda size: gzip.compress(_HARS["many entries"](size)),
    "zlib of a HAR": lambda size: zlib.compress(_HARS["many entries"](size)),
    "gzip bomb": _zeros,
    "gzip in many members": lambda size: gzip.compress(b" ") * (size // 21),
    "gzip that is cut off": lambda size: gzip.compress(_HARS["many entries"](size))[:-20],
}


# Cassettes


def _journal(records: Iterator[Record]) -> bytes:
    return encode_header(_HEADER) + b"".join(map(encode, records))


def _exchanges(size: int, body: bytes = b"{}") -> Iterator[Record]:
    for number in range(size // (300 + 2 * len(body)) + 1):
        seq = 2 * number
        yield Request(seq, seq, number, "c", "POST", "/api/v2/me", _JSON, body)
        yield Response(seq + 1, seq + 1, number, 200, _JSON, body)


def _chunks(size: int) -> Iterator[Record]:
    yield Request(0, 0, 0, "c", "GET", "/events", (), b"")
    yield Response(1, 1, 0, 200, (("Content-Type", "text/event-stream"),), b"", streamed=True)
    for number in range(size // 40):
        yield Chunk(number + 2, number + 2, 0, b":")


def _socket(size: int) -> Iterator[Record]:
    yield Request(0, 0, 0, "c", "GET", "/ws", (("Upgrade", "websocket"),), b"")
    yield Response(1, 1, 0, 101, (), b"")
    for number in range(size // 300):
        yield SocketMessage(number + 2, number + 2, 0, number % 2 == 0, b'{"a":"' + b"x" * 240 + b'"}')


def _tiny(size: int) -> Iterator[Record]:
    yield Request(0, 0, 0, "c", "GET", "/ws", (("Upgrade", "websocket"),), b"")
    yield Response(1, 1, 0, 101, (), b"")
    length = len(encode(SocketMessage(1000, 1000, 0, from_client=True, body=b"{}")))
    for number in range(2, size // length):
        yield SocketMessage(number, number, 0, number % 2 == 0, b"{}")


def _failing(size: int) -> Iterator[Record]:
    for number in range(size // 200):
        yield Request(2 * number, 2 * number, number, "c", "POST", "/api/v2/me/outbound-records/7", _JSON, _HELD)
        yield Failure(2 * number + 1, 2 * number + 1, number, "gone")


def _pipelined(size: int) -> Iterator[Record]:
    count = size // 250
    for number in range(count):
        yield Request(number, number, number, "c", "GET", "/a", (), b"")
    for number in range(count):
        yield Response(count + number, count + number, number, 200, (), b"{}")


def _shared(size: int) -> Iterator[Record]:
    """Operations on one handle without ids, and an event for each, in polls."""
    seq, client = 0, {"clientId": "c1"}
    told = {"notificationType": "ChainedRecordsDataEnd", "record": {"recordHandle": 7, "applicationId": 134}}
    event = {"channel": "/v2/me/outbound", "data": told | {"messageType": "OutboundRecordMessage"}}
    asks: list[tuple[str, bytes, Any]] = [
        ("/cometd", json.dumps([{"channel": "/meta/handshake"}]).encode(),
         [{"channel": "/meta/handshake", "successful": True, **client}]),
    ]  # fmt: skip
    count = size // 1000
    asks += [("/api/v2/me/outbound-records/7", _HELD, {"statusCode": 0})] * count
    poll = json.dumps([{"channel": "/meta/connect", **client}]).encode()
    asks += [("/cometd", poll, [event, {"channel": "/meta/connect", "successful": True}])] * count
    for exchange, (target, body, answer) in enumerate(asks):
        yield Request(seq, seq, exchange, "c", "POST", target, _JSON, body)
        yield Response(seq + 1, seq + 1, exchange, 200, _JSON, json.dumps(answer).encode())
        seq += 2


def _stored(act: Callable[[Path, Path], object], content: bytes) -> None:
    with suppress(RecorderError), tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "worst.cassette")
        path.write_bytes(content)
        act(path, Path(folder))


def _sealed(path: Path, folder: Path, *, archive: bool) -> None:
    target = folder / "sealed.cassette"
    seal(path, target, archive=archive)
    read(target)


def _opened(path: Path, _: Path) -> None:
    with open_recording(path) as opened:
        for _triple in opened.recording.triples:
            pass
        for _triple in opened.recording.plain:
            pass


def _recovered(path: Path, folder: Path) -> None:
    recover(path, folder / "recovered.cassette")


def _migrated(path: Path, folder: Path) -> None:
    migrate(path, folder / "migrated.cassette")


def _linked(content: bytes) -> None:
    path = Path(tempfile.gettempdir(), "worst")
    correlate(_records(content, path), load(_HEADER.dialect), _HEADER)


def _records(content: bytes, path: Path) -> Iterator[Record]:
    from recorder.cassette.codec import decode
    from recorder.cassette.frames import unframe

    for number, found in enumerate(unframe(content, path=str(path))):
        record = decode(found, path=str(path)) if number else None
        if record is not None:
            yield record


_RECORDS: dict[str, Callable[[int], Iterator[Record]]] = {
    "many exchanges": _exchanges,
    "tiny chunks": _chunks,
    "WebSocket messages": _socket,
    "tiny WebSocket messages": _tiny,
    "retries without end": _failing,
    "pipelined exchanges": _pipelined,
    "operations on one handle without ids": _shared,
}


def _noise(size: int) -> bytes:
    frame = encode(Failure(1, 1, 1, "x"))
    return encode_header(_HEADER) + frame[:4] * (size // 4)


_DAMAGED: dict[str, Callable[[int], bytes]] = {
    "heads of frames without a body": _noise,
    "a broken byte in each frame": lambda size: (
        encode_header(_HEADER) + encode(Failure(1, 1, 1, "x" * 50))[:-1].replace(b"x", b"y", 1) * (size // 80)
    ),
    "zeros": lambda size: encode_header(_HEADER) + bytes(size),
    "cut off": lambda size: _journal(_exchanges(size))[:-9],
}

_WAYS: dict[str, Callable[[Path, Path], object]] = {
    "opened": _opened,
    "sealed": partial(_sealed, archive=False),
    "archived": partial(_sealed, archive=True),
}


def _rows() -> Iterator[Row]:
    for name, make in _HARS.items():
        yield Row("importer", f"HAR: {name}", make, partial(_imported, kind="har"))
    for name, make in _FLOWS.items():
        yield Row("importer", f"flows: {name}", make, partial(_imported, kind="flows"))
    for name, make in _PACKED.items():
        yield Row("importer", name, make, partial(_imported, kind="har"))
    for name, records in _RECORDS.items():
        yield Row("correlation", name, _written(records), _linked)
        for way, act in _WAYS.items():
            yield Row("cassette", f"{way}: {name}", _written(records), partial(_stored, act))
    for name, make in _DAMAGED.items():
        yield Row("cassette", f"recovered: {name}", make, partial(_stored, _recovered))
        yield Row("cassette", f"migrated: {name}", make, partial(_stored, _migrated))


def _written(records: Callable[[int], Iterator[Record]]) -> Callable[[int], bytes]:
    return lambda size: _journal(records(size))


ROWS: tuple[Row, ...] = tuple(_rows())
