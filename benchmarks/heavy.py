"""One client pulls large answers through `recorder record` while eight others work: what it costs them, and the end.

Prints the p99 of the eight with and without the one, in turn, and their ratio: the medians of some rounds, as other
programs take the processors at times. Then for each kind of large message the most memory of all processes of the
recorder, and the seconds from SIGINT to its end: while the message passes, or once the client has it, when the recorder
still redacts what it keeps. Exits with 1 if the ratio is more than 2, the memory more than 300 MB, or an end later than
2 seconds, or if no large answer came through. It takes four minutes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import math
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from tests.integration.captures import ADDON
from tests.lab.processes import MITMDUMP, Server, recorder, serving

CLIENTS, ROUNDS, SECONDS = 8, 3, 15.0  # in less than ten seconds no answer of 16 MiB is whole on a slow machine
LARGE, HUGE = 16 << 20, 300 << 20
RATIO, MEMORY, END = 2.0, 300 << 20, 2.0
_LONGEST = 20.0  # seconds after which a row is measured, also if the client has not all of its message
_PAUSE = 0.02  # seconds between two requests of a client that works
_PIECE = 1 << 18
_ASKS = json.dumps({"operationName": "MakeCall", "data": {"phone": "+49 151 2345678", "referenceId": 7}}).encode()
_POLL = b'[{"channel":"/meta/connect","clientId":"7f3a","connectionType":"long-polling","id":"1"}]'
_JSON = b"Content-Type: application/json\r\n"
_OK = b"HTTP/1.1 200 OK\r\n"


@cache
def large(size: int = LARGE) -> bytes:
    """Return an answer to a poll: some hundred thousand events."""
    events: list[str] = []
    written = 2
    while written < size - 400:
        number = len(events)
        data = {"phone": f"+49 151 {number:08d}", "name": "Ada Lovelace", "handle": number, "list": ["a", {"key": "b"}]}
        events.append(json.dumps({"channel": "/v2/out/calls", "data": data, "id": str(number)}))
        written += len(events[-1]) + 1
    return f"[{','.join(events)}]".encode()


def _huge() -> Iterator[bytes]:
    piece = large(1 << 20)[1:-1] + b","
    yield b"["
    for _ in range(HUGE // len(piece)):
        yield from (piece[at : at + _PIECE] for at in range(0, len(piece), _PIECE))
    yield b"1]"


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _zipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


@cache
def _bomb() -> bytes:
    """Return 300 KB that inflate to 300 MB, an event and spaces without end."""
    spaces = b" " * _PIECE
    return b"".join(_zipped(iter([b'[{"channel":"/v2/out/calls"},', *[spaces] * (HUGE // _PIECE), b"1]"])))


def _fragments() -> Iterator[bytes]:
    """Yield a text message on a WebSocket in fragments (RFC 6455, section 5.2)."""
    for number, piece in enumerate(_huge()):
        yield bytes([0x00 if number else 0x01, 127]) + len(piece).to_bytes(8, "big") + piece


def _accepted(head: bytes) -> bytes:
    key = head.lower().partition(b"sec-websocket-key:")[2]
    asked = head[len(head) - len(key) :].partition(b"\r\n")[0].strip()
    return base64.b64encode(hashlib.sha1(asked + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # RFC 6455


_CHUNKED = _JSON + b"Transfer-Encoding: chunked\r\n"
_GZIP = b"Content-Encoding: gzip\r\n"
KINDS: dict[str, tuple[bytes, Callable[[], Iterator[bytes]]]] = {
    "plain": (_JSON + b"Content-Length: %d\r\n" % sum(map(len, _huge())), _huge),
    "chunked": (_CHUNKED, lambda: _chunked(_huge())),
    "gzip": (_CHUNKED + _GZIP, lambda: _chunked(_zipped(_huge()))),
    "bomb": (_CHUNKED + _GZIP, lambda: _chunked(iter([_bomb()]))),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A large message that passes, and the time at which the recorder is interrupted.

    Attributes:
        kind: The message.
        wait: Seconds after the message has begun; None: once the clients have all of it.
        more: More arguments of the recorder.
        clients: Clients that take such a message at the same time.
        is_script: The addon in mitmdump in place of the recorder.

    """

    kind: str
    wait: float | None = None
    more: tuple[str, ...] = ()
    clients: int = 1
    is_script: bool = False

    def __str__(self) -> str:
        what = f"{self.clients} of 16 MiB" if self.kind == "large" else f"300 MB, {self.kind}"
        return " ".join([what, *self.more, *["in mitmdump"] * self.is_script])


ROWS = (
    Row("plain", 1.0),
    Row("plain"),
    Row("plain", 1.0, is_script=True),
    Row("plain", more=("--rewrite-links",)),
    Row("chunked"),
    Row("gzip"),
    Row("bomb"),
    Row("upload", 1.0),
    Row("upload"),
    Row("socket"),
    Row("large", 4.0, is_script=True),
    Row("large", 12.0, clients=8),
)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            target = head.split(b" ", 2)[1].decode().strip("/")
            await _read_body(head, reader)
            if target in KINDS:
                fields, pieces = KINDS[target]
                writer.write(_OK + fields + b"\r\n")
                await _write_all(writer, pieces())
            elif target == "socket":
                switching = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                writer.write(switching + b"Sec-WebSocket-Accept: %b\r\n\r\n" % _accepted(head))
                await _write_all(writer, _fragments())
            else:
                body = large() if target == "large" else b'{"statusCode":0,"referenceId":7}'
                writer.write(_OK + _JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
    writer.close()


async def _read_body(head: bytes, reader: asyncio.StreamReader) -> None:
    if b"transfer-encoding: chunked" in head.lower():
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
        return
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
    while length:
        length -= len(await reader.read(min(length, _PIECE)))


async def _write_all(writer: asyncio.StreamWriter, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def _server() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    large(), _bomb()
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, body: bytes) -> None:
    writer.write(b"POST /%b HTTP/1.1\r\nHost: desk\r\nContent-Length: %d\r\n" % (target.encode(), len(body)))
    writer.write(_JSON + b"\r\n" + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    while length:
        got = len(await reader.read(min(length, _PIECE)))
        if not got:
            raise ConnectionError("the answer ends early")
        length -= got


async def _works(port: int, until: float, took: list[float]) -> None:
    async with _connected(port) as (reader, writer):
        while (began := time.perf_counter()) < until:
            await _ask(reader, writer, "call", _ASKS)
            took.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)


async def _round(port: int, seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_works(port, until, took) for _ in range(CLIENTS)))
    return took


async def _pull(port: int) -> None:
    async with _connected(port) as (reader, writer):
        while True:
            await _ask(reader, writer, "large", _POLL)
            print("pulled", flush=True)


def _p99(took: list[float]) -> float:
    return sorted(took)[len(took) * 99 // 100] * 1000


def _with_and_without(folder: Path, upstream: Server) -> float:
    with recorder("record", upstream.url, "-o", folder / "s.cassette", "--progress", "none") as proxy:
        port = int(proxy.url.rpartition(":")[2])
        asyncio.run(_round(port, 2.0))
        alone: list[list[float]] = []
        beside: list[list[float]] = []
        pulled = 0
        for _ in range(ROUNDS):
            alone.append(asyncio.run(_round(port, SECONDS)))
            pulling = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.heavy", "pull", str(port)], stdout=subprocess.PIPE, text=True
            )
            beside.append(asyncio.run(_round(port, SECONDS)))
            pulling.kill()
            pulled += (pulling.communicate()[0]).count("pulled")
    usual, then = statistics.median(map(_p99, alone)), statistics.median(map(_p99, beside))
    ratio = then / usual
    print(
        f"p99 of {CLIENTS} clients: {usual:.1f} ms alone ({sum(map(len, alone))} requests), {then:.1f} ms beside "
        f"answers of 16 MiB ({sum(map(len, beside))} requests, {pulled} answers), "
        f"most {max(map(max, alone)) * 1000:.0f} and {max(map(max, beside)) * 1000:.0f} ms; ratio {ratio:.2f}",
        flush=True,
    )
    return ratio if pulled else math.inf


def _memory(pid: int) -> int:
    """Return the bytes of memory of a process and its children: of shared pages each has its part."""
    total = 0
    for process in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0]) << 10
    return total


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        texts = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
        return [int(number) for text in texts for number in text.split()]
    return []


def _withheld(pid: int) -> float:
    """Return the seconds in which a process could run, but got no processor; they do not count at the end."""
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return 0.0


@contextlib.contextmanager
def _front(path: Path, upstream: Server, row: Row) -> Iterator[Server]:
    if not row.is_script:
        with recorder("record", upstream.url, "-o", path, "--progress", "none", *row.more) as proxy:
            yield proxy
        return
    options = ["--set", f"cassette={path}", "--mode", f"reverse:{upstream.url}", "--listen-host=127.0.0.1", "-p0"]
    with serving([MITMDUMP, "-s", str(ADDON), *options], ready="listening at") as proxy:
        yield proxy


def _passing(path: Path, upstream: Server, row: Row) -> tuple[int, float, float]:
    """Return the most bytes of memory while messages pass, the seconds of that, and those that the end takes after it.

    Args:
        path: The cassette.
        upstream: The server.
        row: What passes.

    """
    with _front(path, upstream, row) as proxy:
        port, pid = int(proxy.url.rpartition(":")[2]), proxy.process.pid
        arguments = [sys.executable, "-m", "benchmarks.heavy", "take", str(port), row.kind]
        takes = [subprocess.Popen(arguments, stdout=subprocess.PIPE) for _ in range(row.clients)]
        most, began, end, first = 0, time.monotonic(), time.monotonic() + _LONGEST, takes[0].stdout
        while time.monotonic() < end and any(client.poll() is None for client in takes):
            most = max(most, _memory(pid))
            if row.wait is not None and first is not None and select.select([first], [], [], 0)[0]:
                end, first = time.monotonic() + row.wait, None
            time.sleep(0.01)  # between two looks at the memory
        left, before, withheld = time.monotonic(), _withheld(pid), 0.0
        proxy.process.send_signal(signal.SIGINT)
        while proxy.process.poll() is None:
            most = max(most, _memory(pid))
            time.sleep(0.01)  # between two looks at the memory
            withheld = max(withheld, _withheld(pid) - before)
        took = time.monotonic() - left - withheld
        for client in takes:
            client.kill()
            client.communicate()
    return most, left - began, took


async def _take(port: int, kind: str) -> None:
    head = b"Host: desk\r\nConnection: close\r\n" + _JSON
    async with _connected(port) as (reader, writer):
        if kind == "upload":
            writer.write(b"POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + head + b"\r\n")
            pieces = _chunked(_huge())
            await _write_all(writer, islice(pieces, 20))
            print("begun", flush=True)
            await _write_all(writer, pieces)
        elif kind == "socket":
            upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            writer.write(b"GET /socket HTTP/1.1\r\nHost: desk\r\n" + upgrade + key + b"\r\n")
        else:
            asks = _POLL if kind == "large" else b"[]"
            writer.write(b"POST /%b HTTP/1.1\r\nContent-Length: %d\r\n" % (kind.encode(), len(asks)))
            writer.write(head + b"\r\n" + asks)
        if kind == "large" or await reader.read(1):  # nothing of a large one comes before it is redacted
            print("begun", flush=True)
        while await reader.read(_PIECE):
            pass


def main() -> int:
    """Measure all; return 1 if a number is not what it must be."""
    is_right = True
    with (
        tempfile.TemporaryDirectory() as made,
        serving([sys.executable, "-m", "benchmarks.heavy", "serve"], ready="listening on ") as upstream,
    ):
        is_right &= _with_and_without(Path(made), upstream) <= RATIO
        for number, row in enumerate(ROWS):
            memory, passed, end = _passing(Path(made) / f"{number}.cassette", upstream, row)
            is_right &= memory <= MEMORY and end <= END
            print(
                f"{row!s:32} {memory >> 20:4} MB at most, SIGINT after {passed:4.1f} s, end {end:.2f} s later",
                flush=True,
            )
    print("all as it must be" if is_right else "not as it must be")
    return int(not is_right)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(_server())
        case ["pull", port]:
            asyncio.run(_pull(int(port)))
        case ["take", port, kind]:
            with contextlib.suppress(ConnectionError):  # the recorder ends
                asyncio.run(_take(int(port), kind))
        case _:
            raise SystemExit(main())
