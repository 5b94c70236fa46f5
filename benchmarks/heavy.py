"""One client pulls large answers through `recorder record` while eight others work: what it costs them, and the end.

Prints the p99 of the eight with and without the one, in turn, and their ratio; then for each kind of message of 300 MB
the most memory of all processes of the recorder, and the seconds from SIGINT to its end. Exits with 1 if the ratio is
more than 2, the memory more than 300 MB, or an end later than 2 seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path

from tests.lab.processes import Server, recorder, serving

CLIENTS, ROUNDS, SECONDS = 8, 3, 12.0
LARGE, HUGE = 16 << 20, 300 << 20
RATIO, MEMORY, END = 2.0, 300 << 20, 2.0
_PAUSE = 0.02  # seconds between two requests of a client that works
_PIECE = 1 << 18
_ASKS = json.dumps({"operationName": "MakeCall", "data": {"phone": "+49 151 2345678", "referenceId": 7}}).encode()
_POLL = b'[{"channel":"/meta/connect","clientId":"7f3a","connectionType":"long-polling","id":"1"}]'
_JSON = b"Content-Type: application/json\r\n"
_OK = b"HTTP/1.1 200 OK\r\n"


@cache
def large(size: int = LARGE) -> bytes:
    """Return an answer to a poll: some hundred thousand events."""
    events, written = [], 2
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


def _zipped() -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for piece in _huge():
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


KINDS: dict[str, tuple[bytes, Callable[[], Iterator[bytes]]]] = {
    "plain": (_JSON + b"Content-Length: %d\r\n" % sum(map(len, _huge())), _huge),
    "chunked": (_JSON + b"Transfer-Encoding: chunked\r\n", lambda: _chunked(_huge())),
    "gzip": (_JSON + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", lambda: _chunked(_zipped())),
    "bomb": (
        _JSON + b"Content-Encoding: gzip\r\n",
        lambda: iter([gzip.compress(b"[" + b" " * HUGE + b"]", 1)]),
    ),
}


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            target = head.split(b" ", 2)[1].decode().strip("/")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            while length:
                length -= len(await reader.read(min(length, _PIECE)))
            if target in KINDS:
                fields, pieces = KINDS[target]
                writer.write(_OK + fields + b"\r\n")
                for piece in pieces():
                    writer.write(piece)
                    await writer.drain()
                if b"Length" not in fields and b"chunked" not in fields:
                    break
                continue
            body = large() if target == "large" else b'{"statusCode":0,"referenceId":7}'
            writer.write(_OK + _JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    writer.close()


async def _server() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    large()
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
        alone: list[float] = []
        beside: list[float] = []
        pulled = 0
        for _ in range(ROUNDS):
            alone += asyncio.run(_round(port, SECONDS))
            pulling = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.heavy", "pull", str(port)], stdout=subprocess.PIPE, text=True
            )
            beside += asyncio.run(_round(port, SECONDS))
            pulling.kill()
            pulled += (pulling.communicate()[0]).count("pulled")
    ratio = _p99(beside) / _p99(alone)
    print(
        f"p99 of {CLIENTS} clients: {_p99(alone):.1f} ms alone ({len(alone)} requests), {_p99(beside):.1f} ms beside "
        f"answers of 16 MiB ({len(beside)} requests, {pulled} answers), most {max(alone) * 1000:.0f} and "
        f"{max(beside) * 1000:.0f} ms; ratio {ratio:.2f}"
    )
    return ratio


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


def _passing(folder: Path, upstream: Server, kind: str, wait: float) -> tuple[int, float]:
    """Return the most bytes of memory while a message of 300 MB passes, and the seconds that the end takes after it.

    Args:
        folder: For the cassette.
        upstream: The server.
        kind: The message.
        wait: Seconds after the message has begun at which the recorder is interrupted.

    """
    with recorder("record", upstream.url, "-o", folder / f"{kind}-{wait}.cassette", "--progress", "none") as proxy:
        port, pid = int(proxy.url.rpartition(":")[2]), proxy.process.pid
        client = subprocess.Popen([sys.executable, "-m", "benchmarks.heavy", "take", str(port), kind])
        most, began = 0, time.monotonic()
        while time.monotonic() < began + wait:
            most = max(most, _memory(pid))
            time.sleep(0.01)
        left, before, withheld = time.monotonic(), _withheld(pid), 0.0
        proxy.process.send_signal(signal.SIGINT)
        while proxy.process.poll() is None:
            most = max(most, _memory(pid))
            time.sleep(0.01)
            withheld = max(withheld, _withheld(pid) - before)
        took = time.monotonic() - left - withheld
        client.kill()
        client.wait()
    return most, took


async def _take(port: int, kind: str) -> None:
    async with _connected(port) as (reader, writer):
        if kind == "upload":
            writer.write(b"POST /upload HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n" + _JSON + b"\r\n")
            for piece in _chunked(_huge()):
                writer.write(piece)
                await writer.drain()
        else:
            writer.write(
                b"POST /%b HTTP/1.1\r\nHost: desk\r\nContent-Length: 2\r\n" % kind.encode() + _JSON + b"\r\n[]"
            )
        while await reader.read(_PIECE):
            pass


def main() -> int:
    """Measure all; return 1 if a number is not what it must be."""
    is_right = True
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with serving([sys.executable, "-m", "benchmarks.heavy", "serve"], ready="listening on ") as upstream:
            is_right &= _with_and_without(folder, upstream) <= RATIO
            for kind in (*KINDS, "upload"):
                for wait in (1.0, 5.0, 25.0) if kind == "plain" else (15.0,):
                    memory, end = _passing(folder, upstream, kind, wait)
                    is_right &= memory <= MEMORY and end <= END
                    print(
                        f"300 MB {kind}, SIGINT after {wait:.0f} s: {memory >> 20} MB of memory at most, "
                        f"end {end:.2f} s later",
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
