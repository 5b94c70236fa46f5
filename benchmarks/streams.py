"""What recording adds to the delay of an event on a stream: `recorder record` and mitmdump alone, side by side.

    python -m benchmarks.streams [--smoke]

Several streams at once, at the pace of a busy desktop. An event says when it was sent, by a clock that is the same in
all processes of a machine; its delay is what has passed when the client has it whole. Both proxies get the same streams
in turn, and the server directly, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from benchmarks.proxies import ALONE, OURS, cassette, proxy
from benchmarks.rows import Row, Scale
from recorder.cassette.reader import read
from recorder.model import Chunk
from tests.lab.processes import Server, serving

COMMAND = "python -m benchmarks --only streams"
_SIZES = {Scale.FULL: (10, 40), Scale.SMOKE: (1, 20)}  # rounds, events of each stream
_STREAMS, _PAUSE = 4, 0.05  # streams at once; seconds between the events of one
_MOST = 20.0  # ms that an event may be later
DIRECT = "the server itself"


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    rounds, events = _SIZES[scale]
    found: dict[str, list[float]] = {DIRECT: [], ALONE: [], OURS: []}  # ms, the p99 of each round
    with TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        server = stack.enter_context(_server())
        urls = {DIRECT: server.url}
        for name in (ALONE, OURS):
            options = ["--set", "stream_large_bodies=1"] if name == ALONE else []  # else it waits for the end
            urls[name] = stack.enter_context(proxy(folder, name, server, *options)).url
        for place in range(rounds + 1):
            for name, url in urls.items():
                took = asyncio.run(_load(url, events))
                if place:  # the first round does not count
                    found[name].append(took[len(took) * 99 // 100])
        stack.close()
        sent = (rounds + 1) * events * _STREAMS
        kept = sum(r.body.count(b"\ndata: ") for r in read(cassette(folder, OURS)).records if isinstance(r, Chunk))
    later = median(ours - direct for ours, direct in zip(found[OURS], found[DIRECT], strict=True))
    ratio = median(ours / alone for ours, alone in zip(found[OURS], found[ALONE], strict=True))
    facts = [
        f"{rounds} rounds of {events} events on each of {_STREAMS} streams, one every {1000 * _PAUSE:.0f} ms.",
        *(f"{name}: p99 {median(one):.2f} ms." for name, one in found.items()),
        f"Against mitmdump alone: {ratio:.2f} times its p99.",
        f"Of {sent} events {sent - kept} are not in the cassette.",
    ]
    holds = (later <= _MOST and kept == sent) if scale is Scale.FULL else None
    what = "recorder record with redaction: how much later an event of a stream is, p99"
    return [Row(what, f"≤ {_MOST:.0f} ms", f"{later:.2f} ms", holds, COMMAND, tuple(facts))]


async def _load(url: str, events: int) -> list[float]:
    """The delays of all events in ms, the shortest first."""
    found = await asyncio.gather(*(_delays(url, events) for _ in range(_STREAMS)))
    return sorted(delay for one in found for delay in one)


async def _delays(url: str, events: int) -> list[float]:
    parts, found = urlsplit(url), list[float]()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /events?{events} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    while len(found) < events:
        line = await reader.readline()
        if line.startswith(b"data: "):
            found.append((time.monotonic_ns() - json.loads(line[6:])["t"]) / 1e6)
    writer.close()
    return found


@contextmanager
def _server() -> Iterator[Server]:
    with serving([sys.executable, "-m", "benchmarks.streams", "serve"], ready="listening ") as server:
        yield server


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    print(f"listening http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number in range(int(head.partition(b"?")[2].partition(b" ")[0])):
        record = {"topicName": "v2.users.7.calls", "eventBody": {"id": f"{number:032x}", "phone": "+49 89 1234567"}}
        text = json.dumps({"t": time.monotonic_ns(), **record, "text": "Zoë asks again. " * 10})
        event = f"id: {number}\ndata: {text}\n\n".encode()
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await asyncio.sleep(_PAUSE)
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    writer.close()


def main(arguments: list[str]) -> int:
    """Run it; exit code 1 if the target is missed."""
    if arguments == ["serve"]:
        asyncio.run(_serve())
    (row,) = rows(Scale.SMOKE if "--smoke" in arguments else Scale.FULL)
    print("\n  ".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts]))
    return int(row.holds is False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
